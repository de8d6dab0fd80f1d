"""The tensors that a conversion writes: under which names, in which type, and where their values come from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelhub.detect.weights.canonical_names import vae_name
from modelhub.errors import ModelhubError, Remedy
from modelhub.formats.header import TensorInfo
from modelhub.formats.precision import FLOATS, PRECISIONS
from modelhub.operations.convert.options import ConversionOptions

_MAIN, _EMA = "model.", "model_ema."
# What training leaves in a state dict besides the weights (a VAE's discriminator, counters of the moving average).
_TRAINING = re.compile(r"^(loss\.|first_stage_model\.loss\.|optimizer|lr_scheduler|model_ema\.(decay|num_updates)$)")
# The buffers of the noise schedule, which half precision would distort.
_KEPT = re.compile(r"^(betas|alphas_|sqrt_|log_one_minus_|posterior_|lvlb_|logvar|scale_factor|denoiser\.sigmas)")
_VAE = "first_stage_model."
_POSITIONS = re.compile(r"(^|\.)position_ids$")
# NovelAI's checkpoint and its derivatives have CLIP's names as an old version of transformers wrote them.
_OLD_CLIP = re.compile(r"^(cond_stage_model\.transformer\.)(?=(embeddings|encoder|final_layer_norm)\.)")
# A1111 keeps the vectors of an embedding under this name in safetensors.
_EMBEDDING = {"string_to_param.*": "emb_params"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTensor:
    """One tensor of the result.

    `origin`: its name in the source, or in the VAE when `from_vae`; None for one whose bytes are `content`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    origin: str | None
    origin_dtype: str
    from_vae: bool = False
    content: bytes = b""


def plan_tensors(
    tensors: Mapping[str, TensorInfo],
    options: ConversionOptions,
    *,
    vae: Mapping[str, TensorInfo] | None = None,
    name: str,
) -> list[PlannedTensor]:
    """Return every tensor of the result. `vae`: the tensors of the VAE to bake in; `name`: of the source, for messages.

    Raise ModelhubError when the options do not fit the tensors.
    """
    if not tensors:
        raise ModelhubError(f"{name} has no tensors that could be written.", Remedy("Inspect the file.", "inspect"))
    planned = _kept_tensors(tensors, options, name)
    if vae is not None:
        planned = _with_vae(planned, vae, name)
    if options.repair:
        planned = [_repaired(tensor) for tensor in planned]
    return [_in_precision(tensor, options.precision) for tensor in planned]


def _kept_tensors(tensors: Mapping[str, TensorInfo], options: ConversionOptions, name: str) -> list[PlannedTensor]:
    """Return the tensors of the chosen weight set. EMA weights get the main set's names, where every loader looks."""
    one_set = options.variant in ("emaonly", "noema")
    averages = {key for key in tensors if key.startswith(_EMA)}
    if one_set and not averages:
        raise ModelhubError(
            f"{name} has only one weight set, so there is none to choose.",
            Remedy("Convert it without choosing a weight set.", "convert-without-variant"),
        )
    planned = []
    for key, info in tensors.items():
        if _TRAINING.match(key) or (one_set and key in averages):
            continue
        origin = key
        if options.variant == "emaonly" and key.startswith(_MAIN):
            average = _EMA + key[len(_MAIN) :].replace(".", "")
            origin = average if average in averages else key
        shape, dtype = tensors[origin].shape, tensors[origin].dtype
        if shape != info.shape:
            raise ModelhubError(f"The EMA weights of {name} are not usable: {origin} and {key} differ in shape.")
        planned.append(
            PlannedTensor(name=_EMBEDDING.get(key, key), dtype=dtype, shape=shape, origin=origin, origin_dtype=dtype)
        )
    return planned


def _with_vae(planned: list[PlannedTensor], vae: Mapping[str, TensorInfo], name: str) -> list[PlannedTensor]:
    """Return the tensors with the base's own VAE replaced by another one, under the base's names."""
    parts = {_vae_part(key): (key, info) for key, info in vae.items() if not key.startswith(("loss.", _EMA))}
    if "decoder.conv_in.weight" not in parts:
        raise ModelhubError("The file to bake in is not a VAE.", Remedy("Choose a VAE.", "list-vaes"))
    if not any(tensor.name.startswith("model.diffusion_model.") for tensor in planned):
        raise ModelhubError(f"{name} is not a base checkpoint, so a VAE cannot be baked in.")
    own = {tensor.name[len(_VAE) :]: tensor.shape for tensor in planned if tensor.name.startswith(_VAE)}
    baked = []
    for part, (key, info) in parts.items():
        shape = own.get(part, info.shape)
        if math.prod(shape) != math.prod(info.shape):
            raise ModelhubError(f"The VAE does not fit {name}: {key} has shape {info.shape}, expected is {shape}.")
        baked.append(
            PlannedTensor(
                name=_VAE + part, dtype=info.dtype, shape=shape, origin=key, origin_dtype=info.dtype, from_vae=True
            )
        )
    return [tensor for tensor in planned if not tensor.name.startswith(_VAE)] + baked


def _vae_part(key: str) -> str:
    return vae_name(key.removeprefix(_VAE).removeprefix("vae."))


def _repaired(tensor: PlannedTensor) -> PlannedTensor:
    """Return position ids as the integers from 0, and CLIP's old names as loaders expect them."""
    name = _OLD_CLIP.sub(r"\1text_model.", tensor.name)
    if not _POSITIONS.search(name):
        return replace(tensor, name=name)
    numbers = b"".join(number.to_bytes(8, "little") for number in range(math.prod(tensor.shape)))
    return replace(tensor, name=name, dtype="I64", origin=None, content=numbers)


def _in_precision(tensor: PlannedTensor, precision: str | None) -> PlannedTensor:
    if precision is None or tensor.origin is None or tensor.origin_dtype not in FLOATS:
        return tensor
    if _KEPT.match(tensor.name) or _POSITIONS.search(tensor.name):
        return tensor
    return replace(tensor, dtype=PRECISIONS[precision])
