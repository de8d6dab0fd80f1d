"""The options of a conversion, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelhub.choices import invalid_word
from modelhub.formats.precision import PRECISIONS

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
        _check("precision", self.precision, tuple(PRECISIONS))
        _check("variant", self.variant, VARIANTS)


def default_target(source: Path, options: ConversionOptions, *, bake_vae: bool = False) -> Path:
    """Return the path beside the source whose name states what was done, or else ends with "-converted"."""
    variant = options.variant if options.variant != "no-training-state" else None
    words = [word for word in (variant, options.precision, "vae" if bake_vae else None) if word]
    target = source.with_name(f"{'-'.join((source.stem, *words))}.safetensors")
    return source.with_name(f"{target.stem}-converted.safetensors") if target == source else target


def _check(name: str, value: str | None, valid: tuple[str, ...]) -> None:
    if value is not None and value not in valid:
        raise invalid_word(value, name, valid)
