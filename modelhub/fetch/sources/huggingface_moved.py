"""Repositories that were removed from the hub, and the repositories that have the same files now.

The requested name is always tried first; a successor is used only where the hub has no repository of that name.
"""

from __future__ import annotations

_V1 = "stable-diffusion-v1-5"
_V2 = ("stable-diffusion-2", *(f"stable-diffusion-2-{part}" for part in ("base", "1", "1-base", "inpainting")))

# Since 2024-08 for runwayml's, 2025-11 for stabilityai's. Names are compared without case, as at the hub.
_SUCCESSORS: dict[str, str] = {
    f"runwayml/{_V1}": f"{_V1}/{_V1}",
    "runwayml/stable-diffusion-inpainting": f"{_V1}/stable-diffusion-inpainting",
    **{f"stabilityai/{name}": f"sd2-community/{name}" for name in _V2},
}


def find_successor(repository: str) -> str | None:
    """Return the repository that has the files of `repository` ("org/name") now, None where none is known."""
    return _SUCCESSORS.get(repository.lower())


def moved_repositories() -> tuple[tuple[str, str], ...]:
    """Return all known moves as pairs of the removed repository and its successor."""
    return tuple(_SUCCESSORS.items())
