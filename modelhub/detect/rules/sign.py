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
    components: tuple[str, ...] = NET
    probes: Probes = ()
    plain: bool | None = None

    def fits(self, component: str, template: str, delta: bool) -> bool:
        """Whether a name carries this sign."""
        if component not in self.components or (self.plain is not None and self.plain == delta):
            return False
        return any(_matches(p, template) for p in self.patterns)


def _matches(pattern: str, template: str) -> bool:
    start, end = pattern[0] == "^", pattern[-1] == "$"
    core = pattern[start : len(pattern) - end]
    if start and end:
        return template == core
    if start:
        return template.startswith(core)
    return template.endswith(core) if end else core in template
