"""Network configurations out of nothing but the shapes of LDM tensors (names without their component's prefix).

Where shapes do not tell, the originals' choice holds: eight attention heads in UNets with convolutional projections
(SD1), heads of 64 channels in those with linear ones (SD2, SDXL); 64 channels a head in CLIP; GroupNorm with as many
groups as divide all widths, at most 32.
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


class NotAUNetError(ValueError):
    """The tensors are no UNet of a known structure; the text says which one is missing."""


class OtherStructureError(NotAUNetError):
    """The tensors are a sound network of a kind that is not built here; the text says which."""


# Part of a tensor's name → what such a network is. Their other names are those of image networks.
_OTHER = (
    (re.compile(r"\.time_stack\.|\.time_mixer\.|temporal_|motion_modules\.|time_conv_out"), "it is made for video"),
    (re.compile(r"^decoder\.layers\."), "it is a tiny autoencoder (TAESD), which UIs preview with"),
)


def _refuse_others(shapes: Shapes) -> None:
    for name in shapes:
        for pattern, words in _OTHER:
            if pattern.search(name):
                raise OtherStructureError(words)


def _need(shapes: Shapes, name: str, dimensions: int = 4) -> tuple[int, ...]:
    if name not in shapes:
        raise NotAUNetError(f"`{name}` is missing")
    if len(shapes[name]) != dimensions or 0 in shapes[name]:
        raise NotAUNetError(f"`{name}` is {list(shapes[name])}, which has not {dimensions} sides")
    return shapes[name]


def _count(shapes: Shapes, prefix: str) -> int:
    """How many blocks are named `prefix` and a number, from 0 on without a gap."""
    pattern = re.compile(re.escape(prefix) + r"(\d{1,9})\.")
    numbers = {int(m[1]) for name in shapes if (m := pattern.match(name))}
    gap = next((number for number in range(len(numbers)) if number not in numbers), None)
    if gap is not None:
        raise NotAUNetError(f"`{prefix}{gap}` is missing")
    return len(numbers)


def unet_config(shapes: Shapes) -> dict[str, Any]:
    """The `UNet2DConditionModel` of an LDM UNet. Raises NotAUNetError."""
    _refuse_others(shapes)
    if not any(name.startswith(("input_blocks.", "output_blocks.")) for name in shapes):
        raise OtherStructureError("there is none: a transformer, perhaps")
    width, channels = _need(shapes, "input_blocks.0.0.weight")[:2]
    count = _count(shapes, "input_blocks.")
    downs = [i for i in range(1, count) if f"input_blocks.{i}.0.op.weight" in shapes]
    per_level = downs[0] - 1 if downs else count - 1
    firsts = range(1, count, per_level + 1)
    widths = [_need(shapes, f"input_blocks.{i}.0.out_layers.3.weight")[0] for i in firsts]
    depths = [_depth(shapes, f"input_blocks.{i}.1") for i in firsts]
    middle = _depth(shapes, "middle_block.1")
    linear = any(name.endswith(".proj_in.weight") and len(shape) == 2 for name, shape in shapes.items())
    context = next((name for name in shapes if name.endswith("attn2.to_k.weight")), None)
    if context is None:
        raise NotAUNetError("there is no cross-attention")
    added = _need(shapes, "label_emb.0.0.weight", 2) if "label_emb.0.0.weight" in shapes else None
    return {
        "sample_size": 128 if added else 64,  # some pipelines compute with it
        "in_channels": channels,
        "out_channels": _need(shapes, "out.2.weight")[0],
        "block_out_channels": widths,
        "layers_per_block": per_level,
        "cross_attention_dim": _need(shapes, context, 2)[1],
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "transformer_layers_per_block": [depth or middle for depth in depths],
        # diffusers' name is wrong for its meaning: it is the number of heads of each level
        "attention_head_dim": [max(1, width // 64) for width in widths] if linear else 8,
        "use_linear_projection": linear,
        "norm_num_groups": groups((width, *widths)),
        "addition_embed_type": "text_time" if added else None,
        "addition_time_embed_dim": 256 if added else None,
        "projection_class_embeddings_input_dim": added[1] if added else None,
    }


def _depth(shapes: Shapes, block: str) -> int:
    return _count(shapes, f"{block}.transformer_blocks.")


def groups(widths: tuple[int, ...]) -> int:
    """The number of GroupNorm groups."""
    return math.gcd(32, *widths)


def vae_config(shapes: Shapes, architecture: str) -> dict[str, Any]:
    """The `AutoencoderKL` of an LDM VAE; its latents' scale is the architecture's. Raises NotAUNetError."""
    _refuse_others(shapes)
    deep, latents = _need(shapes, "decoder.conv_in.weight")[:2]
    levels = _count(shapes, "decoder.up.")
    widths = [_need(shapes, f"decoder.up.{i}.block.0.conv2.weight")[0] for i in range(levels)]
    blocks = _count(shapes, "decoder.up.0.block.")
    scale, shift = SCALES.get(architecture, SCALES["sd1"])
    return {
        "in_channels": 3,
        "out_channels": _need(shapes, "decoder.conv_out.weight")[0],
        "latent_channels": latents,
        "block_out_channels": widths,
        "layers_per_block": blocks - 1,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": groups((deep, *widths)),
        "use_quant_conv": "quant_conv.weight" in shapes or "encoder.conv_in.weight" not in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        "scaling_factor": scale,
        "shift_factor": shift,
    }


def text_config(shapes: Shapes, *, activation: str) -> dict[str, Any]:
    """The `CLIPTextModel` with these tensors (transformers' names without `text_model.`). Raises NotAUNetError.

    `activation`: "quick_gelu" for OpenAI's CLIP, "gelu" for OpenCLIP, as the style of the names tells;
    ViT-H and bigG are OpenCLIP's under any names.
    """
    vocabulary, width = _need(shapes, "embeddings.token_embedding.weight", 2)
    layers, projection = _count(shapes, "encoder.layers."), "text_projection.weight"
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": _need(shapes, "encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64 if width % 64 == 0 else 1,
        "max_position_embeddings": _need(shapes, "embeddings.position_embedding.weight", 2)[0],
        "hidden_act": "gelu" if width in OPEN_CLIP_WIDTHS else activation,
        "projection_dim": _need(shapes, projection, 2)[0] if projection in shapes else width,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 49407,
    }
