"""Small random networks in the architectures' own layouts, and adapters for them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

Networks = dict[str, nn.Module]
Tensors = dict[str, torch.Tensor]

SD1 = {"cross_attention_dim": 24, "attention_head_dim": 8, "block_out_channels": (16, 32, 32, 32)}
SDXL = {
    "block_out_channels": (16, 32, 64),
    "cross_attention_dim": 56,
    "attention_head_dim": (2, 4, 8),
    "use_linear_projection": True,
    "transformer_layers_per_block": (1, 2, 3),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 80,
}


def sd1(seed: int = 0) -> Networks:
    torch.manual_seed(seed)
    return {"unet": _unet(SD1), "text_encoder": CLIPTextModel(text_config(24, 3))}


def sdxl(seed: int = 0) -> Networks:
    torch.manual_seed(seed)
    return {
        "unet": _unet(SDXL),
        "text_encoder": CLIPTextModel(text_config(24, 2)),
        "text_encoder_2": CLIPTextModelWithProjection(text_config(32, 3)),
    }


def _unet(config: Mapping[str, object]) -> UNet2DConditionModel:
    return UNet2DConditionModel(sample_size=8, norm_num_groups=8, **config)


def text_config(width: int, layers: int, *, heads: int = 2, words: int = 60) -> CLIPTextConfig:
    """Return a CLIP text encoder's configuration; the end of text is the last of its words."""
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=width,
        vocab_size=words,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
    )


def copy_networks(networks: Networks) -> Networks:
    return copy.deepcopy(networks)


def weights(networks: Networks) -> Tensors:
    """Return copies of all parameters of the networks."""
    return {
        f"{network}.{name}": tensor.detach().clone()
        for network, root in networks.items()
        for name, tensor in root.named_parameters()
    }


def changed(before: Tensors, after: Tensors) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def assert_same(ours: Tensors, theirs: Tensors, *, tolerance: float = 1e-5) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        gap = float((ours[name] - theirs[name]).abs().max())
        assert gap <= tolerance * max(1.0, float(theirs[name].abs().max())), f"{name} differs by {gap}"


def attention(network: nn.Module) -> dict[str, nn.Module]:
    """Return the projections of a UNet's or a text encoder's attention."""
    ends = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj")
    return {name: module for name, module in network.named_modules() if name.endswith(ends)}


def kohya(
    networks: Networks,
    *,
    names: Mapping[str, Iterable[str]] | None = None,
    rank: int = 4,
    alpha: float | None = 2.0,
    spell: Callable[[str], str] = lambda name: name,
    text: Mapping[str, str] | None = None,
) -> Tensors:
    """Return a random LoRA under the names of kohya's scripts; by default on all attention projections."""
    stems = {"unet": "lora_unet", "text_encoder": "lora_te"} if len(networks) < 3 else _SDXL_STEMS
    tensors: Tensors = {}
    for network, root in networks.items():
        for name in names[network] if names else attention(root):
            spelled = spell(name) if network == "unet" else "text_model." + name.removeprefix("text_model.")
            stem = f"{stems[network]}_{spelled.replace('.', '_')}"
            tensors.update({f"{stem}.{part}": value for part, value in pair(root.get_submodule(name), rank).items()})
            if alpha is not None:
                tensors[f"{stem}.alpha"] = torch.tensor(alpha)
    return tensors


_SDXL_STEMS = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}


def pair(module: nn.Module, rank: int) -> Tensors:
    """Random factors for a linear or convolution module: the kernel in the first, 1×1 in the second."""
    out, into, *kernel = module.weight.shape
    return {
        "lora_down.weight": torch.randn(rank, into, *kernel) * 0.1,
        "lora_up.weight": torch.randn(out, rank, *[1] * len(kernel)) * 0.1,
    }
