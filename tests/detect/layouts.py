"""Small generated layouts: true names and shapes of well-known models, made from how the models are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelhub.domain import Format
from modelhub.formats.header import Header, TensorInfo

Shapes = dict[str, tuple[int, ...]]
_TRANSFORMER = ("attn1_to_q", "attn1_to_k", "attn1_to_v", "attn1_to_out_0", "attn2_to_q", "attn2_to_k", "attn2_to_v",
                "attn2_to_out_0")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unet:
    """Attention places of a UNet: (diffusers' place, width, transformer blocks)."""

    places: tuple[tuple[str, int, int], ...]
    context: int
    linear: bool


_SD_PLACES = (
    ("down_blocks_0_attentions_0", 320, 1),
    ("down_blocks_1_attentions_0", 640, 1),
    ("down_blocks_2_attentions_0", 1280, 1),
    ("mid_block_attentions_0", 1280, 1),
    ("up_blocks_1_attentions_0", 1280, 1),
    ("up_blocks_2_attentions_0", 640, 1),
    ("up_blocks_3_attentions_0", 320, 1),
)
SD1 = Unet(_SD_PLACES, 768, linear=False)
SD2 = Unet(_SD_PLACES, 1024, linear=True)
SDXL = Unet(
    (
        ("down_blocks_1_attentions_0", 640, 2),
        ("down_blocks_2_attentions_0", 1280, 10),
        ("mid_block_attentions_0", 1280, 10),
        ("up_blocks_0_attentions_0", 1280, 10),
        ("up_blocks_1_attentions_0", 640, 2),
    ),
    2048,
    linear=True,
)


def header(
    shapes: Mapping[str, tuple[int, ...]],
    *,
    dtype: str = "F16",
    metadata: Mapping[str, str] | None = None,
    entries: Mapping[str, str] | None = None,
    format: Format = Format.SAFETENSORS,
) -> Header:
    """Return a header of these tensors."""
    tensors = {name: TensorInfo(dtype, shape) for name, shape in shapes.items()}
    return Header(format=format, size=1, tensors=tensors, metadata=metadata or {}, entries=entries or {})


def modules(unet: Unet) -> Iterator[tuple[str, int, int]]:
    """Return (name, input width, output width) of every attention layer."""
    for place, width, depth in unet.places:
        for block in range(depth):
            for part in _TRANSFORMER:
                inner = unet.context if part in ("attn2_to_k", "attn2_to_v") else width
                yield f"{place}_transformer_blocks_{block}_{part}", inner, width


def kohya_lora(unet: Unet, *, rank: int = 8, keep: str = "") -> Shapes:
    """Return kohya's LoRA of the UNet; `keep` is a piece of the layer names to keep."""
    shapes: Shapes = {}
    for name, width_in, width_out in modules(unet):
        if keep in name:
            shapes[f"lora_unet_{name}.alpha"] = ()
            shapes[f"lora_unet_{name}.lora_down.weight"] = (rank, width_in)
            shapes[f"lora_unet_{name}.lora_up.weight"] = (width_out, rank)
    return shapes


def text_lora(prefix: str, width: int, *, layers: int = 2, rank: int = 8) -> Shapes:
    """Return kohya's LoRA of a CLIP text encoder."""
    shapes: Shapes = {}
    for layer in range(layers):
        stem = f"{prefix}_text_model_encoder_layers_{layer}_self_attn_q_proj"
        shapes |= {f"{stem}.lora_down.weight": (rank, width), f"{stem}.lora_up.weight": (width, rank)}
    return shapes


def ldm_checkpoint(*, channels: int = 320, context: int = 768, inputs: int = 4, clip: int = 768) -> Shapes:
    """Return the decisive part of an SD 1 checkpoint in LDM names; other widths make a model of the same build."""
    shapes: Shapes = {
        "model.diffusion_model.input_blocks.0.0.weight": (channels, inputs, 3, 3),
        "model.diffusion_model.time_embed.0.weight": (4 * channels, channels),
        "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        "first_stage_model.decoder.up.0.block.0.conv1.weight": (128, 128, 3, 3),
        "first_stage_model.encoder.down.0.block.0.conv1.weight": (128, 128, 3, 3),
        "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.k_proj.weight": (clip, clip),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
    }
    for block, factor in ((1, 1), (4, 2), (7, 4)):
        width = channels * factor
        stem = f"model.diffusion_model.input_blocks.{block}.1"
        shapes[f"{stem}.proj_in.weight"] = (width, width, 1, 1)
        for part in ("attn1.to_q", "attn1.to_k", "attn2.to_q"):
            shapes[f"{stem}.transformer_blocks.0.{part}.weight"] = (width, width)
        shapes[f"{stem}.transformer_blocks.0.attn2.to_k.weight"] = (width, context)
    shapes["model.diffusion_model.output_blocks.11.1.proj_in.weight"] = (channels, channels, 1, 1)
    return shapes


def ema_of(shapes: Mapping[str, tuple[int, ...]]) -> Shapes:
    """Return the moving averages of a checkpoint's UNet: dots are lost from their names."""
    stem = "model.diffusion_model."
    return {
        f"model_ema.diffusion_model{name.removeprefix(stem).replace('.', '')}": shape
        for name, shape in shapes.items()
        if name.startswith(stem)
    }


def ldm_vae(prefix: str = "") -> Shapes:
    """Return the decisive part of an SD VAE in LDM names."""
    return {
        f"{prefix}decoder.conv_in.weight": (512, 4, 3, 3),
        f"{prefix}decoder.up.0.block.0.conv1.weight": (128, 128, 3, 3),
        f"{prefix}encoder.down.0.block.0.conv1.weight": (128, 128, 3, 3),
        f"{prefix}quant_conv.weight": (8, 8, 1, 1),
    }


def hypernetwork(*sizes: int) -> Shapes:
    """Return A1111's hypernetwork: two stacks of layers for each width."""
    return {
        f"{size}.{half}.linear.{layer}.weight": shape
        for size in sizes
        for half in (0, 1)
        for layer, shape in enumerate(((2 * size, size), (size, 2 * size)))
    }
