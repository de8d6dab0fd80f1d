"""The weight sets of a base, what it predicts, and its subtype (inpainting, depth …)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelhub.detect.hints import Hints
from modelhub.detect.known.models import find_known_file
from modelhub.detect.metadata import parse_object
from modelhub.detect.rules.architectures import FLOW_FAMILIES
from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.domain import ModelType, Variant

_TRAINING_ENTRIES = frozenset({"optimizer_states", "lr_schedulers", "callbacks", "loops"})
# Names in repositories and files for the set that a single-set file holds.
_NAMED_SETS = (
    (re.compile(r"non[-_ ]?ema|noema", re.I), Variant.PRUNED_NOEMA),
    (re.compile(r"ema[-_ ]?only|only[-_ ]?ema|(?<!no)(?<!non)[-_]ema(?=[-_.]|$)", re.I), Variant.PRUNED_EMAONLY),
)
_Why = tuple[str, str]


def variant_of(index: HeaderIndex, kind: ModelType, hints: Hints) -> tuple[Variant | None, str]:
    """Return the variant and the reason. Only a known hash or a name can show which set a single one is."""
    if kind not in (ModelType.BASE, ModelType.UNET):
        return None, ""
    main, ema = bool(index.groups & {"net"}), "ema:net" in index.signs
    if ema and not main:
        return Variant.EMA_ORPHAN, "only model_ema.* weights, no main set"
    if ema:
        training = sorted(_TRAINING_ENTRIES & index.header.entries.keys())
        if training:
            return Variant.FULL, f"both weight sets and training state ({', '.join(training)})"
        return Variant.PRUNED, "both weight sets, no training state"
    known = find_known_file(hints.sha256) if hints.sha256 else None
    if known and known.variant:
        return known.variant, f"known file {known.file}"
    for name in hints.names:
        for pattern, variant in _NAMED_SETS:
            if pattern.search(name):
                return variant, f"one weight set, named so by {name}"
    return Variant.SINGLE, "one weight set"


def subtype_of(index: HeaderIndex, kind: ModelType, architecture: str | None) -> _Why:
    """Return the subtype and the reason, "" for none."""
    if kind in (ModelType.BASE, ModelType.UNET):
        return _network_subtype(index, architecture)
    for row_kind, sign, subtype in _SUBTYPES:
        if kind is row_kind and sign in index.signs:
            return subtype, f"tensors such as {index.example(sign)}"
    if kind is ModelType.LORA and index.width("flux.in") & {128}:
        return "control", "a delta of the input layer for 128 channels"
    if kind is ModelType.MOTION_MODULE:
        return _motion_subtype(index)
    if kind is ModelType.UPSCALER:
        found = sorted(s.partition(":")[2] for s in index.signs if s.startswith("upscaler:"))
        return (found[0], "layer names") if len(found) == 1 else ("", "")
    return "", ""


_SUBTYPES = (
    (ModelType.VAE, "vae:tiny", "tiny"),
    (ModelType.VAE_APPROX, "approx:tiny", "tiny"),
    (ModelType.IP_ADAPTER, "ip:lora", "faceid"),
    (ModelType.IP_ADAPTER, "ip:plus", "plus"),
    (ModelType.CONTROLNET, "motion:modules", "sparsectrl"),
    (ModelType.CONTROLNET, "control:union", "union"),
    (ModelType.CONTROLNET, "control:lora", "control-lora"),
    (ModelType.CONTROLNET, "control:lllite", "lllite"),
    (ModelType.CONTROLNET, "ldm-prefix", "combined with base"),
    (ModelType.LORA, "motion:modules", "motion"),
    (ModelType.T2I_ADAPTER, "t2i:style", "style"),
    (ModelType.OTHER, "other:redux", "redux"),
    (ModelType.OTHER, "other:captioner", "captioner"),
    (ModelType.OTHER, "other:latent", "latent"),
    (ModelType.OTHER, "other:segmenter", "segmenter"),
    (ModelType.OTHER, "other:optimizer", "optimizer-state"),
    (ModelType.OTHER, "other:photomaker", "identity-adapter"),
    (ModelType.OTHER, "other:face", "face-restorer"),
    (ModelType.OTHER, "other:detector", "detector"),
)


def _motion_subtype(index: HeaderIndex) -> _Why:
    """Return the AnimateDiff version: v1 has 24 positions, v2 a middle module, v3 neither (guoyww/AnimateDiff)."""
    deep = index.any("motion-at:down.3", "motion-at:up.3")
    if not deep:
        return "sdxl-beta", "three levels"
    if "motion-at:mid" in index.signs:
        return "v2", "a module in the middle block"
    return ("v1", "24 positions") if 24 in index.width("frames") else ("v3", "32 positions, none in the middle block")


# Input channels of a latent UNet with 4 latent channels: 4 plain, + mask and masked image, + image, + depth.
_INPUTS = {9: "inpainting", 8: "instruct-pix2pix", 5: "depth"}
_LDM_LIKE = frozenset({"sd1", "sd2", "sdxl", "sdxl-refiner", "kolors", None})


def _network_subtype(index: HeaderIndex, architecture: str | None) -> _Why:
    channels = index.width("in_channels")
    if architecture in _LDM_LIKE and len(channels) == 1:
        (count,) = channels
        if count in _INPUTS:
            return _INPUTS[count], f"{count} input channels"
    if architecture == "flux":
        return _flux_subtype(index)
    if architecture == "pixart":
        micro = "pixart:micro" in index.signs
        return ("alpha", "micro conditions") if micro else ("sigma", "no micro conditions")
    return _sd3_subtype(index) if architecture == "sd3" else ("", "")


def _sd3_subtype(index: HeaderIndex) -> _Why:
    if 2432 in index.width("hidden"):
        return "sd3.5-large", "width 2432"
    if "sd3:attn2" in index.signs:
        return "sd3.5-medium", "a second attention in the image blocks"
    return ("sd3-medium", "width 1536") if 1536 in index.width("hidden") else ("", "")


def _flux_subtype(index: HeaderIndex) -> _Why:
    inputs = index.width("flux.in")
    if inputs & {384}:
        return "fill", "384 input channels"
    if inputs & {128}:
        return "control", "128 input channels"
    if index.any("bfl:guidance", "mmdit:guidance"):
        return "dev", "a guidance embedding"
    if "bfl:vector" in index.signs or "mmdit:embedder" in index.signs:
        return "schnell", "no guidance embedding"
    return "", ""


_DEFAULTS = {"sd1": "epsilon", "sdxl": "epsilon", "sdxl-refiner": "epsilon", "kolors": "epsilon", "svd": "edm-v"}
_STATED = {"v": "v", "v_prediction": "v", "epsilon": "epsilon", "eps": "epsilon", "v-prediction": "v"}
_KEYS = (
    ("prediction:edm-v", "edm-v"),
    ("prediction:edm", "edm"),
    ("prediction:v", "v"),
)


def prediction_of(
    index: HeaderIndex, kind: ModelType, architecture: str | None, hints: Hints
) -> tuple[str | None, str]:
    """Return what the network was trained to predict, and the reason. For SD 2 a header does not show it."""
    metadata = index.header.metadata
    for sign, answer in _KEYS:
        if sign in index.signs and kind in (ModelType.BASE, ModelType.UNET):
            return answer, f"the key {index.example(sign)}"
    if kind is ModelType.LORA:
        return _lora_prediction(metadata)
    if kind not in (ModelType.BASE, ModelType.UNET):
        return None, ""
    stated = _stated_prediction(metadata)
    if stated[0]:
        return stated
    if "prediction:ztsnr" in index.signs:
        return "v", "the key ztsnr"
    known = find_known_file(hints.sha256) if hints.sha256 else None
    if known and known.prediction:
        return known.prediction, f"known file {known.file}"
    if architecture in FLOW_FAMILIES:
        return "flow", f"{architecture} models predict the flow"
    default = _DEFAULTS.get(architecture or "")
    return (default, f"the default of {architecture}") if default else (None, "")


def _stated_prediction(metadata: Mapping[str, str]) -> tuple[str | None, str]:
    for name in ("modelspec.prediction_type", "modelspec.predict_key"):
        answer = _STATED.get(metadata.get(name, "").strip().lower())
        if answer:
            return answer, name
    config = metadata.get("scheduler/scheduler_config.json")
    if config:
        answer = _STATED.get(str(parse_object(config).get("prediction_type", "")))
        if answer:
            return answer, "scheduler/scheduler_config.json"
    return None, ""


def _lora_prediction(metadata: Mapping[str, str]) -> tuple[str | None, str]:
    if metadata.get("ss_v_parameterization", "").lower() == "true":
        return "v", "ss_v_parameterization"
    if metadata.get("ss_base_model_version", "").endswith("_v"):
        return "v", "ss_base_model_version"
    return _stated_prediction(metadata)
