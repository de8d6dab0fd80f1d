"""Tiny pipelines of diffusion transformers with random weights: SD3, FLUX, PixArt."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from modelhub.render.prompts import make_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz,"


def _t5() -> dict[str, Any]:
    """Return a T5 encoder of width 32, and a tokenizer that knows letters."""
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    config = T5Config(vocab_size=200, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
    return {"encoder": T5EncoderModel(config), "tokenizer": T5Tokenizer(vocab=words)}


def _clip(width: int, *, projected: bool) -> Any:
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=49406,
        eos_token_id=49407,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _vae(channels: int) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16, 16, 16),
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=channels,
        norm_num_groups=4,
        scaling_factor=1.5,
        shift_factor=0.06,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def _sd3() -> Any:
    t5 = _t5()
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=24,
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(4),
        text_encoder=_clip(8, projected=True),
        tokenizer=make_tokenizer(),
        text_encoder_2=_clip(16, projected=True),
        tokenizer_2=make_tokenizer(),
        text_encoder_3=t5["encoder"],
        tokenizer_3=t5["tokenizer"],
    )


def _flux() -> Any:
    t5 = _t5()
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    return diffusers.FluxPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_vae(4),
        text_encoder=_clip(16, projected=False),
        tokenizer=make_tokenizer(),
        text_encoder_2=t5["encoder"],
        tokenizer_2=t5["tokenizer"],
    )


def _pixart() -> Any:
    t5 = _t5()
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=8,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        in_channels=4,
        out_channels=8,
        cross_attention_dim=32,
        caption_channels=32,
    )
    return diffusers.PixArtSigmaPipeline(
        transformer=transformer,
        scheduler=diffusers.DPMSolverMultistepScheduler(),
        vae=_vae(4),
        text_encoder=t5["encoder"],
        tokenizer=t5["tokenizer"],
    )


MAKERS = {"StableDiffusion3Pipeline": _sd3, "FluxPipeline": _flux, "PixArtSigmaPipeline": _pixart}


@cache
def pipeline(name: str) -> Any:
    """Return one of these pipelines; the same at every call."""
    torch.manual_seed(0)
    made = MAKERS[name]()
    made.set_progress_bar_config(disable=True)
    for part in made.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False).eval()
    return made


@cache
def _saved(name: str) -> Path:
    place = Path(mkdtemp()) / name
    atexit.register(shutil.rmtree, place.parent, ignore_errors=True)
    pipeline(name).save_pretrained(place)
    return place


def folder(name: str, path: Path) -> Path:
    """Write the pipeline as a diffusers folder."""
    shutil.copytree(_saved(name), path)
    return path
