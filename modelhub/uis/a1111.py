"""A1111 (AUTOMATIC1111/stable-diffusion-webui). Sources: `modules/cmd_args.py` and its lists of model files."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis import webui_flags
from modelhub.uis.ui import UI, Flags

FOLDERS = {
    ModelType.BASE: "models/Stable-diffusion",
    ModelType.VAE: "models/VAE",
    ModelType.LORA: "models/Lora",
    ModelType.EMBEDDING: "embeddings",
    ModelType.HYPERNETWORK: "models/hypernetworks",
    ModelType.CONTROLNET: "models/ControlNet",
    ModelType.T2I_ADAPTER: "models/ControlNet",
    ModelType.IP_ADAPTER: "models/ControlNet",
    ModelType.UPSCALER: "models/ESRGAN",
    ModelType.MOTION_MODULE: "extensions/sd-webui-animatediff/model",
    ModelType.VAE_APPROX: "models/VAE-approx",
}
FLAGS = {
    ModelType.BASE: "--ckpt-dir",
    ModelType.VAE: "--vae-dir",
    ModelType.LORA: "--lora-dir",
    ModelType.EMBEDDING: "--embeddings-dir",
    ModelType.HYPERNETWORK: "--hypernetwork-dir",
    ModelType.UPSCALER: "--esrgan-models-path",
}
FLAG_NOTES = (
    "`--lora-dir`, `--embeddings-dir` and `--hypernetwork-dir` replace the UI's own folders; "
    "the other flags add to them.",
)
SUFFIXES = {
    ModelType.BASE: frozenset((".ckpt", ".safetensors")),
    ModelType.VAE: frozenset((".ckpt", ".pt", ".safetensors")),
    ModelType.LORA: frozenset((".pt", ".ckpt", ".safetensors")),
    ModelType.HYPERNETWORK: frozenset((".pt",)),
    ModelType.UPSCALER: frozenset((".pt", ".pth", ".safetensors")),
    ModelType.EMBEDDING: frozenset((".pt", ".bin", ".safetensors", ".png", ".webp", ".jxl", ".avif")),
}
PROMPTS = {
    ModelType.LORA: "<lora:{name}:0.8>",
    ModelType.HYPERNETWORK: "<hypernet:{name}:1.0>",
    ModelType.EMBEDDING: "{name}",
}

A1111 = UI(
    name="a1111",
    title="A1111",
    marks=("webui.py", "modules/sd_models.py"),
    folders=FOLDERS,
    suffixes=SUFFIXES,
    link=Flags(keys=FLAGS, lines=webui_flags.lines, notes=FLAG_NOTES),
    prompts=PROMPTS,
    menus={ModelType.BASE: "Stable Diffusion checkpoint", ModelType.VAE: "SD VAE"},
    featured=True,
)
