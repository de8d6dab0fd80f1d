"""What a conversion writes: which tensors, under which names, in which type. Pure; `convert` carries it out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelhub.detect.weights.canonical_names import vae_name
from modelhub.errors import ModelhubError, UsageError
from modelhub.formats.header import TensorInfo
from modelhub.formats.precision import FLOATS, PRECISIONS

VARIANTS = ("emaonly", "noema", "no-training-state")
_MAIN, _EMA = "model.", "model_ema."
# What training leaves in a state dict besides the weights (a VAE's discriminator, counters of the moving average).
_TRAINING = re.compile(r"^(loss\.|first_stage_model\.loss\.|optimizer|lr_scheduler|model_ema\.(decay|num_updates)$)")
# Buffers whose meaning is lost in half precision: the noise schedule.
_KEPT = re.compile(r"^(betas|alphas_|sqrt_|log_one_minus_|posterior_|lvlb_|logvar|scale_factor|denoiser\.sigmas)")
_VAE = "first_stage_model."
_POSITIONS = re.compile(r"(^|\.)position_ids$")
# NovelAI's file and its relatives have CLIP's names as an old transformers wrote them.
_OLD_CLIP = re.compile(r"^(cond_stage_model\.transformer\.)(?=(embeddings|encoder|final_layer_norm)\.)")
# A1111 keeps an embedding's vectors under this name in safetensors.
_EMBEDDING = {"string_to_param.*": "emb_params"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionOptions:
    """What to do. `precision`: fp32, fp16, bf16 or None to leave it; `variant`: one of `VARIANTS` or None."""

    precision: str | None = None
    variant: str | None = None
    bake_vae: bool = False
    repair: bool = False

    def words(self) -> tuple[str, ...]:
        """The parts that a file name tells."""
        named = (self.variant, self.precision, "vae" if self.bake_vae else None)
        return tuple(word for word in named if word and word != "no-training-state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One tensor of the result. `origin`: its name in the source (or the VAE, when `from_vae`); None: made anew."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    origin: str | None
    origin_dtype: str
    from_vae: bool = False
    fresh: bytes = b""


def plan(
    tensors: Mapping[str, TensorInfo],
    recipe: ConversionOptions,
    *,
    vae: Mapping[str, TensorInfo] | None = None,
    about: str,
) -> list[Write]:
    """Every tensor of the result. Raises UsageError or ModelhubError naming `about` when the recipe does not fit."""
    if recipe.variant is not None and recipe.variant not in VARIANTS:
        raise UsageError(f"There is no variant `{recipe.variant}` to convert to.", f"One of: {', '.join(VARIANTS)}.")
    if recipe.precision is not None and recipe.precision not in PRECISIONS:
        raise UsageError(
            f"There is no precision `{recipe.precision}` to convert to.", f"One of: {', '.join(PRECISIONS)}."
        )
    if not tensors:
        raise ModelhubError(f"{about} holds no tensors that could be written.", "`modelhub inspect` says what it is.")
    writes = _chosen(tensors, recipe, about)
    if recipe.bake_vae:
        writes = _with_vae(writes, vae or {}, about)
    if recipe.repair:
        writes = [_repaired(write) for write in writes]
    return [_in_precision(write, recipe.precision) for write in writes]


def _chosen(tensors: Mapping[str, TensorInfo], recipe: ConversionOptions, about: str) -> list[Write]:
    """The weight sets that stay. EMA weights go under the main set's names, where every loader looks."""
    averages = {name for name in tensors if name.startswith(_EMA)}
    if recipe.variant in ("emaonly", "noema") and not averages:
        raise ModelhubError(
            f"{about} has one weight set only, so there is nothing to choose.", "Convert it without --variant."
        )
    writes = []
    for name, info in tensors.items():
        if _TRAINING.match(name) or (recipe.variant in ("emaonly", "noema") and name in averages):
            continue
        origin = name
        if recipe.variant == "emaonly" and name.startswith(_MAIN):
            average = _EMA + name[len(_MAIN) :].replace(".", "")
            origin = average if average in averages else name
        shape, dtype = tensors[origin].shape, tensors[origin].dtype
        if shape != info.shape:
            raise ModelhubError(f"{about}: {origin} and {name} have different shapes; its EMA set is not usable.")
        kept = _EMBEDDING.get(name, name)
        writes.append(Write(name=kept, dtype=dtype, shape=shape, origin=origin, origin_dtype=dtype))
    return writes


def _with_vae(writes: list[Write], vae: Mapping[str, TensorInfo], about: str) -> list[Write]:
    """The base's own VAE replaced by another one, under the base's names."""
    parts = {_vae_part(name): (name, info) for name, info in vae.items() if not name.startswith(("loss.", _EMA))}
    if "decoder.conv_in.weight" not in parts:
        raise ModelhubError("The file for --bake-vae holds no VAE.", "`modelhub list --type vae` shows the library's.")
    if not any(write.name.startswith("model.diffusion_model.") for write in writes):
        raise ModelhubError(f"{about} is no base checkpoint, so no VAE can be baked in.")
    own = {write.name[len(_VAE) :]: write.shape for write in writes if write.name.startswith(_VAE)}
    baked = []
    for part, (name, info) in parts.items():
        shape = own.get(part, info.shape)
        if _size(shape) != _size(info.shape):
            raise ModelhubError(f"The VAE does not fit {about}: {name} has shape {info.shape}, there it is {shape}.")
        baked.append(
            Write(name=_VAE + part, dtype=info.dtype, shape=shape, origin=name, origin_dtype=info.dtype, from_vae=True)
        )
    return [write for write in writes if not write.name.startswith(_VAE)] + baked


def _vae_part(name: str) -> str:
    bare = name.removeprefix(_VAE).removeprefix("vae.")
    return vae_name(bare)


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _repaired(write: Write) -> Write:
    """Position ids counted anew as whole numbers; CLIP's old names as loaders expect them."""
    name = _OLD_CLIP.sub(r"\1text_model.", write.name)
    if not _POSITIONS.search(name):
        return replace(write, name=name)
    count = _size(write.shape)
    numbers = b"".join(number.to_bytes(8, "little") for number in range(count))
    return replace(write, name=name, dtype="I64", origin=None, fresh=numbers)


def _in_precision(write: Write, precision: str | None) -> Write:
    if precision is None or write.origin is None or write.origin_dtype not in FLOATS:
        return write
    if _KEPT.match(write.name) or _POSITIONS.search(write.name):
        return write
    return replace(write, dtype=PRECISIONS[precision])
