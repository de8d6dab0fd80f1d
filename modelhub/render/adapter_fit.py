"""The share of an adapter that fits a base."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AdapterFit:
    """The parts of an adapter's file: how many are placed on a base, how many there are, and the names of the others.

    Of `unplaced`, `incomplete` lack weights in the file, and `unsupported` are of an algorithm that is not known here;
    the rest have no counterpart in the base.
    """

    placed: int
    total: int
    unplaced: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of the parts that are placed, between 0 and 1."""
        return self.placed / self.total if self.total else 0.0

    @property
    def foreign(self) -> tuple[str, ...]:
        """The unplaced parts that are whole and of a known algorithm: they belong to another architecture."""
        known = {*self.incomplete, *self.unsupported}
        return tuple(name for name in self.unplaced if name not in known)
