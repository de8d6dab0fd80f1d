"""Fooocus (lllyasviel/Fooocus). Source: its `modules/config.py`."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis.json_settings import JsonKeys
from modelhub.uis.ui import UI, SettingsFile

_SUFFIXES = frozenset((".pth", ".ckpt", ".bin", ".safetensors"))

FOOOCUS = UI(
    name="fooocus",
    title="Fooocus",
    marks=("launch.py", "entry_with_update.py", "fooocus_version.py", "config.txt"),
    folders={
        ModelType.BASE: "checkpoints",
        ModelType.TEXT_ENCODER: "clip",
        ModelType.VAE: "vae",
        ModelType.LORA: "loras",
        ModelType.EMBEDDING: "embeddings",
        ModelType.CONTROLNET: "controlnet",
        ModelType.T2I_ADAPTER: "controlnet",
        ModelType.IP_ADAPTER: "controlnet",
        ModelType.CLIP_VISION: "clip_vision",
        ModelType.UPSCALER: "upscale_models",
        ModelType.VAE_APPROX: "vae_approx",
    },
    inner="models",
    suffixes={ModelType.BASE: _SUFFIXES, ModelType.LORA: _SUFFIXES, ModelType.VAE: _SUFFIXES},
    architectures=frozenset(("sdxl",)),
    link=SettingsFile(
        name="config.txt",
        writer=JsonKeys(own_folders={"path_checkpoints": "models/checkpoints", "path_loras": "models/loras"}),
        keys={ModelType.BASE: "path_checkpoints", ModelType.LORA: "path_loras"},
        notes=(
            "Restart Fooocus; it lists the library's models beside its own.",
            "Fooocus has only one folder for every other type; those settings stay as they are.",
        ),
    ),
)
