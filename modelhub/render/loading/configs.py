"""Infer network configurations from the shapes of LDM tensors (names without their component's prefix).

Where shapes do not show a value, that of the original models is used: eight attention heads in UNets with convolutional
projections (SD1), heads of 64 channels in those with linear ones (SD2, SDXL); 64 channels a head in CLIP; GroupNorm
with as many groups as divide all widths, at most 32.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]
# Latent channels, or the architecture where the channels are the same → scaling factor and shift.
SCALES: dict[str, tuple[float, float | None]] = {
    "sd1": (0.18215, None),
    "sd2": (0.18215, None),
    "sdxl": (0.13025, None),
    "sdxl-refiner": (0.13025, None),
    "sd3": (1.5305, 0.0609),
    "flux": (0.3611, 0.1159),
}
OPEN_CLIP_WIDTHS = (1024, 1280)  # ViT-H (SD2) and bigG (SDXL)


class StructureError(ValueError):
    """A structure that is not complete; the text names what is missing."""


class UnsupportedStructureError(StructureError):
    """A complete network of a kind that cannot be built here; the text names the kind."""


# Part of a tensor's name → the kind of network. Their other names are those of image networks.
_OTHER = (
    (re.compile(r"\.time_stack\.|\.time_mixer\.|temporal_|motion_modules\.|time_conv_out"), "It is made for video."),
    (re.compile(r"^decoder\.layers\."), "It is a tiny autoencoder (TAESD) for previews."),
)


def _refuse_others(shapes: Shapes) -> None:
    for name in shapes:
        for pattern, words in _OTHER:
            if pattern.search(name):
                raise UnsupportedStructureError(words)


def _require_shape(shapes: Shapes, name: str, dimensions: int = 4) -> tuple[int, ...]:
    """Return a tensor's shape. Raise StructureError when it is missing, empty or has other dimensions."""
    if name not in shapes:
        raise StructureError(f"`{name}` is missing.")
    if len(shapes[name]) != dimensions or 0 in shapes[name]:
        raise StructureError(f"`{name}` is {list(shapes[name])}; it needs {dimensions} dimensions.")
    return shapes[name]


def _count_blocks(shapes: Shapes, prefix: str) -> int:
    """Return how many blocks are named `prefix` and a number. Raise StructureError when a number is missing."""
    pattern = re.compile(re.escape(prefix) + r"(\d{1,9})\.")
    numbers = {int(m[1]) for name in shapes if (m := pattern.match(name))}
    gap = next((number for number in range(len(numbers)) if number not in numbers), None)
    if gap is not None:
        missing = f"{prefix}{gap}"
        raise StructureError(f"`{missing}` is missing.")
    return len(numbers)


def infer_unet_config(shapes: Shapes) -> dict[str, Any]:
    """Return the configuration of the `UNet2DConditionModel` for an LDM UNet. Raise StructureError."""
    _refuse_others(shapes)
    if not any(name.startswith(("input_blocks.", "output_blocks.")) for name in shapes):
        raise UnsupportedStructureError("It has no UNet blocks, so it may be a transformer.")
    width, channels = _require_shape(shapes, "input_blocks.0.0.weight")[:2]
    count = _count_blocks(shapes, "input_blocks.")
    downs = [i for i in range(1, count) if f"input_blocks.{i}.0.op.weight" in shapes]
    per_level = downs[0] - 1 if downs else count - 1
    firsts = range(1, count, per_level + 1)
    widths = [_require_shape(shapes, f"input_blocks.{i}.0.out_layers.3.weight")[0] for i in firsts]
    depths = [_depth(shapes, f"input_blocks.{i}.1") for i in firsts]
    middle = _depth(shapes, "middle_block.1")
    linear = any(name.endswith(".proj_in.weight") and len(shape) == 2 for name, shape in shapes.items())
    context = next((name for name in shapes if name.endswith("attn2.to_k.weight")), None)
    if context is None:
        raise StructureError("It has no cross-attention.")
    added = _require_shape(shapes, "label_emb.0.0.weight", 2) if "label_emb.0.0.weight" in shapes else None
    return {
        "sample_size": 128 if added else 64,  # some pipelines compute with it
        "in_channels": channels,
        "out_channels": _require_shape(shapes, "out.2.weight")[0],
        "block_out_channels": widths,
        "layers_per_block": per_level,
        "cross_attention_dim": _require_shape(shapes, context, 2)[1],
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "transformer_layers_per_block": [depth or middle for depth in depths],
        # diffusers' name is wrong for its meaning: it is the number of heads of each level
        "attention_head_dim": [max(1, width // 64) for width in widths] if linear else 8,
        "use_linear_projection": linear,
        "norm_num_groups": count_groups((width, *widths)),
        "addition_embed_type": "text_time" if added else None,
        "addition_time_embed_dim": 256 if added else None,
        "projection_class_embeddings_input_dim": added[1] if added else None,
    }


def _depth(shapes: Shapes, block: str) -> int:
    return _count_blocks(shapes, f"{block}.transformer_blocks.")


def count_groups(widths: tuple[int, ...]) -> int:
    """Return the number of GroupNorm groups."""
    return math.gcd(32, *widths)


def infer_vae_config(shapes: Shapes, architecture: str) -> dict[str, Any]:
    """Return the configuration of the `AutoencoderKL` for an LDM VAE; the latents' scale is the architecture's.

    Raise StructureError.
    """
    _refuse_others(shapes)
    deep, latents = _require_shape(shapes, "decoder.conv_in.weight")[:2]
    levels = _count_blocks(shapes, "decoder.up.")
    widths = [_require_shape(shapes, f"decoder.up.{i}.block.0.conv2.weight")[0] for i in range(levels)]
    blocks = _count_blocks(shapes, "decoder.up.0.block.")
    scale, shift = SCALES.get(architecture, SCALES["sd1"])
    return {
        "in_channels": 3,
        "out_channels": _require_shape(shapes, "decoder.conv_out.weight")[0],
        "latent_channels": latents,
        "block_out_channels": widths,
        "layers_per_block": blocks - 1,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": count_groups((deep, *widths)),
        "use_quant_conv": "quant_conv.weight" in shapes or "encoder.conv_in.weight" not in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        "scaling_factor": scale,
        "shift_factor": shift,
    }


def infer_text_config(shapes: Shapes, *, activation: str) -> dict[str, Any]:
    """Return the configuration of the `CLIPTextModel` for these tensors (transformers' names without `text_model.`).

    `activation`: "quick_gelu" for OpenAI's CLIP, "gelu" for OpenCLIP, as the style of the names shows; ViT-H and bigG
    are OpenCLIP's under any names. Raise StructureError.
    """
    vocabulary, width = _require_shape(shapes, "embeddings.token_embedding.weight", 2)
    layers, projection = _count_blocks(shapes, "encoder.layers."), "text_projection.weight"
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": _require_shape(shapes, "encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64 if width % 64 == 0 else 1,
        "max_position_embeddings": _require_shape(shapes, "embeddings.position_embedding.weight", 2)[0],
        "hidden_act": "gelu" if width in OPEN_CLIP_WIDTHS else activation,
        "projection_dim": _require_shape(shapes, projection, 2)[0] if projection in shapes else width,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 49407,
    }
