"""Names of SD1's original (LDM) checkpoints for networks held in diffusers' names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer."

_RESNET = (
    (".norm1.", ".in_layers.0."),
    (".conv1.", ".in_layers.2."),
    (".time_emb_proj.", ".emb_layers.1."),
    (".norm2.", ".out_layers.0."),
    (".conv2.", ".out_layers.3."),
    (".conv_shortcut.", ".skip_connection."),
)
_UNET_ENDS = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
    ("mid_block.resnets.0.", "middle_block.0."),
    ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.1.", "middle_block.2."),
)
_VAE_PARTS = (
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."),
    (r"\.group_norm\.", ".norm."),
    (r"\.to_q\.", ".q."),
    (r"\.to_k\.", ".k."),
    (r"\.to_v\.", ".v."),
    (r"\.to_out\.0\.", ".proj_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.down_blocks\.(\d)\.resnets\.", r".down.\1.block."),
    (r"\.down_blocks\.(\d)\.downsamplers\.0\.", r".down.\1.downsample."),
)


def unet_key(name: str) -> str:
    """Return the LDM name of a UNet tensor, without prefix."""
    for start, original in _UNET_ENDS:
        if name.startswith(start):
            named = original + name[len(start) :]
            return _resnet_key(named) if ".resnets." in name else named
    match = re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.+)", name)
    if match is None:
        raise ValueError(f"no LDM name is known for {name}")
    way, level, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{3 * (level + 1)}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}.{rest}"
    place = f"input_blocks.{3 * level + index + 1}" if way == "down" else f"output_blocks.{3 * level + index}"
    return _resnet_key(f"{place}.0.{rest}") if kind == "resnets" else f"{place}.1.{rest}"


def _resnet_key(name: str) -> str:
    for ours, original in _RESNET:
        name = name.replace(ours, original)
    return name


def vae_key(name: str) -> str:
    """Return the LDM name of a VAE tensor, without prefix."""
    for pattern, original in _VAE_PARTS:
        name = re.sub(pattern, original, name)
    up = re.fullmatch(r"decoder\.up_blocks\.(\d)\.(resnets|upsamplers)\.(\d)\.(.+)", name)
    if up is None:
        return name
    level = 3 - int(up[1])
    return f"decoder.up.{level}.block.{up[3]}.{up[4]}" if up[2] == "resnets" else f"decoder.up.{level}.upsample.{up[4]}"


def ldm_vae(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a VAE's tensors under bare LDM names; the attention's matrices become 1×1 convolutions."""
    named = {vae_key(name): tensor for name, tensor in state.items()}
    return {
        name: tensor[:, :, None, None] if ".attn_1." in name and tensor.ndim == 2 else tensor
        for name, tensor in named.items()
    }


def ldm_checkpoint(
    *,
    unet: Mapping[str, torch.Tensor],
    vae: Mapping[str, torch.Tensor],
    text: Mapping[str, torch.Tensor],
    dtype: torch.dtype = torch.float16,
) -> dict[str, torch.Tensor]:
    """Return a whole SD1 checkpoint: UNet, VAE and text encoder with its position ids (int64, 0…76)."""
    tensors = {UNET_PREFIX + unet_key(name): tensor for name, tensor in unet.items()}
    tensors |= {VAE_PREFIX + name: tensor for name, tensor in ldm_vae(vae).items()}
    for name, tensor in text.items():
        full = name if name.startswith("text_model.") else f"text_model.{name}"
        if not full.endswith("position_ids"):
            tensors[TEXT_PREFIX + full] = tensor
    tensors = {name: tensor.detach().to(dtype).contiguous() for name, tensor in tensors.items()}
    tensors[TEXT_PREFIX + "text_model.embeddings.position_ids"] = torch.arange(77).unsqueeze(0)
    return tensors
