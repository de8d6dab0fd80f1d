"""The criteria by which the files of a remote model are chosen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCriteria:
    """What to take: `purpose` "render" or "train"; `files` glob patterns over paths or base names; `all` model files;
    `diffusers` the folder that the diffusers library loads; `precision` preferred ("fp16", "fp32", "bf16", "fp8").

    Pickle files are taken only with `allow_pickle`, or with `convert` (they become safetensors before use).
    """

    purpose: str = "render"
    files: tuple[str, ...] = ()
    all: bool = False
    diffusers: bool = False
    precision: str | None = None
    allow_pickle: bool = False
    convert: bool = False

    @property
    def pickles(self) -> bool:
        """Whether a pickle without a safetensors twin may be taken."""
        return self.allow_pickle or self.convert
