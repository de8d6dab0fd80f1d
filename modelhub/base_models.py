"""Base models as sources name them ("SD 1.5", "Pony", "Flux.1 D"), and what people call an architecture."""

from __future__ import annotations

import re

# Beginnings of a source's free-text base, of A1111's "sd version" and of an AIR name's ecosystem → architecture.
_BASES = (
    ("sd 1", "sd1"),
    ("sd1", "sd1"),
    ("sd 2", "sd2"),
    ("sd2", "sd2"),
    ("sd 3", "sd3"),
    ("sd3", "sd3"),
    ("sdxl", "sdxl"),
    ("pony", "sdxl"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("flux.1", "flux"),
    ("flux1", "flux"),
    ("flux.2", "flux2"),
    ("qwen", "qwen-image"),
    ("kolors", "kolors"),
    ("wan", "wan"),
)
_TITLES = {
    "sd1": "SD 1.x",
    "sd2": "SD 2.x",
    "sd3": "SD 3",
    "sdxl": "SDXL",
    "sdxl-refiner": "SDXL Refiner",
    "flux": "FLUX.1",
    "flux2": "FLUX.2",
}
# Words in the name of a version that state its architecture; not in the middle of a longer word.
_NAMED = (
    (re.compile(r"(?<![a-z])(?:sd[ ._-]?)?xl(?![a-z])|(?<![a-z])(?:pony|illustrious|noobai)(?![a-z])", re.I), "sdxl"),
    (re.compile(r"(?<![a-z])sd[ ._-]?v?1(?:[ ._]?[45])?(?![0-9])", re.I), "sd1"),
    (re.compile(r"(?<![a-z])sd[ ._-]?v?2(?:[ ._]?[01])?(?![0-9])", re.I), "sd2"),
    (re.compile(r"(?<![a-z])flux(?![a-z])", re.I), "flux"),
)


def source_architecture(base_model: str | None) -> str | None:
    """Return the architecture of a base model as a source names it, None for an unknown name."""
    words = (base_model or "").strip().lower()
    return next((arch for begin, arch in _BASES if words.startswith(begin)), None)


def named_architecture(name: str | None) -> str | None:
    """Return the one architecture that the words of a version's name state, None where they state none or several."""
    found = {arch for pattern, arch in _NAMED if pattern.search(name or "")}
    return found.pop() if len(found) == 1 else None


def without_architecture(name: str) -> str:
    """Return a name without the words that state its architecture."""
    for pattern, _ in _NAMED:
        name = pattern.sub(" ", name)
    return name.strip()


def architecture_title(architecture: str) -> str:
    """Return what people call an architecture: "SDXL" for sdxl; an uncommon one is its own name."""
    return _TITLES.get(architecture, architecture)


def is_same_family(one: str, other: str) -> bool:
    """Return whether two architectures are equal as far as a source's words go, in which a refiner is SDXL, too."""
    return one.split("-")[0] == other.split("-")[0] if "sdxl" in (one, other) else one == other
