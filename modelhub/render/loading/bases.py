"""A base ready to render with, out of a single file or a diffusers folder, through modelhub's own readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from modelhub.render.loading import networks, tensors
from modelhub.render.loading.clip_names import Named
from modelhub.render.loading.diffusers_folders import has_unet, pipeline_of, read_json, weights
from modelhub.render.loading.vaes import Spares
from modelhub.render.messages import Part
from modelhub.render.problems import RenderProblem, incomplete
from modelhub.render.verdicts import RenderVerdict

# Prefixes in single files, most telling first: component → the prefix is taken off the names.
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
# Tensors that only say something by being there.
_FLAGS = ("v_pred", "ztsnr", "edm_")
# Extra input channels of the UNet beside the latents → what they are for.
_KINDS = {0: "text", 5: "inpainting", 4: "instruct-pix2pix", 1: "depth"}
_EDM = "EDM's noise scale (CosXL, Playground) is not rendered with"
_PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v"}
_SD2_LAYERS = 23
# Folders' text encoders, where there is not one.
_ENCODERS = {"sdxl": ("text_encoder", "text_encoder_2"), "sdxl-refiner": ("text_encoder_2",)}


@dataclass
class Base:
    """Networks on their device. `kind`: "text", "inpainting", "instruct-pix2pix", "depth" or "refiner".

    `penultimate`: contexts are the last but one layer's output, normalised ("sd2") or plain ("sdxl"); "" for the last.
    `prediction`: "epsilon" or "v", None where it is to be found out. `borrowed`: the VAE that stands in for none.
    """

    unet: Any
    vae: Any
    text_encoders: list[Any]
    architecture: str
    kind: str = "text"
    penultimate: str = ""
    prediction: str | None = None
    zero_snr: bool = False
    borrowed: str = ""
    damage: list[str] = field(default_factory=list)

    @property
    def networks(self) -> dict[str, torch.nn.Module]:
        """What adapters change, by the names that they use."""
        names = ("text_encoder", "text_encoder_2") if len(self.text_encoders) > 1 else ("text_encoder",)
        return {"unet": self.unet, **dict(zip(names, self.text_encoders, strict=True))}

    @property
    def parameters(self) -> int:
        """How many numbers the UNet has."""
        return sum(weight.numel() for weight in self.unet.parameters())

    def to(self, device: str) -> Base:
        """The same, moved."""
        for network in (self.unet, self.vae, *self.text_encoders):
            network.to(device)
        return self


def load_base(part: Part, *, dtype: torch.dtype, spares: Sequence[Part] = ()) -> Base:
    """The base of a file or folder, in `dtype`, on the CPU. Raises RenderProblem and ModelhubError.

    A file without a VAE takes the first of `spares` that fits.
    """
    path = Path(part.path)
    if path.is_dir():
        base = _from_folder(path, dtype)
    else:
        base = _from_file(path, dtype, part.architecture, Spares(spares, dtype))
    if part.prediction in ("epsilon", "v") and base.prediction is None:
        base.prediction = part.prediction
    return base


def _from_file(path: Path, dtype: torch.dtype, architecture: str | None, spares: Spares) -> Base:
    """A file's tensors, of which only those are read that are needed."""
    wanted = (*(prefix for prefix, _ in _PREFIXES), *_FLAGS)
    return assembled(
        tensors.load(path, lambda name: name if name.startswith(wanted) else None, dtype=dtype),
        architecture=architecture,
        spares=spares,
    )


def assembled(named: Named, *, architecture: str | None = None, spares: Spares | None = None) -> Base:
    """The base of a single file's tensors, of which it takes everything away. Raises RenderProblem."""
    found: dict[str, Named] = {}
    flags: set[str] = set()
    for name in list(named):
        row = next((row for row in _PREFIXES if name.startswith(row[0])), None)
        if row is None:
            flags.add(name)
            named.pop(name)
        else:
            found.setdefault(row[1], {})[name.removeprefix(row[0])] = named.pop(name)
    if any(flag.startswith("edm_") for flag in flags):
        raise RenderProblem(
            RenderVerdict.NOT_TESTED, "models of EDM's noise scale (CosXL, Playground) are not rendered"
        )
    if "unet" not in found:
        raise RenderProblem(RenderVerdict.INCOMPLETE, "the file has no unet")
    unet = networks.unet(found.pop("unet"))
    kind, family = _kind(unet), architecture or _family(unet)
    if "text_encoder" not in found:
        raise RenderProblem(RenderVerdict.INCOMPLETE, "the file has no text encoder")
    damage = _broken_position_ids(found["text_encoder"])
    borrowed = ""
    if "vae" in found:
        vae = networks.vae(found.pop("vae"), architecture=family)
    else:
        vae, borrowed = (spares or Spares((), torch.float32)).find(family, unet.config.out_channels)
    encoders = [networks.text_encoder(found.pop(key)) for key in ("text_encoder", "text_encoder_2") if key in found]
    if unet.config.addition_embed_type and kind != "refiner" and len(encoders) < 2:
        raise incomplete("file", ["the second text encoder"])
    return Base(
        unet=unet,
        vae=vae,
        text_encoders=encoders,
        architecture=family,
        kind=kind,
        penultimate=_penultimate(unet, encoders),
        prediction="v" if "v_pred" in flags else None,
        zero_snr="ztsnr" in flags,
        borrowed=borrowed,
        damage=damage,
    )


def _from_folder(folder: Path, dtype: torch.dtype) -> Base:
    if not has_unet(folder):
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"nothing is put on a {pipeline_of(folder)}")
    schedule = read_json(folder / "scheduler" / "scheduler_config.json")
    prediction = _prediction(schedule)
    unet = networks.unet_of_folder(read_json(folder / "unet" / "config.json"), weights(folder / "unet", dtype))
    names = _ENCODERS.get(_family(unet), ("text_encoder",))
    settings = {name: read_json(folder / name / "config.json") for name in names}
    encoders = [networks.text_encoder(weights(folder / name, dtype), settings[name]) for name in names]
    family = _family(unet)
    config = read_json(folder / "vae" / "config.json")
    return Base(
        unet=unet,
        vae=networks.vae(weights(folder / "vae", dtype), architecture=family, config=config),
        text_encoders=encoders,
        architecture=family,
        kind=_kind(unet),
        # SD2's folders hold 23 of the 24 layers, so that the last one is right as it is
        penultimate="sdxl" if unet.config.addition_embed_type else "",
        prediction=prediction,
        zero_snr=bool(schedule.get("rescale_betas_zero_snr")),
    )


def _prediction(schedule: Mapping[str, Any]) -> str:
    """ "epsilon" or "v", as a folder's scheduler says. Raises RenderProblem for other ways of training."""
    kind, said = str(schedule.get("_class_name", "")), str(schedule.get("prediction_type", "epsilon"))
    if kind.startswith("EDM"):
        raise RenderProblem(RenderVerdict.NOT_TESTED, _EDM)
    if kind.startswith("FlowMatch") or said not in _PREDICTIONS:
        words = f"a UNet that predicts neither noise nor v ({kind or said}) is not rendered with"
        raise RenderProblem(RenderVerdict.NOT_TESTED, words)
    return _PREDICTIONS[said]


def _is_refiner(unet: Any) -> bool:
    """SDXL's refiner is told five numbers (sizes and a score) beside a pooled text as wide as its one context."""
    told = 5 * (unet.config.addition_time_embed_dim or 0)
    return bool(unet.config.projection_class_embeddings_input_dim == unet.config.cross_attention_dim + told)


def _penultimate(unet: Any, encoders: list[Any]) -> str:
    """SD2 was trained on layer 23 of 24; files that hold only 23 layers end with it."""
    if unet.config.addition_embed_type:
        return "sdxl"
    return "sd2" if _family(unet) == "sd2" and encoders[0].config.num_hidden_layers != _SD2_LAYERS else ""


def _kind(unet: Any) -> str:
    if unet.config.addition_embed_type and _is_refiner(unet):
        return "refiner"
    extra = unet.config.in_channels - unet.config.out_channels
    if extra not in _KINDS:
        raise RenderProblem(
            RenderVerdict.NOT_TESTED, f"a UNet with {unet.config.in_channels} input channels has no known pipeline"
        )
    return _KINDS[extra]


def _family(unet: Any) -> str:
    if unet.config.addition_embed_type:
        return "sdxl-refiner" if _is_refiner(unet) else "sdxl"
    return "sd2" if unet.config.use_linear_projection else "sd1"


def _broken_position_ids(named: Named) -> list[str]:
    for name in [name for name in named if name.endswith("position_ids")]:
        held = named.pop(name).flatten().to(torch.int64)
        wrong = int((held != torch.arange(len(held))).sum())
        if wrong:
            return [f"{wrong} of the text encoder's position_ids are wrong: UIs misread prompts of some lengths"]
    return []
