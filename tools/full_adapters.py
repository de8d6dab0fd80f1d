"""An adapter of every type with random weights, for the bases of `full_size`; strong enough that each has an effect."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

from modelhub.render.loading.tensors import load
from tools.full_size import Layout, Shape, Tensors, Weights, attention_shapes, text_modules

RANK = 32
_TOKENS = 4
# How far a decoder is scaled so that half precision overflows: a power of two, which changes no digit of a weight.
_TOO_LARGE = 2.0**18
# What a VAE's decoder adds to the stream that its blocks pass on; norms take the stream's scale out again.
_ADDS = (".conv2.", ".attn_1.proj_out.")
# Linear on the way of the stream: only their biases must grow with it.
_SHIFTS = (".nin_shortcut.", ".upsample.")


def lora(layout: Layout, path: Path, weights: Weights, *, rank: int = RANK) -> Path:
    """Make a LoRA in kohya's names: all attention projections of UNet and text encoders, alpha half the rank."""
    tensors: Tensors = {}
    for stem, (out, into) in [*_unet_stems(layout).items(), *text_modules(layout)]:
        tensors |= {f"{stem}.{part}": value for part, value in _low_rank(weights, (out, into), rank).items()}
    return _saved(tensors, path)


def dora(layout: Layout, path: Path, weights: Weights) -> Path:
    """Make a DoRA of LyCORIS, with magnitudes a third above those that random weights have."""
    tensors: Tensors = {}
    for stem, (out, into) in _unet_stems(layout).items():
        tensors |= {f"{stem}.{part}": value for part, value in _low_rank(weights, (out, into), RANK).items()}
        tensors[f"{stem}.dora_scale"] = torch.full((1, into), 1.3 * math.sqrt(out / (3 * into)))
    return _saved(tensors, path)


def loha(layout: Layout, path: Path, weights: Weights) -> Path:
    """Make a LoHa of LyCORIS of rank 8: the Hadamard product of two low-rank changes."""
    tensors: Tensors = {}
    for stem, (out, into) in _unet_stems(layout).items():
        for part in ("hada_w1", "hada_w2"):
            tensors[f"{stem}.{part}_a"] = weights.uniform((out, 8), 1.0)
            tensors[f"{stem}.{part}_b"] = weights.uniform((8, into), 0.5 / into**0.25)
        tensors[f"{stem}.alpha"] = torch.tensor(8.0)
    return _saved(tensors, path)


def lokr(layout: Layout, path: Path, weights: Weights) -> Path:
    """Make a LoKr of LyCORIS: a 4×4 Kronecker factor and a low-rank one."""
    tensors: Tensors = {}
    for stem, (out, into) in _unet_stems(layout).items():
        tensors[f"{stem}.lokr_w1"] = weights.uniform((4, 4), 2.0)
        tensors[f"{stem}.lokr_w2_a"] = weights.uniform((out // 4, 8), 0.2)
        tensors[f"{stem}.lokr_w2_b"] = weights.uniform((8, into // 4), 1 / math.sqrt(into))
        tensors[f"{stem}.alpha"] = torch.tensor(8.0)
    return _saved(tensors, path)


def embedding(layout: Layout, path: Path, weights: Weights) -> Path:
    """Make an embedding: `emb_params`, or SDXL's pair of clip_l and clip_g."""
    names = ("clip_l", "clip_g") if layout.double else ("emb_params",)
    widths = [width for width, _ in layout.text]
    return _saved({n: weights.uniform((_TOKENS, w), 0.5) for n, w in zip(names, widths, strict=True)}, path)


def hypernetwork(layout: Layout, path: Path, weights: Weights) -> Path:
    """Make A1111's .pt hypernetwork: two layers for every width that keys and values are made of."""
    state: dict[str | int, object] = {"step": 1000, "name": path.stem, "layer_structure": [1, 2, 1]}
    state |= {"activation_func": "linear", "is_layer_norm": False, "activate_output": False}
    for width in sorted({into for name, (_, into) in attention_shapes(layout).items() if name.endswith("to_k")}):
        state[width] = [_stack(weights, width), _stack(weights, width)]
    torch.save(state, path)
    return path


def vae(path: Path, base: Path, weights: Weights, *, overflows: bool = False) -> Path:
    """Return the decoder of the base, a little changed; `overflows`: half precision is not enough for it, fp32 is.

    Without encoder, as random weights keep nothing of a picture.
    """
    decoder = decoder_of(base)
    if overflows:
        decoder = overflowing(decoder, _TOO_LARGE)
    for name, tensor in decoder.items():
        if tensor.ndim > 1:
            decoder[name] = tensor * (1 + weights.uniform(tuple(tensor.shape), 0.05).cpu())
    return _saved(decoder, path)


def decoder_of(base: Path) -> Tensors:
    """Write the VAE's decoder in a single file, under bare LDM names."""
    prefix = "first_stage_model."
    wanted = (f"{prefix}decoder.", f"{prefix}post_quant_conv.")
    return load(base, lambda name: name.removeprefix(prefix) if name.startswith(wanted) else None)


def overflowing(decoder: Tensors, factor: float) -> Tensors:
    """Return the same decoder, with everything that its blocks pass on `factor` times as large.

    Norms take the factor out before each block and at the end: in fp32 the picture stays the same.
    """
    return {name: tensor * factor if _is_passed_on(name) else tensor for name, tensor in decoder.items()}


def _is_passed_on(name: str) -> bool:
    adds = name.startswith("decoder.conv_in.") or any(part in name for part in _ADDS)
    shifts = name.endswith(".bias") and any(part in name for part in _SHIFTS)
    return adds or shifts


def _unet_stems(layout: Layout) -> dict[str, Shape]:
    return {f"lora_unet_{name.replace('.', '_')}": shape for name, shape in attention_shapes(layout).items()}


def _low_rank(weights: Weights, shape: tuple[int, int], rank: int) -> Tensors:
    """Draw a change of about half of a fresh layer's weights."""
    out, into = shape
    return {
        "alpha": torch.tensor(rank / 2),
        "lora_down.weight": weights.uniform((rank, into), 1 / math.sqrt(into)),
        "lora_up.weight": weights.uniform((out, rank), 8 / rank),
    }


def _stack(weights: Weights, width: int) -> dict[str, torch.Tensor]:
    wide = 2 * width
    return {
        "linear.0.weight": weights.uniform((wide, width), 1 / math.sqrt(width)).cpu(),
        "linear.0.bias": torch.zeros(wide),
        "linear.1.weight": weights.uniform((width, wide), 0.3 / math.sqrt(wide)).cpu(),
        "linear.1.bias": torch.zeros(width),
    }


def _saved(tensors: Tensors, path: Path) -> Path:
    save_file({name: tensor.to("cpu", torch.float16).contiguous() for name, tensor in tensors.items()}, path)
    return path
