"""The tensors of SD1's UNet and VAE in diffusers' names."""

from __future__ import annotations

from collections.abc import Iterator

from modelhub.testing.files.networks import transformer
from modelhub.testing.files.tensors import Tensor

Layout = dict[str, Tensor]
_Row = tuple[str, tuple[int, ...]]


def unet(width: int = 320, context: int = 768) -> Layout:
    """Return SD1's UNet2DConditionModel: 686 tensors."""
    return {name: Tensor("F32", shape) for name, shape in _unet(width, context)}


def vae(width: int = 128) -> Layout:
    """Return SD1's AutoencoderKL: 248 tensors."""
    return {name: Tensor("F32", shape) for name, shape in _vae(width)}


def _pair(name: str, *shape: int) -> Iterator[_Row]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _resnet(name: str, given: int, out: int, time: int = 0) -> Iterator[_Row]:
    yield from _pair(f"{name}.norm1", given)
    yield from _pair(f"{name}.conv1", out, given, 3, 3)
    if time:
        yield from _pair(f"{name}.time_emb_proj", out, time)
    yield from _pair(f"{name}.norm2", out)
    yield from _pair(f"{name}.conv2", out, out, 3, 3)
    if given != out:
        yield from _pair(f"{name}.conv_shortcut", out, given, 1, 1)


def _unet(width: int, context: int) -> Iterator[_Row]:
    widths, time = [width, 2 * width, 4 * width, 4 * width], 4 * width
    yield from _pair("conv_in", width, 4, 3, 3)
    yield from _pair("time_embedding.linear_1", time, width)
    yield from _pair("time_embedding.linear_2", time, time)
    given, skips = width, [width]
    for level, out in enumerate(widths):
        for index in range(2):
            yield from _resnet(f"down_blocks.{level}.resnets.{index}", given, out, time)
            if level < 3:
                yield from transformer(f"down_blocks.{level}.attentions.{index}", out, context, 1, linear=False)
            given = out
            skips.append(out)
        if level < 3:
            yield from _pair(f"down_blocks.{level}.downsamplers.0.conv", out, out, 3, 3)
            skips.append(out)
    yield from _resnet("mid_block.resnets.0", given, given, time)
    yield from transformer("mid_block.attentions.0", given, context, 1, linear=False)
    yield from _resnet("mid_block.resnets.1", given, given, time)
    for level, out in enumerate(reversed(widths)):
        for index in range(3):
            yield from _resnet(f"up_blocks.{level}.resnets.{index}", given + skips.pop(), out, time)
            if level:
                yield from transformer(f"up_blocks.{level}.attentions.{index}", out, context, 1, linear=False)
            given = out
        if level < 3:
            yield from _pair(f"up_blocks.{level}.upsamplers.0.conv", out, out, 3, 3)
    yield from _pair("conv_norm_out", width)
    yield from _pair("conv_out", 4, width, 3, 3)


def _middle(side: str, deep: int) -> Iterator[_Row]:
    yield from _resnet(f"{side}.mid_block.resnets.0", deep, deep)
    attention = f"{side}.mid_block.attentions.0"
    yield from _pair(f"{attention}.group_norm", deep)
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        yield from _pair(f"{attention}.{part}", deep, deep)
    yield from _resnet(f"{side}.mid_block.resnets.1", deep, deep)


def _vae(width: int) -> Iterator[_Row]:
    widths = [width, 2 * width, 4 * width, 4 * width]
    yield from _pair("encoder.conv_in", width, 3, 3, 3)
    given = width
    for level, out in enumerate(widths):
        for index in range(2):
            yield from _resnet(f"encoder.down_blocks.{level}.resnets.{index}", given, out)
            given = out
        if level < 3:
            yield from _pair(f"encoder.down_blocks.{level}.downsamplers.0.conv", out, out, 3, 3)
    yield from _middle("encoder", given)
    yield from _pair("encoder.conv_norm_out", given)
    yield from _pair("encoder.conv_out", 8, given, 3, 3)
    yield from _pair("decoder.conv_in", given, 4, 3, 3)
    yield from _middle("decoder", given)
    for level, out in enumerate(reversed(widths)):
        for index in range(3):
            yield from _resnet(f"decoder.up_blocks.{level}.resnets.{index}", given, out)
            given = out
        if level < 3:
            yield from _pair(f"decoder.up_blocks.{level}.upsamplers.0.conv", out, out, 3, 3)
    yield from _pair("decoder.conv_norm_out", given)
    yield from _pair("decoder.conv_out", 3, given, 3, 3)
    yield from _pair("quant_conv", 8, 8, 1, 1)
    yield from _pair("post_quant_conv", 4, 4, 1, 1)
