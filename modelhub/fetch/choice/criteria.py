"""The criteria by which the files of a remote model are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelhub.choices import member
from modelhub.errors import Remedy, UsageError
from modelhub.words import WordKind


class Purpose(StrEnum):
    """The use that files are chosen for."""

    RENDER = "render"
    TRAIN = "train"


class Precision(StrEnum):
    """A number format of weights that can be preferred."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"


def parse_purpose(text: str) -> Purpose:
    """Return the purpose of this name. Raise UsageError."""
    return member(Purpose, text, name="purpose", words=WordKind.PURPOSE)


def parse_precision(text: str) -> Precision:
    """Return the precision of this name. Raise UsageError."""
    return member(Precision, text, name="precision", words=WordKind.PRECISION)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCriteria:
    """The files to take: `files` are glob patterns over paths or base names; `all` takes every model file; `diffusers`
    takes the folder that the diffusers library loads. Without any of the three, one model is chosen for `purpose`.

    Pickle files are taken only with `allow_pickle`, or with `convert` (they become safetensors before use). Raises
    UsageError for values that are not valid and for more than one of the three.
    """

    purpose: Purpose = Purpose.RENDER
    files: tuple[str, ...] = ()
    all: bool = False
    diffusers: bool = False
    precision: Precision | None = None
    allow_pickle: bool = False
    convert: bool = False

    def __post_init__(self) -> None:
        """Turn plain text into members of the enums, and check the combination."""
        object.__setattr__(self, "purpose", parse_purpose(self.purpose))
        object.__setattr__(self, "precision", parse_precision(self.precision) if self.precision else None)
        if bool(self.files) + self.all + self.diffusers > 1:
            raise UsageError(
                "Named files, all files and the diffusers folder exclude each other.",
                Remedy("Choose one of the three.", "choose-one-selection"),
            )

    @property
    def accepts_pickle(self) -> bool:
        """Whether a pickle may be taken where the same weights are not available as safetensors."""
        return self.allow_pickle or self.convert
