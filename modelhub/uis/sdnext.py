"""SD.Next (vladmandic/sdnext). Sources: its `modules/shared.py` and the lists of model files in its loaders."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis.json_settings import JsonKeys
from modelhub.uis.ui import UI, SettingsFile

SDNEXT = UI(
    name="sdnext",
    title="SD.Next",
    marks=("webui.py", "webui.sh", "launch.py", "config.json"),
    folders={
        ModelType.BASE: "Stable-diffusion",
        ModelType.UNET: "UNET",
        ModelType.TEXT_ENCODER: "Text-encoder",
        ModelType.VAE: "VAE",
        ModelType.LORA: "Lora",
        ModelType.EMBEDDING: "embeddings",
        ModelType.HYPERNETWORK: "hypernetworks",
        ModelType.CONTROLNET: "control/controlnet",
        ModelType.T2I_ADAPTER: "control/controlnet",
        ModelType.UPSCALER: "ESRGAN",
    },
    diffusers="Diffusers",
    inner="models",
    suffixes={
        ModelType.BASE: frozenset((".safetensors",)),
        ModelType.UNET: frozenset((".safetensors", ".gguf", ".pth")),
        ModelType.TEXT_ENCODER: frozenset((".safetensors", ".gguf")),
        ModelType.VAE: frozenset((".safetensors",)),
        ModelType.LORA: frozenset((".pt", ".ckpt", ".safetensors")),
        ModelType.EMBEDDING: frozenset((".safetensors", ".pt")),
        ModelType.CONTROLNET: frozenset((".safetensors",)),
        ModelType.UPSCALER: frozenset((".pt", ".pth", ".safetensors")),
    },
    link=SettingsFile(
        name="config.json",
        writer=JsonKeys(),
        keys={
            ModelType.BASE: "ckpt_dir",
            ModelType.UNET: "unet_dir",
            ModelType.TEXT_ENCODER: "te_dir",
            ModelType.VAE: "vae_dir",
            ModelType.LORA: "lora_dir",
            ModelType.EMBEDDING: "embeddings_dir",
        },
        notes=(
            "SD.Next must not run meanwhile, because it writes its settings when it exits. Start it now.",
            "SD.Next has one folder for each of these types; models in its own folders reappear when the link is "
            "removed.",
        ),
    ),
)
