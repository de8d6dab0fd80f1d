"""Repositories that have left the hub, and where the same files are now.

The asked-for name is always tried first; a successor counts only when the hub says that the name is not there.
"""

from __future__ import annotations

_V1 = "stable-diffusion-v1-5"
_V2 = ("stable-diffusion-2", *(f"stable-diffusion-2-{part}" for part in ("base", "1", "1-base", "inpainting")))

# Since 2024-08 for runwayml's, 2025-11 for stabilityai's. Names compare without regard to case, as at the hub.
_SUCCESSORS: dict[str, str] = {
    f"runwayml/{_V1}": f"{_V1}/{_V1}",
    "runwayml/stable-diffusion-inpainting": f"{_V1}/stable-diffusion-inpainting",
    **{f"stabilityai/{name}": f"sd2-community/{name}" for name in _V2},
}


def successor(repository: str) -> str | None:
    """The repository that now holds the files of `repository` ("org/name"), None when none is known."""
    return _SUCCESSORS.get(repository.lower())


def moved_repositories() -> tuple[tuple[str, str], ...]:
    """All known moves as (asked for, where it is now)."""
    return tuple(_SUCCESSORS.items())
