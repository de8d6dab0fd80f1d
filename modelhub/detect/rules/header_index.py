"""The compact index of one header, made in one pass over the tensor names; every table reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice

from modelhub.detect.rules.name_traits import NameTraits
from modelhub.detect.rules.ruleset import Rules
from modelhub.detect.rules.shapes import measure
from modelhub.formats.header import Header, TensorInfo

_TOKEN_WIDTHS = frozenset({768, 1024, 1280})
_BARE_LIMIT = 64
_MOST_NAMES = 12_000
_MOST_CHARACTERS = 3_000_000
_NO_WIDTHS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class HeaderIndex:
    """The signs and widths in a header, by its rules. `traits`: one tensor name for each distinct set of traits."""

    header: Header
    rules: Rules
    traits: Mapping[NameTraits, str]
    signs: frozenset[str]
    groups: frozenset[str]
    widths: Mapping[str, frozenset[int]]

    def has(self, *signs: str) -> bool:
        """Return whether the header has all these signs."""
        return all(s in self.signs for s in signs)

    def any(self, *signs: str) -> bool:
        """Return whether the header has one of these signs."""
        return any(s in self.signs for s in signs)

    def width(self, subject: str) -> frozenset[int]:
        """Return all values that were read for a subject."""
        return self.widths.get(subject, _NO_WIDTHS)

    def example(self, sign: str) -> str | None:
        """Return a tensor name that carries a sign, None without one."""
        return next((key for traits, key in self.traits.items() if sign in traits.signs), None)


def _bare_vectors(header: Header, signs: frozenset[str]) -> bool:
    """Return whether the header is diffusers' textual inversion: only token names with one or a few vectors each."""
    tensors = header.tensors
    return (
        0 < len(tensors) <= _BARE_LIMIT
        and not signs
        and all(
            key and "." not in key and 1 <= len(t.shape) <= 2 and t.shape[-1] in _TOKEN_WIDTHS
            for key, t in tensors.items()
        )
    )


@lru_cache(maxsize=512)
def _groups(signs: frozenset[str]) -> frozenset[str]:
    return frozenset(s.partition(":")[0] for s in signs)


def _examined_names(tensors: Mapping[str, TensorInfo]) -> Collection[str]:
    """Return the names that are compared with the rules: all, except in a file with more than any network has."""
    if len(tensors) <= _MOST_NAMES and sum(map(len, tensors)) <= _MOST_CHARACTERS:
        return tensors
    room = accumulate(map(len, tensors))
    return [name for name, used in zip(islice(tensors, _MOST_NAMES), room, strict=False) if used <= _MOST_CHARACTERS]


def index_header(header: Header, rules: Rules) -> HeaderIndex:
    """Index a header by these rules."""
    tensors = header.tensors
    names = _examined_names(tensors)
    found = dict(zip(map(rules.traits_of, names), names, strict=True))
    signs = frozenset().union(*(traits.signs for traits in found))
    widths: dict[str, set[int]] = {}
    for traits, key in found.items():
        for measurement in traits.measurements:
            value = measure(measurement, key, tensors)
            if value is not None:
                seen = widths.get(measurement.subject)
                if seen is None:
                    widths[measurement.subject] = {value}
                else:
                    seen.add(value)
    if _bare_vectors(header, signs):
        signs |= {"embedding:bare"}
        widths["vector"] = {t.shape[-1] for t in tensors.values()}
        widths["vectors"] = {t.shape[0] if len(t.shape) > 1 else 1 for t in tensors.values()}
    return HeaderIndex(
        header=header,
        rules=rules,
        traits=found,
        signs=signs,
        groups=_groups(signs),
        widths={k: frozenset(v) for k, v in widths.items()},
    )
