"""The options of a render test, checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from modelhub.choices import member
from modelhub.config import RenderSection
from modelhub.domain import ModelRecord, ModelType
from modelhub.errors import Remedy, UsageError
from modelhub.render.recipes import PROMPT, Recipe, Sampler
from modelhub.render.runner import Limits
from modelhub.words import WordKind, canonical

STEPS = range(1, 501)
SIZES = range(64, 4097)  # pixels
GUIDANCE = (1.0, 50.0)
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


class RenderSelection(StrEnum):
    """The models that are tested when none are named."""

    PENDING = "pending"  # never tested, or changed since
    ALL = "all"
    FAILED = "failed"
    STALE = "stale"  # tested, but the file or the recipe has changed since


class RenderTestType(StrEnum):
    """A type of model that can be render-tested."""

    BASE = ModelType.BASE.value
    VAE = ModelType.VAE.value
    LORA = ModelType.LORA.value
    EMBEDDING = ModelType.EMBEDDING.value
    HYPERNETWORK = ModelType.HYPERNETWORK.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """The options of a run. `base`: the base for adapters; `bases`: architecture → preferred base, from the settings.

    `limit`: the most models that are tested. `as_preview`: write a preview picture beside each model that works.
    Making one raises UsageError for a value that is not valid.
    """

    recipe: Recipe = field(default_factory=Recipe)
    device: str = "auto"
    base: ModelRecord | None = None
    bases: Mapping[str, ModelRecord] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    limit: int | None = None
    as_preview: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", canonical(WordKind.DEVICE, self.device) or self.device)
        if not _DEVICE.fullmatch(self.device):
            raise UsageError(
                f"`{self.device}` is not a valid device.", "Choose `auto`, `cpu`, `mps`, `cuda` or a number: `cuda:1`."
            )
        if self.base is not None and self.base.detection.type is not ModelType.BASE:
            raise UsageError(
                f"{self.base.name} is not a base: its type is {self.base.detection.type.value}.",
                Remedy("Choose a base of the library.", "list-bases"),
            )
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"The limit of models is {self.limit}; it must be at least 1.")
        object.__setattr__(self, "recipe", _checked_recipe(self.recipe))


def options_from(settings: RenderSection, find: Callable[[str], ModelRecord]) -> RenderOptions:
    """Return the options of the settings; `find` returns the model for a reference. Raise what `find` raises."""
    return RenderOptions(
        recipe=Recipe(prompt=settings.prompt or PROMPT),
        device=settings.device,
        bases=preferred_bases(settings.bases, find),
        limits=Limits(seconds=float(settings.timeout), memory=settings.memory),
    )


def _checked_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe with the stored name of its sampler. Raise UsageError for a value that is not valid."""
    sampler = member(Sampler, recipe.sampler, name="sampler")
    if recipe.steps is not None and recipe.steps not in STEPS:
        raise UsageError(f"The number of steps is {recipe.steps}; it must be from {STEPS[0]} to {STEPS[-1]}.")
    if recipe.size is not None and recipe.size not in SIZES:
        raise UsageError(f"The size is {recipe.size} pixels; it must be from {SIZES[0]} to {SIZES[-1]}.")
    if recipe.guidance is not None and not GUIDANCE[0] <= recipe.guidance <= GUIDANCE[1]:
        raise UsageError(f"The guidance is {recipe.guidance:g}; it must be from {GUIDANCE[0]:g} to {GUIDANCE[1]:g}.")
    return replace(recipe, sampler=sampler.value)


def preferred_bases(rows: Iterable[str], find: Callable[[str], ModelRecord]) -> dict[str, ModelRecord]:
    """Return architecture → base for the rows ARCHITECTURE=MODEL of the setting `render.bases`.

    `find` returns the model for a reference. Raise UsageError for another form of row, and what `find` raises.
    """
    found = {}
    for row in rows:
        architecture, _, reference = row.partition("=")
        if not reference:
            raise UsageError(
                f"The setting `render.bases` has a row that is not ARCHITECTURE=MODEL: `{row}`.",
                'Write it like `bases = ["sd1=v1-5-pruned-emaonly"]`.',
            )
        architecture = canonical(WordKind.ARCHITECTURE, architecture) or architecture.strip()
        found[architecture] = find(reference.strip())
    return found
