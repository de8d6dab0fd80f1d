"""Forge Neo (branch `neo` of Haoming02/sd-webui-forge-classic). Source: its `modules/cmd_args.py`, 2026."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis import a1111, forge, webui_flags
from modelhub.uis.ui import UI, Flags

_NO_PLACE = (ModelType.HYPERNETWORK, ModelType.MOTION_MODULE)
_WEIGHTS = frozenset((".ckpt", ".pt", ".pth", ".bin", ".safetensors", ".sft", ".gguf"))

FORGE_NEO = UI(
    name="forge-neo",
    title="Forge Neo",
    marks=("modules_forge",),
    folders={kind: folder for kind, folder in forge.FOLDERS.items() if kind not in _NO_PLACE}
    | {ModelType.EMBEDDING: "models/embeddings"},
    suffixes={kind: suffixes for kind, suffixes in forge.SUFFIXES.items() if kind not in _NO_PLACE}
    | {ModelType.VAE: _WEIGHTS, ModelType.TEXT_ENCODER: _WEIGHTS},
    architectures=frozenset(
        ("sd1", "sdxl", "sdxl-refiner", "flux", "flux2", "chroma", "lumina2", "z-image", "qwen-image", "wan", "anima")
    ),
    link=Flags(
        keys={
            ModelType.BASE: "--ckpt-dirs",
            ModelType.VAE: "--vae-dirs",
            ModelType.LORA: "--lora-dirs",
            ModelType.TEXT_ENCODER: "--text-encoder-dirs",
            ModelType.EMBEDDING: "--embeddings-dir",
            ModelType.UPSCALER: "--esrgan-models-path",
        },
        lines=webui_flags.lines,
        notes=(
            "`--embeddings-dir` and `--esrgan-models-path` replace the UI's own folders; the other flags add to them.",
        ),
    ),
    prompts={kind: text for kind, text in a1111.PROMPTS.items() if kind not in _NO_PLACE},
)
