"""The recipe of a render: pure values, with defaults by architecture and device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

VERSION = 2  # of the test's procedure; a new one makes earlier results stale
PROMPT = "a red apple on a wooden table, soft daylight"
STRENGTHS = (1.0, 0.5)
# A network of fewer parameters renders so fast that a full number of steps costs nothing.
SMALL = 50_000_000


class Sampler(StrEnum):
    """A sampler for bases with a UNet; other pipelines use their own."""

    DDIM = "ddim"
    EULER = "euler"
    EULER_A = "euler-a"
    DPM_2M = "dpm++-2m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings that decide a picture besides the weights. `size`: pixels of both sides.

    A field that is None takes the default of the architecture and the device.
    """

    prompt: str = PROMPT
    negative_prompt: str = ""
    seed: int = 1
    sampler: str = Sampler.DDIM.value
    steps: int | None = None
    size: int | None = None
    guidance: float | None = None
    strengths: tuple[float, ...] = STRENGTHS
    version: int = VERSION

    def key(self, *, parts: Mapping[str, str | None]) -> str:
        """Return a digest of the recipe and of the files that take part, whose hashes are `parts`."""
        text = json.dumps([asdict(self), sorted(parts.items(), key=str)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Defaults:
    """The default steps, size in pixels and guidance."""

    steps: int
    size: int
    guidance: float


# (architecture, device kind) → defaults. On a CPU the cheapest render that still separates healthy from broken models
# (docs/render-test.md); on a GPU a finished picture.
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
# Small networks are weakly trained: strong guidance drives their colors out of range.
SMALL_DEFAULTS = Defaults(20, 128, 1.5)


def settle(
    recipe: Recipe, *, architecture: str, device: str, parameters: int, native_size: int | None, multiple: int = 8
) -> Recipe:
    """Return the recipe with every open field decided.

    `device`: "cpu", "cuda:0", "mps"; `parameters`: of the UNet or transformer; `native_size`: the side in pixels that
    the model was trained at, where its file states it; `multiple`: the side is rounded down to a multiple of it.
    """
    kind = "cpu" if device == "cpu" else "gpu"
    row = DEFAULTS.get((architecture, kind), DEFAULTS["other", kind])
    if parameters < SMALL:
        row = replace(SMALL_DEFAULTS, size=native_size or SMALL_DEFAULTS.size)
    size = recipe.size if recipe.size is not None else min(row.size, native_size or row.size)
    return replace(
        recipe,
        steps=recipe.steps if recipe.steps is not None else row.steps,
        guidance=recipe.guidance if recipe.guidance is not None else row.guidance,
        size=max(multiple, size // multiple * multiple),
    )
