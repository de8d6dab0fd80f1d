"""Rows of the detection tables: signs, types and families. Plug-ins write rows of the same classes.

A sign is a piece of a tensor's name that tells a network apart. Patterns are compared with the name in its one spelling
(see key_dialects.py): `^` binds to the start of the name after its component prefix, `$` to the end, `#` is a number.
A sign's group is the word before its colon ("te" of "te:clip"). No table has an order: exactly one type, and at most
one architecture, fits a real layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelhub.domain import ModelType

# Components of a model that a sign may be found in; "" is a name without a component's prefix.
NET = ("", "net")
CTRL = ("", "control", "net")
TEXT = ("", "te", "te2", "te3")
VAE = ("", "vae")
BARE = ("",)
Probes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign: a name with one of `patterns` in one of `components` carries it.

    `probes`: (subject, side) pairs to read off the tensor's shape, such as ("hidden", "in") for the input width;
    "{component}" in a subject stands for the component. `plain`: True for whole weights only, False for deltas only.
    """

    name: str
    patterns: tuple[str, ...]
    components: tuple[str, ...] = NET
    probes: Probes = ()
    plain: bool | None = None

    def applies_to(self, component: str, delta: bool) -> bool:
        """Return whether names of this component can carry the sign, as deltas or as plain tensors."""
        return component in self.components and (self.plain is None or self.plain != delta)


def split_pattern(pattern: str) -> tuple[bool, str, bool]:
    """Return whether a pattern binds to the start, its text, and whether it binds to the end."""
    start, end = pattern[0] == "^", pattern[-1] == "$"
    return start, pattern[start : len(pattern) - end], end


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """One type. Of `one_of` and of `also` one group of signs must be there each; none of `never` may be there.

    `why` is the evidence that users see, such as "a denoising network alone".
    """

    type: ModelType
    one_of: frozenset[str]
    also: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One family of transformers: `one_of` these signs, none of `never`, and every width read is within `widths`.

    `measured`: one of these widths must have been read at all.
    """

    architecture: str
    one_of: tuple[str, ...]
    never: tuple[str, ...] = ()
    widths: Mapping[str, frozenset[int]] = field(default_factory=dict)
    measured: tuple[str, ...] = ()
