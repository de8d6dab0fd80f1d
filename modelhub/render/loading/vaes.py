"""Load VAEs from their own files, and for checkpoints that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modelhub.errors import ModelhubError
from modelhub.render.loading import networks, tensors
from modelhub.render.loading.diffusers_folders import read_json, read_weights
from modelhub.render.messages import Part
from modelhub.render.problems import RenderProblem
from modelhub.render.verdicts import RenderVerdict


@dataclass(frozen=True)
class FallbackVaes:
    """VAEs of the library for a checkpoint without one."""

    parts: Sequence[Part]
    dtype: torch.dtype

    def find(self, family: str, channels: int) -> tuple[Any, str]:
        """Load the first VAE for latents of so many channels; return it with its name. Raise RenderProblem."""
        for part in self.parts:
            try:
                found = load_vae(part, architecture=family, dtype=self.dtype)
            except (RenderProblem, ModelhubError):
                continue
            if found.config.latent_channels == channels:
                return found, part.name
        raise RenderProblem(RenderVerdict.INCOMPLETE, "The file has no VAE, and the library has none that fits.")


def load_vae(part: Part, *, architecture: str, dtype: torch.dtype) -> Any:
    """Load a VAE from its own file, a full checkpoint or a folder. Raise RenderProblem and ModelhubError."""
    path = Path(part.path)
    if path.is_dir():
        inner = path if (path / "config.json").is_file() else path / "vae"
        config = read_json(inner / "config.json")
        return networks.build_vae(read_weights(inner, dtype), architecture=architecture, config=config)
    named = tensors.load(path, lambda name: None if name.startswith(("model.", "loss.")) else name, dtype=dtype)
    for prefix in ("first_stage_model.", "vae."):
        if any(name.startswith(prefix) for name in named):
            named = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    return networks.build_vae(named, architecture=architecture)
