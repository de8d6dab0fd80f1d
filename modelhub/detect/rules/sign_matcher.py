"""The patterns of all signs, sorted by kind, so that one name is compared with all of them at once.

A file can hold a hundred thousand names of its author's invention: comparing each with one sign after another would
take seconds.
"""

from __future__ import annotations

from collections import defaultdict

from modelhub.detect.rules.rows import Sign, split_pattern


class SignMatcher:
    """The signs that names of one component can carry, either as deltas or as plain tensors."""

    def __init__(self, signs: tuple[Sign, ...], component: str, delta: bool) -> None:
        self._signs = [sign for sign in signs if sign.applies_to(component, delta)]
        self._whole: defaultdict[str, list[int]] = defaultdict(list)
        starts: list[tuple[str, int]] = []
        ends: list[tuple[str, int]] = []
        self._inside: list[tuple[str, int]] = []
        for number, sign in enumerate(self._signs):
            for pattern in sign.patterns:
                at_start, core, at_end = split_pattern(pattern)
                if at_start and at_end:
                    self._whole[core].append(number)
                else:
                    (starts if at_start else ends if at_end else self._inside).append((core, number))
        self._starts, self._ends = starts, ends
        self._start_texts = tuple(text for text, _ in starts)
        self._end_texts = tuple(text for text, _ in ends)

    def find(self, template: str) -> list[Sign]:
        """Return the signs that a name carries, in the table's order; `template`: the name with `#` for numbers."""
        found = {number for text, number in self._inside if text in template}
        found.update(self._whole.get(template, ()))
        if template.startswith(self._start_texts):
            found.update(number for text, number in self._starts if template.startswith(text))
        if template.endswith(self._end_texts):
            found.update(number for text, number in self._ends if template.endswith(text))
        return [self._signs[number] for number in sorted(found)]
