"""Diffusers folders: their configurations, their index, and their weights as tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from modelhub.render.loading import tensors
from modelhub.render.loading.clip_names import Named
from modelhub.render.problems import RenderProblem, incomplete
from modelhub.render.verdicts import RenderVerdict

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
    """The class that a folder's index names; None for a file, or a folder without an index. Raises RenderProblem."""
    if not (path / INDEX).is_file():
        return None
    name = read_json(path / INDEX).get("_class_name")
    if not isinstance(name, str):
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"its {INDEX} names code of its own, which is never run")
    return name


def has_unet(path: Path) -> bool:
    """Whether `load_base` is for this file or folder, and not one of diffusers' own pipelines. Raises RenderProblem."""
    name = pipeline_of(path) or "StableDiffusionPipeline"
    return name.startswith("StableDiffusion") and not name.startswith("StableDiffusion3")


def read_json(path: Path) -> Mapping[str, Any]:
    """A configuration in a diffusers folder. Raises RenderProblem."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise incomplete("folder", [path.name if path.name == INDEX else f"{path.parent.name}/{path.name}"]) from None
    except (OSError, ValueError, RecursionError) as exc:
        raise RenderProblem(RenderVerdict.LOAD_ERROR, f"{path} cannot be read: {exc}") from exc
    if not isinstance(value, dict):
        raise RenderProblem(RenderVerdict.LOAD_ERROR, f"{path} holds no configuration")
    return value


def weights(folder: Path, dtype: torch.dtype) -> Named:
    """A component's tensors, of all shards. Raises RenderProblem naming the file that is not there."""
    lost = ""
    for index in sorted(folder.glob("*.index.json")):
        listed = shards(index)
        lost = next((name for name in listed if not (folder / name).is_file()), "")
        if listed and not lost:
            return tensors.load_all([folder / name for name in listed], dtype=dtype)
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return tensors.load(folder / name, dtype=dtype)
    raise incomplete("folder", [f"{folder.name}/{lost or _WEIGHTS[0]}"])


def shards(index: Path) -> list[str]:
    """The names of the files among which an index says that the weights are. Raises RenderProblem."""
    listed = read_json(index).get("weight_map")
    return sorted({Path(str(name)).name for name in listed.values()}) if isinstance(listed, dict) else []
