"""The small files that other programs keep beside a model `m.safetensors`; they share its fate.

The list is exact: `m2.safetensors` or `m-v2.json` are nobody's sidecars. Source of the names: A1111, Civitai Helper,
ComfyUI LoRA Manager, Stability Matrix.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelhub.storage.walk import MODEL_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

PREVIEW_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".mp4", ".webm")
SIDECAR_SUFFIXES = (
    ".civitai.info",
    ".metadata.json",
    ".cm-info.json",
    ".json",
    ".txt",
    ".yaml",
    ".yml",
    ".description.txt",
    ".vae.pt",
    ".vae.safetensors",
    *(f".preview{suffix}" for suffix in PREVIEW_SUFFIXES),
    *(f".cm-preview{suffix}" for suffix in PREVIEW_SUFFIXES[:4]),
    *PREVIEW_SUFFIXES,
)


def sidecars_of(model: Path) -> tuple[Path, ...]:
    """The files that belong to the model file and exist, in the order of the list; none for a folder."""
    if model.is_dir():
        return ()
    candidates = (model.parent / f"{model.stem}{suffix}" for suffix in SIDECAR_SUFFIXES)
    return tuple(path for path in candidates if path != model and os.path.isfile(path))  # noqa: PTH113


def renamed_sidecar(sidecar: Path, model: Path, target: Path) -> Path:
    """Where `sidecar` of `model` belongs once the model is `target`: same suffix, beside it, with the new stem."""
    return target.parent / f"{target.stem}{sidecar.name[len(model.stem) :]}"


def twins_of(model: Path) -> tuple[Path, ...]:
    """Other model files with the same stem in the same folder: they share the sidecars, which then must stay."""
    candidates = (model.with_name(f"{model.stem}{suffix}") for suffix in sorted(MODEL_SUFFIXES))
    return tuple(path for path in candidates if path != model and os.path.isfile(path))  # noqa: PTH113
