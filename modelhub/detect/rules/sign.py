"""What a sign is: a row that says which tensor names carry it.

Patterns are plain pieces of the name in its one spelling (see names.py): `^` binds to the start of the name after its
component prefix, `$` to the end, `#` is a counting number. A sign's group is the word before its colon.
"""

from __future__ import annotations

from dataclasses import dataclass

NET = ("", "net")
CTRL = ("", "control", "net")
TEXT = ("", "te", "te2", "te3")
VAE = ("", "vae")
BARE = ("",)
Probes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign. `network`: a plain tensor with it belongs to a whole network, not to a delta."""

    name: str
    patterns: tuple[str, ...]
    spaces: tuple[str, ...] = NET
    probes: Probes = ()
    plain: bool | None = None

    def fits(self, space: str, skeleton: str, delta: bool) -> bool:
        """Whether a name carries this sign."""
        if space not in self.spaces or (self.plain is not None and self.plain == delta):
            return False
        return any(_matches(p, skeleton) for p in self.patterns)


def _matches(pattern: str, skeleton: str) -> bool:
    start, end = pattern[0] == "^", pattern[-1] == "$"
    core = pattern[start : len(pattern) - end]
    if start and end:
        return skeleton == core
    if start:
        return skeleton.startswith(core)
    return skeleton.endswith(core) if end else core in skeleton
