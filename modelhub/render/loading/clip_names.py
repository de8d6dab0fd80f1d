"""Rename text encoders' tensors to the names of transformers' `CLIPTextModel`, without its `text_model.`."""

from __future__ import annotations

import re

from modelhub.render.loading.tensors import NamedTensors

# OpenCLIP's name in a residual block → transformers' in a layer.
_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_PLAIN = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_RESBLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)\.(weight|bias)")
_IN_PROJ = re.compile(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)")


def from_open_clip(tensors: NamedTensors) -> NamedTensors:
    """Convert OpenCLIP's text tower: split stacked projections, transpose the text projection."""
    result: NamedTensors = {}
    for name, tensor in tensors.items():
        if name in _PLAIN:
            result[_PLAIN[name]] = tensor
        elif name == "text_projection":
            result["text_projection.weight"] = tensor.T.contiguous()
        elif name == "text_projection.weight":
            result[name] = tensor
        elif match := _IN_PROJ.fullmatch(name):
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                result[f"encoder.layers.{match[1]}.self_attn.{part}_proj.{match[2]}"] = piece.clone()
        elif (match := _RESBLOCK.fullmatch(name)) and match[2] in _BLOCK:
            result[f"encoder.layers.{match[1]}.{_BLOCK[match[2]]}.{match[3]}"] = tensor
    return result


def from_transformers(tensors: NamedTensors) -> NamedTensors:
    """Convert transformers' own names of any version: with or without `text_model.`."""
    return {name.removeprefix("text_model."): tensor for name, tensor in tensors.items() if name != "logit_scale"}


def is_open_clip(tensors: NamedTensors) -> bool:
    """Return whether the names are OpenCLIP's."""
    return "positional_embedding" in tensors
