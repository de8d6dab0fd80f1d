"""Read diffusers folders: their index, their configurations, and their weights as tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from modelhub.render.loading import tensors
from modelhub.render.loading.tensors import NamedTensors
from modelhub.render.problems import load_failure, missing_files, skip

INDEX = "model_index.json"
_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.fp16.bin",
)


def pipeline_of(path: Path) -> str | None:
    """Return the class in a folder's index; None for a file, or a folder without an index. Raise RenderProblem."""
    if not (path / INDEX).is_file():
        return None
    name = read_json(path / INDEX).get("_class_name")
    if not isinstance(name, str):
        raise skip(f"its {INDEX} names code of its own, which is never run")
    return name


def has_unet(path: Path) -> bool:
    """Return whether `load_base` loads this file or folder, not a pipeline of diffusers. Raise RenderProblem."""
    name = pipeline_of(path) or "StableDiffusionPipeline"
    return name.startswith("StableDiffusion") and not name.startswith("StableDiffusion3")


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a configuration in a diffusers folder. Raise RenderProblem."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise missing_files([path.name if path.name == INDEX else f"{path.parent.name}/{path.name}"]) from None
    except (OSError, ValueError, RecursionError) as exc:
        raise load_failure(f"{path} cannot be read: {exc}") from exc
    if not isinstance(value, dict):
        raise load_failure(f"{path} is not a configuration")
    return value


def read_weights(folder: Path, dtype: torch.dtype) -> NamedTensors:
    """Read a component's tensors from all its shards. Raise RenderProblem that names a missing file."""
    missing = ""
    for index in sorted(folder.glob("*.index.json")):
        listed = list_shards(index)
        missing = next((name for name in listed if not (folder / name).is_file()), "")
        if listed and not missing:
            return tensors.load_all([folder / name for name in listed], dtype=dtype)
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return tensors.load(folder / name, dtype=dtype)
    raise missing_files([f"{folder.name}/{missing or _WEIGHTS[0]}"])


def list_shards(index: Path) -> list[str]:
    """Return the names of the files in an index of shards. Raise RenderProblem."""
    listed = read_json(index).get("weight_map")
    return sorted({Path(str(name)).name for name in listed.values()}) if isinstance(listed, dict) else []
