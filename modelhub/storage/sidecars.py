"""The small files that other programs keep beside a model `m.safetensors`; they share its fate.

The list is exact: `m2.safetensors` or `m-v2.json` are nobody's sidecars. Source of the names: A1111, Civitai Helper,
ComfyUI LoRA Manager, Stability Matrix.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from modelhub.storage.walk import MODEL_SUFFIXES

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
    """The files that belong to the model file and exist, in the order of the list; none for a folder."""
    if model.is_dir():
        return ()
    return tuple(_existing(model, SIDECAR_SUFFIXES))


def _existing(model: Path, suffixes: Iterable[str]) -> Iterator[Path]:
    """Files beside the model with its stem and one of the suffixes. A folder is listed once, not asked per name."""
    try:
        names = _names_in(str(model.parent), model.parent.stat().st_mtime_ns)
    except OSError:
        return
    for suffix in suffixes:
        name = names.get(_folded(f"{model.stem}{suffix}"))
        if name is not None and name != model.name and (model.parent / name).is_file():
            yield model.parent / name


@lru_cache(maxsize=4)
def _names_in(folder: str, mtime_ns: int) -> dict[str, str]:
    """The names in a folder as its file system compares them; `mtime_ns` changes with every name in it."""
    return {_folded(name): name for name in os.listdir(folder)}  # noqa: PTH208 - one string a name, nothing more


def _folded(name: str) -> str:
    """Windows and macOS find `M.PNG` under `m.png`."""
    return name.casefold() if sys.platform in ("win32", "darwin") else name


def renamed_sidecar(sidecar: Path, model: Path, target: Path) -> Path:
    """Where `sidecar` of `model` belongs once the model is `target`: same suffix, beside it, with the new stem."""
    return target.parent / f"{target.stem}{sidecar.name[len(model.stem) :]}"


def models_sharing_sidecars(model: Path) -> tuple[Path, ...]:
    """Other model files with the same stem in the same folder: they share the sidecars, which then must stay."""
    return tuple(_existing(model, sorted(MODEL_SUFFIXES)))
