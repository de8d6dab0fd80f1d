"""SwarmUI (mcmonkeyprojects/SwarmUI). Sources: its settings `Paths` and its model handlers, 2026."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.errors import Remedy
from modelhub.uis.ui import UI, NotLinkable

_FOLDERS = {
    ModelType.BASE: "Stable-Diffusion",
    ModelType.UNET: "diffusion_models",
    ModelType.TEXT_ENCODER: "text_encoders",
    ModelType.VAE: "VAE",
    ModelType.LORA: "Lora",
    ModelType.EMBEDDING: "Embeddings",
    ModelType.HYPERNETWORK: "hypernetworks",
    ModelType.CONTROLNET: "controlnet",
    ModelType.T2I_ADAPTER: "controlnet",
    ModelType.IP_ADAPTER: "ipadapter",
    ModelType.CLIP_VISION: "clip_vision",
    ModelType.UPSCALER: "upscale_models",
}
_SUFFIXES = frozenset((".safetensors", ".sft", ".engine", ".gguf", ".ckpt", ".pt", ".pth", ".bin"))

SWARMUI = UI(
    name="swarmui",
    title="SwarmUI",
    marks=("src/SwarmUI.csproj", "launchtools", "Data/Settings.fds"),
    folders=_FOLDERS,
    inner="Models",
    suffixes=dict.fromkeys(_FOLDERS, _SUFFIXES),
    link=NotLinkable(
        reason="SwarmUI expects folders of its own names below each of its model roots.",
        remedy=Remedy("Sort hard links of the models into its model folder.", "sort-links", {"ui": "swarmui"}),
    ),
)
