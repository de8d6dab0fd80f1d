"""ComfyUI. Sources: its `folder_paths.py`, `utils/extra_config.py` and README."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis.ui import UI, SettingsFile
from modelhub.uis.yaml_settings import YamlBlock

_FOLDERS = {
    ModelType.BASE: "checkpoints",
    ModelType.UNET: "diffusion_models",
    ModelType.TEXT_ENCODER: "text_encoders",
    ModelType.VAE: "vae",
    ModelType.LORA: "loras",
    ModelType.EMBEDDING: "embeddings",
    ModelType.HYPERNETWORK: "hypernetworks",
    ModelType.CONTROLNET: "controlnet",
    ModelType.T2I_ADAPTER: "controlnet",
    ModelType.IP_ADAPTER: "ipadapter",
    ModelType.CLIP_VISION: "clip_vision",
    ModelType.UPSCALER: "upscale_models",
    ModelType.MOTION_MODULE: "animatediff_models",
    ModelType.VAE_APPROX: "vae_approx",
}
# The names that the menu shows (`NODE_DISPLAY_NAME_MAPPINGS`).
_NODES = {
    ModelType.BASE: "Load Checkpoint",
    ModelType.UNET: "Load Diffusion Model",
    ModelType.TEXT_ENCODER: "Load CLIP",
    ModelType.VAE: "Load VAE",
    ModelType.LORA: "Load LoRA",
    ModelType.HYPERNETWORK: "HypernetworkLoader",
    ModelType.CONTROLNET: "Load ControlNet Model",
    ModelType.T2I_ADAPTER: "Load ControlNet Model",
    ModelType.CLIP_VISION: "Load CLIP Vision",
    ModelType.UPSCALER: "Load Upscale Model",
}
_SUFFIXES = frozenset((".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"))

COMFYUI = UI(
    name="comfyui",
    title="ComfyUI",
    marks=("main.py", "folder_paths.py", "custom_nodes", "extra_model_paths.yaml.example", "extra_model_paths.yaml"),
    folders=_FOLDERS,
    diffusers="diffusers",
    inner="models",
    suffixes=dict.fromkeys(_FOLDERS, _SUFFIXES),
    link=SettingsFile(
        name="extra_model_paths.yaml",
        writer=YamlBlock(),
        keys=_FOLDERS,
        notes=("Restart ComfyUI; it lists the library's models beside its own.",),
    ),
    prompts={ModelType.EMBEDDING: "embedding:{name}"},
    nodes=_NODES,
    featured=True,
)
