"""The options of a conversion, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelhub.choices import chosen
from modelhub.formats.precision import PRECISIONS
from modelhub.words import WordKind

VARIANTS = ("emaonly", "noema", "no-training-state")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionOptions:
    """The changes that a conversion makes besides the container; by default none.

    `precision`: "fp32", "fp16" or "bf16"; `variant`: one of `VARIANTS`, the weight set to keep. `repair`: write
    position ids as integers and text encoder names as loaders expect them. Making one raises UsageError for a value
    that is not valid.
    """

    precision: str | None = None
    variant: str | None = None
    repair: bool = False

    def __post_init__(self) -> None:
        if self.precision is not None:
            precision = chosen(self.precision, tuple(PRECISIONS), WordKind.PRECISION, name="precision")
            object.__setattr__(self, "precision", precision)
        if self.variant is not None:
            variant = chosen(self.variant, VARIANTS, WordKind.WEIGHT_SET, name="variant")
            object.__setattr__(self, "variant", variant)


def default_target(source: Path, options: ConversionOptions, *, bake_vae: bool = False) -> Path:
    """Return the path beside the source whose name states what was done, or else ends with "-converted"."""
    variant = options.variant if options.variant != "no-training-state" else None
    words = [word for word in (variant, options.precision, "vae" if bake_vae else None) if word]
    target = source.with_name(f"{'-'.join((source.stem, *words))}.safetensors")
    return source.with_name(f"{target.stem}-converted.safetensors") if target == source else target
