"""Copies of the miniature family that are broken on purpose, each with the verdicts that are right for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

FAMILY = Path(__file__).resolve().parent.parent / "data" / "miniature"
BASE, LORA = "miniature.safetensors", "miniature-frame-kohya.safetensors"
EMBEDDING = "nightgem.safetensors"
UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
Tensors = dict[str, numpy.ndarray[Any, Any]]
Change = Callable[[Tensors], None]


@dataclass(frozen=True)
class BrokenCopy:
    """A broken copy: its source, the change to it, and the verdicts that are right."""

    name: str
    type: str
    source: str
    change: Change
    verdicts: frozenset[str]
    cut: float = 1.0  # share of the file that is kept


def _scaled(part: str, factor: float) -> Change:
    def change(tensors: Tensors) -> None:
        for name in tensors:
            if part in name:
                tensors[name] = (tensors[name].astype(numpy.float32) * factor).astype(tensors[name].dtype)

    return change


def _one_value(part: str, value: float) -> Change:
    def change(tensors: Tensors) -> None:
        name = next(name for name in tensors if part in name)
        changed = tensors[name].copy()
        changed.flat[changed.size // 2] = value
        tensors[name] = changed

    return change


def _shuffled(part: str, seed: int = 0) -> Change:
    def change(tensors: Tensors) -> None:
        chance = numpy.random.default_rng(seed)
        for name in tensors:
            if part in name and tensors[name].size > 1:
                tensors[name] = chance.permutation(tensors[name].ravel()).reshape(tensors[name].shape)

    return change


def _untrained(part: str) -> Change:
    def change(tensors: Tensors) -> None:
        chance = numpy.random.default_rng(1)
        for name, old in tensors.items():
            if part in name and old.ndim > 1:
                spread = 1 / numpy.sqrt(numpy.prod(old.shape[1:]))
                tensors[name] = (chance.standard_normal(old.shape) * spread).astype(old.dtype)

    return change


def _without(part: str) -> Change:
    def change(tensors: Tensors) -> None:
        for name in [name for name in tensors if part in name]:
            del tensors[name]

    return change


def _constant_decode(red: float, green: float, blue: float) -> Change:
    def change(tensors: Tensors) -> None:
        stem = f"{VAE}decoder.conv_out"
        tensors[f"{stem}.weight"] = tensors[f"{stem}.weight"] * 0
        tensors[f"{stem}.bias"] = numpy.array([red, green, blue], tensors[f"{stem}.bias"].dtype)

    return change


def _both(first: Change, second: Change) -> Change:
    def change(tensors: Tensors) -> None:
        first(tensors)
        second(tensors)

    return change


def _only_vae(tensors: Tensors) -> None:
    for name in list(tensors):
        value = tensors.pop(name)
        if name.startswith(VAE):
            tensors[name.removeprefix(VAE)] = value


def _more_channels(tensors: Tensors) -> None:
    """Widen a VAE to latents of 16 channels, as SD3 and FLUX have them."""
    wide = tensors["decoder.conv_in.weight"]
    tensors["decoder.conv_in.weight"] = numpy.concatenate([wide] * 4, axis=1)
    tensors["encoder.conv_out.weight"] = numpy.concatenate([tensors["encoder.conv_out.weight"]] * 4)
    tensors["encoder.conv_out.bias"] = numpy.concatenate([tensors["encoder.conv_out.bias"]] * 4)
    for name in list(tensors):
        if "quant_conv" in name:
            del tensors[name]


def _bad_positions(tensors: Tensors) -> None:
    ids = numpy.arange(77, dtype=numpy.float32)
    ids[41:] -= 0.1
    tensors[f"{TEXT}transformer.text_model.embeddings.position_ids"] = ids[None]


def _wider(tensors: Tensors) -> None:
    """Widen the input of cross-attention to SD1's 768 from the miniature's 40."""
    for name, old in list(tensors.items()):
        if "attn2_to_k.lora_down" in name or "attn2_to_v.lora_down" in name:
            tensors[name] = numpy.zeros((old.shape[0], 768), old.dtype)


def _strangers(tensors: Tensors) -> None:
    names = sorted(name for name in tensors if "up_blocks" in name)
    for name in names:
        tensors[name.replace("up_blocks", "elsewhere_blocks")] = tensors.pop(name)


def _nothing(_: Tensors) -> None:
    """Change nothing; the file is only cut off."""


def _set(*words: str) -> frozenset[str]:
    return frozenset(words)


_BROKEN_VAE = _set("clipped", "uniform", "damaged")
_BROKEN_ALONE = _BROKEN_VAE | {"incompatible", "nan-vae"}
BROKEN_COPIES: tuple[BrokenCopy, ...] = (
    BrokenCopy(
        "nan in the unet",
        "base",
        BASE,
        _one_value(f"{UNET}middle_block.0.in_layers.2.weight", numpy.nan),
        _set("nan-unet"),
    ),
    BrokenCopy(
        "nan in the text encoder",
        "base",
        BASE,
        _one_value(f"{TEXT}transformer.text_model.encoder.layers.5.mlp.fc1.weight", numpy.nan),
        _set("nan-unet"),
    ),
    BrokenCopy(
        "nan in the vae", "base", BASE, _one_value(f"{VAE}decoder.mid.block_1.conv1.weight", numpy.nan), _set("nan-vae")
    ),
    BrokenCopy(
        "infinity in the unet",
        "base",
        BASE,
        _one_value(f"{UNET}output_blocks.3.0.in_layers.2.weight", numpy.inf),
        _set("nan-unet"),
    ),
    BrokenCopy("zeroed unet", "base", BASE, _scaled(UNET, 0.0), _set("noise")),
    BrokenCopy("zeroed unet output", "base", BASE, _scaled(f"{UNET}out.", 0.0), _set("noise")),
    BrokenCopy("shuffled unet", "base", BASE, _shuffled(UNET), _set("noise", "nan-unet")),
    BrokenCopy("shuffled half of the unet", "base", BASE, _shuffled(f"{UNET}output_blocks"), _set("noise", "nan-unet")),
    BrokenCopy("untrained unet", "base", BASE, _untrained(UNET), _set("noise", "nan-unet")),
    BrokenCopy("untrained everything", "base", BASE, _untrained("model"), _set("noise", "nan-unet")),
    BrokenCopy("vae decoder output x 8", "base", BASE, _scaled(f"{VAE}decoder.conv_out", 8.0), _BROKEN_VAE),
    BrokenCopy("vae decoder output x 0.05", "base", BASE, _scaled(f"{VAE}decoder.conv_out", 0.05), _BROKEN_VAE),
    BrokenCopy("vae decoder input x 4", "base", BASE, _scaled(f"{VAE}decoder.conv_in", 4.0), _BROKEN_VAE),
    BrokenCopy("shuffled vae", "base", BASE, _shuffled(f"{VAE}decoder"), _BROKEN_VAE | {"nan-vae"}),
    BrokenCopy("untrained vae", "base", BASE, _untrained(f"{VAE}decoder"), _BROKEN_VAE | {"nan-vae"}),
    BrokenCopy("black picture", "base", BASE, _constant_decode(-2, -2, -2), _set("uniform")),
    BrokenCopy("blue picture", "base", BASE, _constant_decode(-0.7, -0.5, 0.6), _set("uniform")),
    BrokenCopy(
        "missing unet weight", "base", BASE, _without(f"{UNET}output_blocks.5.0.in_layers.2.weight"), _set("incomplete")
    ),
    BrokenCopy(
        "missing text weight",
        "base",
        BASE,
        _without(f"{TEXT}transformer.text_model.encoder.layers.3.self_attn.k_proj.bias"),
        _set("incomplete"),
    ),
    BrokenCopy("no vae", "base", BASE, _without(VAE), _set("incomplete")),
    BrokenCopy("bad position_ids", "base", BASE, _bad_positions, _set("damaged")),
    BrokenCopy("truncated base", "base", BASE, _nothing, _set("incomplete"), cut=0.7),
    BrokenCopy(
        "nan in the encoder",
        "base",
        BASE,
        _one_value(f"{VAE}encoder.mid.block_1.conv1.weight", numpy.nan),
        _set("damaged"),
    ),
    BrokenCopy("vae output x 8, alone", "vae", BASE, _both(_only_vae, _scaled("decoder.conv_out", 8.0)), _BROKEN_ALONE),
    BrokenCopy("shuffled vae, alone", "vae", BASE, _both(_only_vae, _shuffled("decoder")), _BROKEN_ALONE),
    BrokenCopy(
        "nan vae, alone",
        "vae",
        BASE,
        _both(_only_vae, _one_value("decoder.conv_in.weight", numpy.nan)),
        _set("nan-vae"),
    ),
    BrokenCopy("black vae, alone", "vae", BASE, _both(_constant_decode(-2, -2, -2), _only_vae), _set("uniform")),
    BrokenCopy("vae for 16 channels", "vae", BASE, _both(_only_vae, _more_channels), _set("incompatible")),
    BrokenCopy(
        "vae without its last layer", "vae", BASE, _both(_only_vae, _without("decoder.conv_out")), _set("incomplete")
    ),
    BrokenCopy("lora of another family", "lora", LORA, _wider, _set("incompatible")),
    BrokenCopy("empty lora", "lora", LORA, _scaled("lora_up", 0.0), _set("no-effect")),
    BrokenCopy("faint lora", "lora", LORA, _scaled("lora_up", 1e-4), _set("negligible", "no-effect")),
    BrokenCopy("nan lora", "lora", LORA, _one_value("attn1_to_q.lora_up", numpy.nan), _set("nan-unet")),
    BrokenCopy("lora x 300", "lora", LORA, _scaled("lora_up", 300.0), _set("noise", "nan-unet", "uniform", "clipped")),
    BrokenCopy("truncated lora", "lora", LORA, _nothing, _set("incomplete"), cut=0.7),
    BrokenCopy("nan embedding", "embedding", EMBEDDING, _one_value("emb", numpy.nan), _set("nan-unet")),
)
# Broken in part, and works for the rest: a warning, not a verdict.
HALF_LORA = BrokenCopy("half a lora", "lora", LORA, _strangers, _set("ok"))


def write(copy: BrokenCopy, folder: Path) -> Path:
    """Write a broken copy into a folder and return its path."""
    source, target = FAMILY / copy.source, folder / f"{copy.name}.safetensors"
    with safe_open(source, framework="numpy") as file:
        metadata: Mapping[str, str] = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    copy.change(tensors)
    save_file(
        {name: numpy.ascontiguousarray(value) for name, value in tensors.items()}, target, metadata=dict(metadata)
    )
    if copy.cut < 1.0:
        data = target.read_bytes()
        target.write_bytes(data[: int(len(data) * copy.cut)])
    return target
