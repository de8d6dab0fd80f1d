"""Sidecars: the small files that other programs keep beside a model; they are moved and removed with it.

The list is exact: `m2.json` and `m-v2.json` are not sidecars of `m.safetensors`. The names are those of A1111, Civitai
Helper, ComfyUI LoRA Manager and Stability Matrix.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from modelhub.storage.model_names import MODEL_SUFFIXES, model_stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
    """Return the existing sidecars of a model file, in the order of the list; none for a folder."""
    if model.is_dir():
        return ()
    return tuple(_existing(model, SIDECAR_SUFFIXES))


def _existing(model: Path, suffixes: Iterable[str]) -> Iterator[Path]:
    """Yield the files beside the model with its stem and one of the suffixes; list each folder only once."""
    try:
        names = _names_in(str(model.parent), model.parent.stat().st_mtime_ns)
    except OSError:
        return
    stem = model_stem(model.name)
    for suffix in suffixes:
        name = names.get(_folded(f"{stem}{suffix}"))
        if name is not None and name != model.name and (model.parent / name).is_file():
            yield model.parent / name


@lru_cache(maxsize=4)
def _names_in(folder: str, mtime_ns: int) -> dict[str, str]:
    """Return the names in a folder by their folded form; `mtime_ns` changes with them and renews the cache."""
    return {_folded(name): name for name in os.listdir(folder)}  # noqa: PTH208 - one string a name, nothing more


def _folded(name: str) -> str:
    """Fold the case where the file system ignores it: Windows and macOS find `M.PNG` under `m.png`."""
    return name.casefold() if sys.platform in ("win32", "darwin") else name


def renamed_sidecar(sidecar: Path, model: Path, target: Path) -> Path:
    """Return the path of a sidecar once its model is `target`: beside it, with the new stem and the same suffix."""
    return target.parent / f"{model_stem(target.name)}{sidecar.name[len(model_stem(model.name)) :]}"


def models_sharing_sidecars(model: Path) -> tuple[Path, ...]:
    """Return other model files with the same stem in the same folder: they use the same sidecars, which must stay."""
    return tuple(_existing(model, sorted(MODEL_SUFFIXES)))
