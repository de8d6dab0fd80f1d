"""The tables that identification works with, as one value: the built-in ones, or these and the rows of plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from modelhub.detect.rules.name_traits import NameTraits, traits_reader
from modelhub.detect.rules.rows import FamilyRow, Sign, TypeRow


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rows of the detection tables. A plug-in's entry point in the group `modelhub.rules` names a value of this class.

    Signs of a plug-in may be used by its types and families; a family's signs make a plain tensor a network's.
    """

    signs: tuple[Sign, ...] = ()
    types: tuple[TypeRow, ...] = ()
    families: tuple[FamilyRow, ...] = ()

    def __add__(self, other: Rules) -> Rules:
        """Return the rows of both."""
        return Rules(
            signs=self.signs + other.signs, types=self.types + other.types, families=self.families + other.families
        )

    @cached_property
    def network_groups(self) -> frozenset[str]:
        """Groups of signs whose plain tensors mean that a whole denoising network is in the file."""
        return frozenset(sign.partition(":")[0] for row in self.families for sign in row.one_of)

    @cached_property
    def traits_of(self) -> Callable[[str], NameTraits]:
        """The function that reads the traits of a tensor's name, with a memory of its own."""
        return traits_reader(self.signs, self.network_groups)
