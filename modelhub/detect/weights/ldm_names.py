"""Tensor names of whole networks in their original (LDM) dialect, generated from each network's configuration.

Sources: the configurations `v1-inference.yaml`, `v2-inference.yaml`, `sd_xl_base.yaml`, `sd_xl_refiner.yaml` of the
CompVis and Stability AI repositories; the rules follow their `openaimodel.py` and `model.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_BOTH = ("weight", "bias")


@dataclass(frozen=True, slots=True)
class _UNet:
    """A UNet's build. `depths`: transformer blocks per level, 0 without attention. `labels`: has a vector condition."""

    multipliers: tuple[int, ...]
    depths: tuple[int, ...]
    middle: int
    labels: bool = False
    layers: int = 2


_SD = _UNet((1, 2, 4, 4), (1, 1, 1, 0), 1)
_UNETS = {
    "sd1": _SD,
    "sd2": _SD,
    "sdxl": _UNet((1, 2, 4), (0, 2, 10), 10, labels=True),
    "sdxl-refiner": _UNet((1, 2, 4, 4), (0, 4, 4, 0), 4, labels=True),
}
ARCHITECTURES = tuple(_UNETS)


def _pairs(*names: str) -> Iterator[str]:
    for name in names:
        for kind in _BOTH:
            yield f"{name}.{kind}"


@lru_cache(maxsize=8)
def ldm_unet_names(architecture: str) -> tuple[str, ...]:
    """Return LDM's own names of a UNet's tensors, without prefix."""
    return tuple(_unet(_UNETS[architecture]))


def _unet(config: _UNet) -> Iterator[str]:
    yield from _pairs("time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2")
    if config.labels:
        yield from _pairs("label_emb.0.0", "label_emb.0.2")
    channels, last, block = 1, len(config.multipliers) - 1, 1
    for level, multiplier in enumerate(config.multipliers):
        for _ in range(config.layers):
            yield from _layer(f"input_blocks.{block}", channels != multiplier, config.depths[level])
            channels, block = multiplier, block + 1
        if level != last:
            yield from _pairs(f"input_blocks.{block}.0.op")
            block += 1
    yield from _resnet("middle_block.0", skip=False)
    yield from _transformer("middle_block.1", config.middle)
    yield from _resnet("middle_block.2", skip=False)
    block = 0
    for level in range(last, -1, -1):
        for layer in range(config.layers + 1):
            depth = config.depths[level]
            yield from _layer(f"output_blocks.{block}", True, depth)
            if level and layer == config.layers:
                yield from _pairs(f"output_blocks.{block}.{2 if depth else 1}.conv")
            block += 1


def _layer(name: str, skip: bool, depth: int) -> Iterator[str]:
    yield from _resnet(f"{name}.0", skip=skip)
    if depth:
        yield from _transformer(f"{name}.1", depth)


def _resnet(name: str, *, skip: bool) -> Iterator[str]:
    parts = ("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3")
    yield from _pairs(*(f"{name}.{part}" for part in parts))
    if skip:
        yield from _pairs(f"{name}.skip_connection")


def _transformer(name: str, depth: int) -> Iterator[str]:
    yield from _pairs(f"{name}.norm", f"{name}.proj_in", f"{name}.proj_out")
    for index in range(depth):
        block = f"{name}.transformer_blocks.{index}"
        for attention in ("attn1", "attn2"):
            yield from (f"{block}.{attention}.to_{part}.weight" for part in "qkv")
            yield from _pairs(f"{block}.{attention}.to_out.0")
        parts = ("ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3")
        yield from _pairs(*(f"{block}.{part}" for part in parts))


@lru_cache(maxsize=1)
def vae_names() -> frozenset[str]:
    """Return LDM's names of the autoencoder, whose shape SD 1, 2 and XL share."""
    return frozenset(_vae())


def _vae() -> Iterator[str]:
    yield from _pairs("quant_conv", "post_quant_conv")
    for half in ("encoder", "decoder"):
        yield from _pairs(f"{half}.conv_in", f"{half}.norm_out", f"{half}.conv_out")
        yield from _vae_block(f"{half}.mid.block_1", False)
        yield from _vae_block(f"{half}.mid.block_2", False)
        yield from _pairs(*(f"{half}.mid.attn_1.{part}" for part in ("norm", "q", "k", "v", "proj_out")))
    for level in range(4):
        for index in range(2):
            # The width doubles at the first block of levels 1 and 2, and halves on the way up into 1 and 0.
            yield from _vae_block(f"encoder.down.{level}.block.{index}", index == 0 and level in (1, 2))
        for index in range(3):
            yield from _vae_block(f"decoder.up.{level}.block.{index}", index == 0 and level in (0, 1))
        if level < 3:
            yield from _pairs(f"encoder.down.{level}.downsample.conv")
        if level > 0:
            yield from _pairs(f"decoder.up.{level}.upsample.conv")


def _vae_block(name: str, shortcut: bool) -> Iterator[str]:
    yield from _pairs(*(f"{name}.{part}" for part in ("norm1", "conv1", "norm2", "conv2")))
    if shortcut:
        yield from _pairs(f"{name}.nin_shortcut")


@lru_cache(maxsize=8)
def clip_names(layers: int, *, projection: bool = False) -> frozenset[str]:
    """Return the names of transformers' CLIPTextModel without `text_model.` and without buffers."""
    return frozenset(_clip(layers, projection))


def _clip(layers: int, projection: bool) -> Iterator[str]:
    yield from ("embeddings.token_embedding.weight", "embeddings.position_embedding.weight")
    yield from _pairs("final_layer_norm")
    if projection:
        yield "text_projection.weight"
    for index in range(layers):
        parts = (
            "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2",
            *(f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")),
        )  # fmt: skip
        yield from _pairs(*(f"encoder.layers.{index}.{part}" for part in parts))
