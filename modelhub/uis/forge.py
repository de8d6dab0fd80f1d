"""Forge (lllyasviel/stable-diffusion-webui-forge), a descendant of A1111. Sources: `modules/cmd_args.py`,
`modules_forge/shared.py` and `backend/loader.py`.
"""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis import a1111, webui_flags
from modelhub.uis.ui import UI, Flags

FOLDERS = a1111.FOLDERS | {
    ModelType.UNET: "models/Stable-diffusion",
    ModelType.TEXT_ENCODER: "models/text_encoder",
}
_CONTROL = frozenset((".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".patch"))
SUFFIXES = a1111.SUFFIXES | {
    ModelType.BASE: frozenset((".ckpt", ".safetensors", ".gguf")),
    ModelType.UNET: frozenset((".ckpt", ".safetensors", ".gguf")),
    ModelType.VAE: frozenset((".ckpt", ".pt", ".bin", ".safetensors", ".gguf")),
    ModelType.TEXT_ENCODER: frozenset((".ckpt", ".pt", ".bin", ".safetensors", ".gguf")),
    ModelType.CONTROLNET: _CONTROL,
    ModelType.T2I_ADAPTER: _CONTROL,
    ModelType.IP_ADAPTER: _CONTROL,
}

FORGE = UI(
    name="forge",
    title="Forge",
    marks=("modules_forge",),
    folders=FOLDERS,
    suffixes=SUFFIXES,
    architectures=frozenset(("sd1", "sd2", "sdxl", "sdxl-refiner", "sd3", "flux", "chroma")),
    link=Flags(
        keys=a1111.FLAGS | {ModelType.TEXT_ENCODER: "--text-encoder-dir", ModelType.CONTROLNET: "--controlnet-dir"},
        lines=webui_flags.lines,
        notes=(
            "`--lora-dir`, `--embeddings-dir`, `--hypernetwork-dir` and `--controlnet-dir` replace the UI's own "
            "folders; the other flags add to them.",
        ),
    ),
    prompts=a1111.PROMPTS,
    menus={
        ModelType.BASE: "Checkpoint",
        ModelType.UNET: "Checkpoint",
        ModelType.VAE: "VAE / Text Encoder",
        ModelType.TEXT_ENCODER: "VAE / Text Encoder",
    },
    featured=True,
)
