"""How a model is rendered: pure values, with defaults by architecture and device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

VERSION = 2  # of what a test does; a new one makes earlier results stale
PROMPT = "a red apple on a wooden table, soft daylight"
STRENGTHS = (1.0, 0.5)
SAMPLERS = ("ddim", "euler", "euler-a", "dpm++-2m")
# A network of fewer parameters is so cheap that a picture worth looking at costs nothing.
SMALL = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the picture besides the weights. `size` is in pixels, of both sides.

    A field that is None takes the default of the architecture and the device.
    """

    prompt: str = PROMPT
    negative_prompt: str = ""
    seed: int = 1
    sampler: str = "ddim"
    steps: int | None = None
    size: int | None = None
    guidance: float | None = None
    strengths: tuple[float, ...] = STRENGTHS
    version: int = VERSION

    def key(self, *, parts: Mapping[str, str | None]) -> str:
        """A digest of what decides the result; `parts` are the hashes of the files that take part."""
        text = json.dumps([asdict(self), sorted(parts.items(), key=str)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Steps, size in pixels and guidance."""

    steps: int
    size: int
    guidance: float


# (architecture, device kind) → defaults. On a CPU the cheapest render that still tells a healthy model from a broken
# one (figures: the project's facts on rendering); on a GPU a picture worth looking at.
DEFAULTS: dict[tuple[str, str], Defaults] = {
    ("sd1", "cpu"): Defaults(2, 256, 5.0),
    ("sd2", "cpu"): Defaults(2, 256, 5.0),
    ("sdxl", "cpu"): Defaults(2, 256, 5.0),
    ("sdxl-refiner", "cpu"): Defaults(2, 256, 5.0),
    ("other", "cpu"): Defaults(2, 256, 4.0),
    ("sd1", "gpu"): Defaults(20, 512, 7.0),
    ("sd2", "gpu"): Defaults(20, 512, 7.0),
    ("sdxl", "gpu"): Defaults(20, 1024, 6.0),
    ("sdxl-refiner", "gpu"): Defaults(20, 1024, 6.0),
    ("other", "gpu"): Defaults(12, 512, 4.0),
}
# Small networks are weakly trained: strong guidance drives their colours out of range.
SMALL_DEFAULTS = Defaults(20, 128, 1.5)


def settled(
    recipe: Recipe, *, architecture: str, device: str, parameters: int, native: int | None, multiple: int = 8
) -> Recipe:
    """The recipe with every open field decided.

    `device`: "cpu", "cuda:0", "mps"; `parameters`: of the UNet or transformer; `native`: the side in pixels that the
    model was trained at, where it says so. `multiple`: what the side must be a multiple of.
    """
    kind = "cpu" if device == "cpu" else "gpu"
    row = DEFAULTS.get((architecture, kind), DEFAULTS["other", kind])
    if parameters < SMALL:
        row = replace(SMALL_DEFAULTS, size=native or SMALL_DEFAULTS.size)
    size = recipe.size if recipe.size is not None else min(row.size, native or row.size)
    return replace(
        recipe,
        steps=recipe.steps if recipe.steps is not None else row.steps,
        guidance=recipe.guidance if recipe.guidance is not None else row.guidance,
        size=max(multiple, size // multiple * multiple),
    )
