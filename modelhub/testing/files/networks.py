"""The tensors of Stable Diffusion's networks in their original (LDM) names.

With the default widths the names and shapes are exactly those of the published files. A smaller `width` gives the
same structure in a few megabytes; the width of the text (768, 1024, 2048), which tells the architectures apart, stays.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from modelhub.testing.files.tensors import Tensor, prefixed

Layout = dict[str, Tensor]
_Row = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Unet:
    """A UNet's measures. `depths`: transformer blocks per level; `adm`: width of the vector conditioning (SDXL)."""

    width: int = 320
    context: int = 768
    inputs: int = 4
    mult: tuple[int, ...] = (1, 2, 4, 4)
    depths: tuple[int, ...] = (1, 1, 1, 0)
    middle: int = 1
    adm: int | None = None
    linear: bool = False


SD1 = Unet()
SDXL = Unet(context=2048, mult=(1, 2, 4), depths=(0, 2, 10), middle=10, adm=2816, linear=True)


def unet(net: Unet = SD1) -> Layout:
    """Return `input_blocks.0.0.weight` … without the prefix `model.diffusion_model.`."""
    return {name: Tensor("F32", shape) for name, shape in _unet(net)}


def vae(width: int = 128) -> Layout:
    """Return `encoder.conv_in.weight` … without the prefix `first_stage_model.`."""
    return {name: Tensor("F32", shape) for name, shape in _vae(width)}


def clip(width: int = 768, layers: int = 12, vocabulary: int = 49408) -> Layout:
    """Return CLIP's text encoder as transformers names it, with its position ids 0…76."""
    rows = {f"text_model.{name}": Tensor("F32", shape) for name, shape in _clip(width, layers, vocabulary)}
    ids = b"".join(number.to_bytes(8, "little") for number in range(77))
    return rows | {"text_model.embeddings.position_ids": Tensor("I64", (1, 77), ids)}


def open_clip(width: int = 1280, layers: int = 32, vocabulary: int = 49408) -> Layout:
    """Return OpenCLIP's text encoder (SDXL's second) in its own names."""
    return {name: Tensor("F32", shape) for name, shape in _open_clip(width, layers, vocabulary)}


def noise_schedule(steps: int = 1000) -> Layout:
    """Return the noise schedule in checkpoints of the original code."""
    names = (
        "betas alphas_cumprod alphas_cumprod_prev sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod "
        "log_one_minus_alphas_cumprod sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod posterior_variance "
        "posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2"
    )
    return {name: Tensor("F32", (steps,)) for name in names.split()}


def averaged(net: Layout) -> Layout:
    """Return the moving average of a UNet as LitEma stores it: names without their dots, and two counters."""
    counters = {"model_ema.decay": Tensor("F32", ()), "model_ema.num_updates": Tensor("I32", ())}
    names = {f"model_ema.diffusion_model{name.replace('.', '')}": tensor for name, tensor in net.items()}
    return counters | names


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Widths of a checkpoint's three networks. The defaults are the true ones."""

    unet: int = 320
    vae: int = 128
    text: int = 768
    vocabulary: int = 49408


TRUE = Sizes()
SMALL = Sizes(unet=8, vae=16, text=48, vocabulary=1000)
"""Under 3 million numbers in all: a checkpoint of 6 MB in fp16."""


def sd1(sizes: Sizes = TRUE, *, inputs: int = 4, both: bool = False, schedule: bool = True) -> Layout:
    """Return a whole SD1 checkpoint. `inputs`: 4, or 9 for inpainting. `both`: with the moving average as well.

    `schedule`: with the noise schedule, which community files often lack.
    """
    net = unet(Unet(width=sizes.unet, inputs=inputs))
    return (
        (noise_schedule() if schedule else {})
        | prefixed("model.diffusion_model.", net)
        | prefixed("first_stage_model.", vae(sizes.vae))
        | prefixed("cond_stage_model.transformer.", clip(sizes.text, vocabulary=sizes.vocabulary))
        | (averaged(net) if both else {})
    )


def sdxl(sizes: Sizes = TRUE) -> Layout:
    """Return a whole SDXL base checkpoint; with small sizes the second text encoder is as wide as the first."""
    second = 1280 if sizes.text == TRUE.text else sizes.text
    net = Unet(width=sizes.unet, context=2048, mult=SDXL.mult, depths=SDXL.depths, middle=10, adm=2816, linear=True)
    first = clip(sizes.text, vocabulary=sizes.vocabulary)
    return (
        prefixed("conditioner.embedders.0.transformer.", first)
        | prefixed("conditioner.embedders.1.model.", open_clip(second, vocabulary=sizes.vocabulary))
        | prefixed("first_stage_model.", vae(sizes.vae))
        | prefixed("model.diffusion_model.", unet(net))
    )


def _pair(name: str, *shape: int, bias: int | None = None) -> Iterator[_Row]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", (shape[0] if bias is None else bias,)


def _resnet(name: str, given: int, out: int, time: int) -> Iterator[_Row]:
    yield from _pair(f"{name}.in_layers.0", given)
    yield from _pair(f"{name}.in_layers.2", out, given, 3, 3)
    yield from _pair(f"{name}.emb_layers.1", out, time)
    yield from _pair(f"{name}.out_layers.0", out)
    yield from _pair(f"{name}.out_layers.3", out, out, 3, 3)
    if given != out:
        yield from _pair(f"{name}.skip_connection", out, given, 1, 1)


def transformer(name: str, width: int, context: int, depth: int, *, linear: bool) -> Iterator[_Row]:
    """Return a spatial transformer's tensors: the same names in the LDM and the diffusers dialect."""
    matrix = (width, width) if linear else (width, width, 1, 1)
    yield from _pair(f"{name}.norm", width)
    yield from _pair(f"{name}.proj_in", *matrix)
    for index in range(depth):
        block = f"{name}.transformer_blocks.{index}"
        for attention, source in (("attn1", width), ("attn2", context)):
            yield f"{block}.{attention}.to_q.weight", (width, width)
            yield f"{block}.{attention}.to_k.weight", (width, source)
            yield f"{block}.{attention}.to_v.weight", (width, source)
            yield from _pair(f"{block}.{attention}.to_out.0", width, width)
        yield from _pair(f"{block}.ff.net.0.proj", 8 * width, width)
        yield from _pair(f"{block}.ff.net.2", width, 4 * width)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _pair(f"{block}.{norm}", width)
    yield from _pair(f"{name}.proj_out", *matrix)


def _unet(net: Unet) -> Iterator[_Row]:
    width, time = net.width, 4 * net.width
    yield from _pair("time_embed.0", time, width)
    yield from _pair("time_embed.2", time, time)
    if net.adm:
        yield from _pair("label_emb.0.0", time, net.adm)
        yield from _pair("label_emb.0.2", time, time)
    yield from _pair("input_blocks.0.0", width, net.inputs, 3, 3)
    skips = yield from _down(net)
    deep = width * net.mult[-1]
    yield from _resnet("middle_block.0", deep, deep, time)
    yield from transformer("middle_block.1", deep, net.context, net.middle, linear=net.linear)
    yield from _resnet("middle_block.2", deep, deep, time)
    yield from _up(net, skips)
    yield from _pair("out.0", width)
    yield from _pair("out.2", 4, width, 3, 3)


def _down(net: Unet) -> Generator[_Row, None, list[int]]:
    given, index, skips = net.width, 1, [net.width]
    for level, (mult, depth) in enumerate(zip(net.mult, net.depths, strict=True)):
        out = net.width * mult
        for _ in range(2):
            yield from _resnet(f"input_blocks.{index}.0", given, out, 4 * net.width)
            if depth:
                yield from transformer(f"input_blocks.{index}.1", out, net.context, depth, linear=net.linear)
            given, index = out, index + 1
            skips.append(out)
        if level < len(net.mult) - 1:
            yield from _pair(f"input_blocks.{index}.0.op", out, out, 3, 3)
            index += 1
            skips.append(out)
    return skips


def _up(net: Unet, skips: list[int]) -> Iterator[_Row]:
    given, index = net.width * net.mult[-1], 0
    for level, (mult, depth) in reversed(list(enumerate(zip(net.mult, net.depths, strict=True)))):
        out = net.width * mult
        for turn in range(3):
            name = f"output_blocks.{index}"
            yield from _resnet(f"{name}.0", given + skips.pop(), out, 4 * net.width)
            if depth:
                yield from transformer(f"{name}.1", out, net.context, depth, linear=net.linear)
            if level and turn == 2:
                yield from _pair(f"{name}.{2 if depth else 1}.conv", out, out, 3, 3)
            given, index = out, index + 1


def _vae_block(name: str, given: int, out: int) -> Iterator[_Row]:
    yield from _pair(f"{name}.norm1", given)
    yield from _pair(f"{name}.conv1", out, given, 3, 3)
    yield from _pair(f"{name}.norm2", out)
    yield from _pair(f"{name}.conv2", out, out, 3, 3)
    if given != out:
        yield from _pair(f"{name}.nin_shortcut", out, given, 1, 1)


def _vae_middle(side: str, deep: int) -> Iterator[_Row]:
    yield from _vae_block(f"{side}.mid.block_1", deep, deep)
    yield from _pair(f"{side}.mid.attn_1.norm", deep)
    for part in ("q", "k", "v", "proj_out"):
        yield from _pair(f"{side}.mid.attn_1.{part}", deep, deep, 1, 1)
    yield from _vae_block(f"{side}.mid.block_2", deep, deep)


def _vae(width: int) -> Iterator[_Row]:
    widths = [width, 2 * width, 4 * width, 4 * width]
    yield from _pair("encoder.conv_in", width, 3, 3, 3)
    given = width
    for level, out in enumerate(widths):
        for index in range(2):
            yield from _vae_block(f"encoder.down.{level}.block.{index}", given, out)
            given = out
        if level < 3:
            yield from _pair(f"encoder.down.{level}.downsample.conv", out, out, 3, 3)
    yield from _vae_middle("encoder", given)
    yield from _pair("encoder.norm_out", given)
    yield from _pair("encoder.conv_out", 8, given, 3, 3)
    yield from _pair("decoder.conv_in", given, 4, 3, 3)
    yield from _vae_middle("decoder", given)
    for level, out in reversed(list(enumerate(widths))):
        for index in range(3):
            yield from _vae_block(f"decoder.up.{level}.block.{index}", given, out)
            given = out
        if level:
            yield from _pair(f"decoder.up.{level}.upsample.conv", out, out, 3, 3)
    yield from _pair("decoder.norm_out", given)
    yield from _pair("decoder.conv_out", 3, given, 3, 3)
    yield from _pair("quant_conv", 8, 8, 1, 1)
    yield from _pair("post_quant_conv", 4, 4, 1, 1)


def _clip(width: int, layers: int, vocabulary: int) -> Iterator[_Row]:
    yield "embeddings.token_embedding.weight", (vocabulary, width)
    yield "embeddings.position_embedding.weight", (77, width)
    for index in range(layers):
        layer = f"encoder.layers.{index}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _pair(f"{layer}.self_attn.{part}", width, width)
        yield from _pair(f"{layer}.layer_norm1", width)
        yield from _pair(f"{layer}.mlp.fc1", 4 * width, width)
        yield from _pair(f"{layer}.mlp.fc2", width, 4 * width)
        yield from _pair(f"{layer}.layer_norm2", width)
    yield from _pair("final_layer_norm", width)


def _open_clip(width: int, layers: int, vocabulary: int) -> Iterator[_Row]:
    yield "positional_embedding", (77, width)
    yield "text_projection", (width, width)
    yield "logit_scale", ()
    yield "token_embedding.weight", (vocabulary, width)
    for index in range(layers):
        layer = f"transformer.resblocks.{index}"
        yield from _pair(f"{layer}.ln_1", width)
        yield f"{layer}.attn.in_proj_weight", (3 * width, width)
        yield f"{layer}.attn.in_proj_bias", (3 * width,)
        yield from _pair(f"{layer}.attn.out_proj", width, width)
        yield from _pair(f"{layer}.ln_2", width)
        yield from _pair(f"{layer}.mlp.c_fc", 4 * width, width)
        yield from _pair(f"{layer}.mlp.c_proj", width, 4 * width)
    yield from _pair("ln_final", width)
