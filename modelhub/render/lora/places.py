"""The module of the loaded networks that a LoRA's stem names, in every naming scheme.

All schemes are compared with underscores for dots. The names of the original LDM and SDXL UNet (`input_blocks_4_1_…`)
are derived from the network's own modules, so they hold for every width, depth and number of levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

# Prefixes of a stem, and the networks that they mean. Longest first; removed repeatedly.
_UNET, _TEXT_1, _TEXT_2 = ("unet",), ("text_encoder",), ("text_encoder_2",)
_ANY: tuple[str, ...] = (*_UNET, *_TEXT_1, *_TEXT_2)
_PREFIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("conditioner_embedders_0_transformer_", _TEXT_1),
    ("conditioner_embedders_0_model_", _TEXT_2),  # the refiner's only encoder
    ("conditioner_embedders_1_model_", _TEXT_2),
    ("text_encoders_clip_l_transformer_", _TEXT_1),
    ("text_encoders_clip_g_transformer_", _TEXT_2),
    ("cond_stage_model_transformer_", _TEXT_1),
    ("cond_stage_model_model_", _TEXT_1),
    ("model_diffusion_model_", _UNET),
    ("clip_l_transformer_", _TEXT_1),
    ("clip_g_transformer_", _TEXT_2),
    ("base_model_model_", _ANY),
    ("diffusion_model_", _UNET),
    ("text_encoder_2_", _TEXT_2),
    ("text_encoder_", _TEXT_1),
    ("lycoris_unet_", _UNET),
    ("lycoris_te1_", _TEXT_1),
    ("lycoris_te2_", _TEXT_2),
    ("lycoris_te_", _TEXT_1),
    ("lora_unet_", _UNET),
    ("oft_unet_", _UNET),
    ("lora_te1_", _TEXT_1),
    ("lora_te2_", _TEXT_2),
    ("oft_te1_", _TEXT_1),
    ("oft_te2_", _TEXT_2),
    ("lora_te_", _TEXT_1),
    ("oft_te_", _TEXT_1),
    ("lycoris_", _ANY),
    ("unet_", _UNET),
)
# LDM's and SGM's names inside a residual block (ldm/modules/diffusionmodules/openaimodel.py).
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
# OpenCLIP's names inside a text encoder's layer; its one projection for queries, keys and values is three modules here.
_OPEN_CLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
}
# Names of a text encoder's projections in the attention processors of early diffusers.
_OLD_TEXT = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}


@dataclass(frozen=True)
class Place:
    """A module of a network with parameters of its own."""

    network: str
    name: str
    module: nn.Module

    @property
    def full_name(self) -> str:
        """The network's name and the module's, joined by a dot."""
        return f"{self.network}.{self.name}"


class ModulePlaces:
    """Every module of the networks, under every name that a LoRA file may use for it."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._indexes = {name: _index(name, network) for name, network in networks.items()}

    def find(self, stem: str) -> list[Place]:
        """Return the modules that the stem may name, the likeliest first; empty when there is none."""
        name = stem.replace(".", "_").replace("_processor_", "_")
        allowed = _ANY
        while hit := next((row for row in _PREFIXES if name.startswith(row[0])), None):
            name = name[len(hit[0]) :]
            allowed = tuple(network for network in hit[1] if network in allowed)
        found = (self._indexes[network].get(name) for network in allowed if network in self._indexes)
        return [place for place in found if place is not None]


def _index(network: str, root: nn.Module) -> dict[str, Place]:
    modules = {name: module for name, module in root.named_modules() if name and _has_parameters(module)}
    spell = _unet_spellings(list(modules)) if network == "unet" else _text_spellings(list(modules))
    index: dict[str, Place] = {}
    for alias, name in spell:
        index.setdefault(alias.replace(".", "_"), Place(network, name, modules[name]))
    return index


def _has_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _unet_spellings(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (spelling, diffusers' name) of each module: diffusers' names first, so that they win."""
    for name in names:
        yield name, name
    blocks = _ldm_blocks(names)
    for name in names:
        if name.endswith(".to_out.0"):
            yield name.removesuffix(".0"), name
        if ldm := _ldm_name(name, blocks):
            yield ldm, name


def _ldm_name(name: str, blocks: Mapping[str, str]) -> str | None:
    """Return the module's name in an original LDM or SDXL checkpoint; None where it has none."""
    parts = name.split(".")
    head = next((head for at in range(len(parts), 0, -1) if (head := ".".join(parts[:at])) in blocks), None)
    if head is None:
        return None
    rest = name[len(head) + 1 :]
    inner = _RESNET.get(rest, rest) if ".resnets." in head else rest
    return f"{blocks[head]}.{inner}" if inner else blocks[head]


def _ldm_blocks(names: list[str]) -> dict[str, str]:
    """Return each block's name in diffusers with that in LDM, which counts blocks through all levels."""
    heads = {match[0] for name in names if (match := _BLOCK.match(name))}
    blocks = dict(_ENDS)
    blocks.update(_count_blocks(heads, "down_blocks", "input_blocks", first=1))
    blocks.update(_count_blocks(heads, "up_blocks", "output_blocks", first=0))
    return blocks


_BLOCK = re.compile(r"^(?:down|up)_blocks\.\d+\.(?:resnets|attentions|downsamplers|upsamplers)\.\d+")


def _count_blocks(heads: set[str], ours: str, theirs: str, *, first: int) -> Iterator[tuple[str, str]]:
    count = first
    for level in range(len(heads)):
        at = f"{ours}.{level}"
        layer = 0
        while f"{at}.resnets.{layer}" in heads:
            yield f"{at}.resnets.{layer}", f"{theirs}.{count}.0"
            yield f"{at}.attentions.{layer}", f"{theirs}.{count}.1"
            layer, count = layer + 1, count + 1
        if f"{at}.downsamplers.0" in heads:
            yield f"{at}.downsamplers.0.conv", f"{theirs}.{count}.0.op"
            count += 1
        if f"{at}.upsamplers.0" in heads:
            after = 2 if f"{at}.attentions.0" in heads else 1
            yield f"{at}.upsamplers.0.conv", f"{theirs}.{count - 1}.{after}.conv"


def _text_spellings(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (spelling, own name) of each module of a text encoder, with and without `text_model.`."""
    for name in names:
        bare = name.removeprefix("text_model.")
        for alias in (bare, *_text_aliases(bare)):
            yield alias, name
            yield f"text_model.{alias}", name


def _text_aliases(bare: str) -> Iterator[str]:
    match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)", bare)
    if match is None:
        return
    layer, inner = match.groups()
    if inner in _OPEN_CLIP:
        yield f"transformer.resblocks.{layer}.{_OPEN_CLIP[inner]}"
    block, _, last = inner.rpartition(".")
    if last in _OLD_TEXT:
        yield f"encoder.layers.{layer}.{block}.{_OLD_TEXT[last]}"
