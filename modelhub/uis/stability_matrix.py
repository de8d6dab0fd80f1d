"""Stability Matrix (LykosAI/StabilityMatrix), which shares one models folder among the UIs that it installs."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.errors import Remedy
from modelhub.uis.ui import UI, NotLinkable

_FOLDERS = {
    ModelType.BASE: "StableDiffusion",
    ModelType.UNET: "DiffusionModels",
    ModelType.TEXT_ENCODER: "TextEncoders",
    ModelType.VAE: "VAE",
    ModelType.LORA: "Lora",
    ModelType.EMBEDDING: "Embeddings",
    ModelType.HYPERNETWORK: "Hypernetwork",
    ModelType.CONTROLNET: "ControlNet",
    ModelType.T2I_ADAPTER: "T2IAdapter",
    ModelType.IP_ADAPTER: "IpAdapter",
    ModelType.CLIP_VISION: "ClipVision",
    ModelType.UPSCALER: "ESRGAN",
    ModelType.VAE_APPROX: "ApproxVAE",
}
_SUFFIXES = frozenset((".safetensors", ".pt", ".ckpt", ".pth", ".bin", ".sft", ".gguf"))

STABILITY_MATRIX = UI(
    name="stability-matrix",
    title="Stability Matrix",
    marks=("Packages", "Data/.sm-portable"),
    folders=_FOLDERS,
    lycoris="LyCORIS",
    inner="Models",
    suffixes=dict.fromkeys(_FOLDERS, _SUFFIXES),
    link=NotLinkable(
        reason="Stability Matrix shares its own models folder with its packages and accepts no second one.",
        remedy=Remedy("Sort hard links of the models into that folder.", "sort-links", {"ui": "stability-matrix"}),
    ),
)
