"""Load a base from a single file or a diffusers folder, with modelhub's own readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modelhub.render.loading import networks, tensors
from modelhub.render.loading.diffusers_folders import has_unet, pipeline_of, read_json, read_weights
from modelhub.render.loading.tensors import NamedTensors
from modelhub.render.loading.vaes import FallbackVaes
from modelhub.render.messages import Part
from modelhub.render.problems import missing_component, skip

# Prefixes in single files, most specific first, and the components that they mean.
_PREFIXES = (
    ("model.diffusion_model.", "unet"),
    ("first_stage_model.", "vae"),
    ("cond_stage_model.transformer.", "text_encoder"),
    ("cond_stage_model.model.", "text_encoder"),
    ("conditioner.embedders.0.transformer.", "text_encoder"),
    ("conditioner.embedders.0.model.", "text_encoder"),
    ("conditioner.embedders.1.transformer.", "text_encoder_2"),
    ("conditioner.embedders.1.model.", "text_encoder_2"),
)
# Tensors whose presence alone has a meaning.
_FLAGS = ("v_pred", "ztsnr", "edm_")
# Extra input channels of the UNet beside the latents → their use.
_KINDS = {0: "text", 5: "inpainting", 4: "instruct-pix2pix", 1: "depth"}
_EDM = "models trained on the EDM noise schedule (CosXL, Playground) cannot be render-tested"
_PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v"}
_SD2_LAYERS = 23
# Text encoders of a folder, where they are not the usual one.
_ENCODERS = {"sdxl": ("text_encoder", "text_encoder_2"), "sdxl-refiner": ("text_encoder_2",)}


@dataclass
class Base:
    """A base's networks on their device. `kind`: "text", "inpainting", "instruct-pix2pix", "depth" or "refiner".

    `penultimate`: prompts are encoded by the last but one layer, normalized ("sd2") or plain ("sdxl"); "": the last.
    `prediction`: "epsilon" or "v", None where the file does not state it. `borrowed_vae`: the name of the VAE that is
    used because the file has none. `wrong_position_ids`: how many of the text encoder's 77 are wrong.
    """

    unet: Any
    vae: Any
    text_encoders: list[Any]
    architecture: str
    kind: str = "text"
    penultimate: str = ""
    prediction: str | None = None
    zero_snr: bool = False
    borrowed_vae: str = ""
    wrong_position_ids: int = 0

    @property
    def networks(self) -> dict[str, torch.nn.Module]:
        """The networks that adapters change, by the names that adapters use."""
        names = ("text_encoder", "text_encoder_2") if len(self.text_encoders) > 1 else ("text_encoder",)
        return {"unet": self.unet, **dict(zip(names, self.text_encoders, strict=True))}

    @property
    def parameters(self) -> int:
        """The number of the UNet's parameters."""
        return sum(weight.numel() for weight in self.unet.parameters())

    def to(self, device: str) -> Base:
        """Move the networks to a device and return the base."""
        for network in (self.unet, self.vae, *self.text_encoders):
            network.to(device)
        return self


def load_base(part: Part, *, dtype: torch.dtype, fallback_vaes: Sequence[Part] = ()) -> Base:
    """Load the base of a file or folder in `dtype`, on the CPU. Raise RenderProblem and ModelhubError.

    A file without a VAE gets the first of `fallback_vaes` that fits.
    """
    path = Path(part.path)
    if path.is_dir():
        base = _load_folder(path, dtype)
    else:
        base = _load_file(path, dtype, part.architecture, FallbackVaes(fallback_vaes, dtype))
    if part.prediction in ("epsilon", "v") and base.prediction is None:
        base.prediction = part.prediction
    return base


def _load_file(path: Path, dtype: torch.dtype, architecture: str | None, fallback_vaes: FallbackVaes) -> Base:
    """Load a single file; only the tensors that are needed are read."""
    wanted = (*(prefix for prefix, _ in _PREFIXES), *_FLAGS)
    return assemble_base(
        tensors.load(path, lambda name: name if name.startswith(wanted) else None, dtype=dtype),
        architecture=architecture,
        fallback_vaes=fallback_vaes,
    )


def assemble_base(
    tensors_by_name: NamedTensors, *, architecture: str | None = None, fallback_vaes: FallbackVaes | None = None
) -> Base:
    """Build the base of a single file's tensors; the mapping is emptied on the way. Raise RenderProblem."""
    found: dict[str, NamedTensors] = {}
    flags: set[str] = set()
    for name in list(tensors_by_name):
        row = next((row for row in _PREFIXES if name.startswith(row[0])), None)
        if row is None:
            flags.add(name)
            tensors_by_name.pop(name)
        else:
            found.setdefault(row[1], {})[name.removeprefix(row[0])] = tensors_by_name.pop(name)
    if any(flag.startswith("edm_") for flag in flags):
        raise skip(_EDM)
    if "unet" not in found:
        raise missing_component("UNet")
    unet = networks.build_unet(found.pop("unet"))
    kind, family = _kind(unet), architecture or _family(unet)
    if "text_encoder" not in found:
        raise missing_component("text encoder")
    wrong_position_ids = _count_wrong_position_ids(found["text_encoder"])
    borrowed_vae = ""
    if "vae" in found:
        vae = networks.build_vae(found.pop("vae"), architecture=family)
    else:
        vae, borrowed_vae = (fallback_vaes or FallbackVaes((), torch.float32)).find(family, unet.config.out_channels)
    encoders = [
        networks.build_text_encoder(found.pop(key)) for key in ("text_encoder", "text_encoder_2") if key in found
    ]
    if unet.config.addition_embed_type and kind != "refiner" and len(encoders) < 2:
        raise missing_component("second text encoder")
    return Base(
        unet=unet,
        vae=vae,
        text_encoders=encoders,
        architecture=family,
        kind=kind,
        penultimate=_penultimate(unet, encoders),
        prediction="v" if "v_pred" in flags else None,
        zero_snr="ztsnr" in flags,
        borrowed_vae=borrowed_vae,
        wrong_position_ids=wrong_position_ids,
    )


def _load_folder(folder: Path, dtype: torch.dtype) -> Base:
    if not has_unet(folder):
        raise skip(f"adapters cannot be applied to {pipeline_of(folder)}")
    schedule = read_json(folder / "scheduler" / "scheduler_config.json")
    prediction = _read_prediction(schedule)
    unet = networks.build_unet_from_folder(
        read_json(folder / "unet" / "config.json"), read_weights(folder / "unet", dtype)
    )
    names = _ENCODERS.get(_family(unet), ("text_encoder",))
    settings = {name: read_json(folder / name / "config.json") for name in names}
    encoders = [networks.build_text_encoder(read_weights(folder / name, dtype), settings[name]) for name in names]
    family = _family(unet)
    config = read_json(folder / "vae" / "config.json")
    return Base(
        unet=unet,
        vae=networks.build_vae(read_weights(folder / "vae", dtype), architecture=family, config=config),
        text_encoders=encoders,
        architecture=family,
        kind=_kind(unet),
        # SD2's folders hold 23 of the 24 layers, so that the last one is right as it is
        penultimate="sdxl" if unet.config.addition_embed_type else "",
        prediction=prediction,
        zero_snr=bool(schedule.get("rescale_betas_zero_snr")),
    )


def _read_prediction(schedule: Mapping[str, Any]) -> str:
    """Return "epsilon" or "v" from a folder's scheduler. Raise RenderProblem for other prediction types."""
    kind, prediction = str(schedule.get("_class_name", "")), str(schedule.get("prediction_type", "epsilon"))
    if kind.startswith("EDM"):
        raise skip(_EDM)
    if kind.startswith("FlowMatch") or prediction not in _PREDICTIONS:
        raise skip(f"UNets that predict neither epsilon nor v cannot be render-tested ({kind or prediction})")
    return _PREDICTIONS[prediction]


def _is_refiner(unet: Any) -> bool:
    """Return whether the UNet's added input is a pooled text as wide as its context, and sizes and a score."""
    numbers_width = 5 * (unet.config.addition_time_embed_dim or 0)
    return bool(unet.config.projection_class_embeddings_input_dim == unet.config.cross_attention_dim + numbers_width)


def _penultimate(unet: Any, encoders: list[Any]) -> str:
    """Return `Base.penultimate`: SD2 was trained on layer 23 of 24, and files with only 23 layers end with it."""
    if unet.config.addition_embed_type:
        return "sdxl"
    return "sd2" if _family(unet) == "sd2" and encoders[0].config.num_hidden_layers != _SD2_LAYERS else ""


def _kind(unet: Any) -> str:
    if unet.config.addition_embed_type and _is_refiner(unet):
        return "refiner"
    extra = unet.config.in_channels - unet.config.out_channels
    if extra not in _KINDS:
        raise skip(f"there is no known pipeline for a UNet with {unet.config.in_channels} input channels")
    return _KINDS[extra]


def _family(unet: Any) -> str:
    if unet.config.addition_embed_type:
        return "sdxl-refiner" if _is_refiner(unet) else "sdxl"
    return "sd2" if unet.config.use_linear_projection else "sd1"


def _count_wrong_position_ids(encoder: NamedTensors) -> int:
    """Remove the position ids from a text encoder's tensors and return how many of them are wrong."""
    wrong = 0
    for name in [name for name in encoder if name.endswith("position_ids")]:
        ids = encoder.pop(name).flatten().to(torch.int64)
        wrong += int((ids != torch.arange(len(ids))).sum())
    return wrong
