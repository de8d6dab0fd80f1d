"""Write an SD1 model as a diffusers folder: `model_index.json`, configurations, and weights in several precisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelhub.testing.files import diffusers_keys, networks, safetensors_file
from modelhub.testing.files.networks import SMALL, Sizes
from modelhub.testing.files.tensors import cast

_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
_BLOCKS = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)


def write(folder: Path, *, sizes: Sizes = SMALL, precisions: tuple[str, ...] = ("", "fp16"), seed: int = 0) -> Path:
    """Write the folder; `precisions` are the variants of each weights file ("" is fp32 without a word in its name)."""
    texts = {name: json.dumps(content, indent=2) for name, content in _configs(sizes).items()}
    texts |= {
        "tokenizer/vocab.json": '{"<|startoftext|>": 0, "<|endoftext|>": 1}',
        "tokenizer/merges.txt": "#version: 0.2\n",
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    parts = (
        ("unet/diffusion_pytorch_model", diffusers_keys.unet(sizes.unet)),
        ("vae/diffusion_pytorch_model", diffusers_keys.vae(sizes.vae)),
        ("text_encoder/model", networks.clip(sizes.text, vocabulary=sizes.vocabulary)),
    )
    for precision in precisions:
        for number, (name, tensors) in enumerate(parts):
            path = folder / (f"{name}.{precision}.safetensors" if precision else f"{name}.safetensors")
            kept = cast(tensors, "F16") if precision == "fp16" else tensors
            safetensors_file.write(path, kept, metadata={"format": "pt"}, seed=seed + number)
    return folder


def _configs(sizes: Sizes) -> dict[str, dict[str, Any]]:
    widths = [sizes.unet * mult for mult in networks.SD1.mult]
    codec = [sizes.vae * mult for mult in (1, 2, 4, 4)]
    unet = {
        "_class_name": "UNet2DConditionModel",
        "block_out_channels": widths,
        "cross_attention_dim": 768,
        "down_block_types": list(_BLOCKS),
        "up_block_types": [name.replace("Down", "Up") for name in reversed(_BLOCKS)],
        "in_channels": 4,
        "out_channels": 4,
        "layers_per_block": 2,
        "attention_head_dim": 8,
        "sample_size": 64,
    }
    vae = {"_class_name": "AutoencoderKL", "block_out_channels": codec, "latent_channels": 4, "scaling_factor": 0.18215}
    text = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_size": sizes.text}
    text |= {"num_hidden_layers": 12, "vocab_size": sizes.vocabulary, "max_position_embeddings": 77}
    return {
        "model_index.json": _INDEX,
        "unet/config.json": unet,
        "vae/config.json": vae,
        "text_encoder/config.json": text,
        "scheduler/scheduler_config.json": {"_class_name": "PNDMScheduler", "prediction_type": "epsilon"},
        "tokenizer/tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77},
        "feature_extractor/preprocessor_config.json": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224},
    }
