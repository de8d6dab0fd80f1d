"""Where each user interface expects each type of model: pure tables, one row per interface.

The folders are relative to the interface's own folder (A1111, Forge) or to its models folder (the others); `roots` says
which. None means that the interface has no place for such a model. Sources: each project's documentation and
`folder_paths` code, 2025. The library's own layout is one folder per type, named as the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from modelhub.domain import Architecture, Format, ModelType
from modelhub.errors import UsageError

LIBRARY = "library"
# Algorithms that Stability Matrix keeps apart from plain LoRAs.
_LYCORIS = frozenset(("locon", "loha", "lokr", "glora", "ia3", "oft", "diag-oft", "boft", "full", "dylora"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One interface: a folder per type, and what deviates from it.

    `root`: what the folders are relative to, in words for the user. `lycoris`: an own folder for LoRA-like algorithms
    other than LoRA. `diffusers`: the folder for whole diffusers folders, None when it cannot load them from one.
    `inner`: the models folder inside the interface's own, for users who name the latter.
    """

    name: str
    root: str
    folders: Mapping[ModelType, str] = field(default_factory=dict)
    lycoris: str | None = None
    diffusers: str | None = None
    inner: str = ""


_A1111 = {
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
_FORGE = _A1111 | {
    ModelType.UNET: "models/Stable-diffusion",
    ModelType.TEXT_ENCODER: "models/text_encoder",
}
_COMFYUI = {
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
_SDNEXT = {
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
}
_FOOOCUS = {
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
}
_STABILITY_MATRIX = {
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

LAYOUTS: tuple[Layout, ...] = (
    Layout(name="a1111", root="the folder of stable-diffusion-webui", folders=_A1111),
    Layout(name="forge", root="the folder of stable-diffusion-webui-forge", folders=_FORGE),
    Layout(name="comfyui", root="ComfyUI's models folder", folders=_COMFYUI, diffusers="diffusers", inner="models"),
    Layout(name="sdnext", root="SD.Next's models folder", folders=_SDNEXT, diffusers="Diffusers", inner="models"),
    Layout(name="fooocus", root="Fooocus' models folder", folders=_FOOOCUS, inner="models"),
    Layout(
        name="stability-matrix",
        root="Stability Matrix' Models folder",
        folders=_STABILITY_MATRIX,
        lycoris="LyCORIS",
        inner="Models",
    ),
    Layout(
        name=LIBRARY,
        root="the library",
        folders={kind: kind.value for kind in ModelType},
        diffusers=ModelType.BASE.value,
    ),
)


def layout_named(name: str, own: Iterable[Layout] = ()) -> Layout:
    """The layout of that name, any case, the user's own first; UsageError naming all of them when there is none."""
    every = (*own, *LAYOUTS)
    for layout in every:
        if layout.name.lower() == name.lower():
            return layout
    known = ", ".join(dict.fromkeys(layout.name for layout in every))
    raise UsageError(f"There is no layout called {name!r}.", f"Choose one of: {known}.")


def folder_for(
    layout: str,
    type: ModelType,
    architecture: Architecture | None = None,
    subtype: str | None = None,
    algorithm: str | None = None,
    *,
    format: Format | None = None,
) -> PurePosixPath | None:
    """The folder for such a model, relative to the layout's root; None where that interface has no place for it.

    No present interface looks at architecture or subtype; they are asked for so that one that does is one more row.
    """
    return place_in(layout_named(layout), type, algorithm=algorithm, format=format)


def place_in(
    row: Layout, type: ModelType, *, algorithm: str | None = None, format: Format | None = None
) -> PurePosixPath | None:
    """The same for a layout at hand; of a user's own layout this is a template with fields in braces."""
    folder = row.folders.get(type)
    if format is Format.DIFFUSERS and type is ModelType.BASE:
        folder = row.diffusers
    elif type is ModelType.LORA and row.lycoris and algorithm in _LYCORIS:
        folder = row.lycoris
    return PurePosixPath(folder) if folder else None
