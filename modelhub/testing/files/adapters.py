"""The tensors and metadata of adapters: LoRAs, embeddings, hypernetworks."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from modelhub.testing.files.networks import SDXL
from modelhub.testing.files.tensors import Tensor

Layout = dict[str, Tensor]
_SD1_BLOCKS = (
    *((f"down_blocks_{level}_attentions_{index}", 320 << level) for level in range(3) for index in range(2)),
    ("mid_block_attentions_0", 1280),
    *((f"up_blocks_{level}_attentions_{index}", 320 << (3 - level)) for level in range(1, 4) for index in range(3)),
)
_SDXL_BLOCKS = (
    *((f"input_blocks_{index}_1", 640, SDXL.depths[1]) for index in (4, 5)),
    *((f"input_blocks_{index}_1", 1280, SDXL.depths[2]) for index in (7, 8)),
    ("middle_block_1", 1280, SDXL.middle),
    *((f"output_blocks_{index}_1", 1280, SDXL.depths[2]) for index in (0, 1, 2)),
    *((f"output_blocks_{index}_1", 640, SDXL.depths[1]) for index in (3, 4, 5)),
)


def lora_sd1(rank: int = 8, *, text_encoder: bool = True) -> Layout:
    """Return a LoRA of SD1 as kohya-ss trains it: 792 tensors in fp16 with the text encoder, 576 without."""
    made: Layout = {}
    for index in range(12 if text_encoder else 0):
        layer = f"lora_te_text_model_encoder_layers_{index}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            made |= _module(f"{layer}_self_attn_{part}", 768, 768, rank)
        made |= _module(f"{layer}_mlp_fc1", 768, 3072, rank) | _module(f"{layer}_mlp_fc2", 3072, 768, rank)
    for name, width in _SD1_BLOCKS:
        block = f"lora_unet_{name}"
        made |= _module(f"{block}_proj_in", width, width, rank, kernel=(1, 1))
        for part, given, out in _attention_parts(width, context=768):
            made |= _module(f"{block}_transformer_blocks_0_{part}", given, out, rank)
        made |= _module(f"{block}_proj_out", width, width, rank, kernel=(1, 1))
    return made


def lora_sdxl_self_attention(rank: int = 4) -> Layout:
    """Return a LoRA of SDXL's self-attention alone: none of its widths is the text's."""
    made: Layout = {}
    for name, width, depth in _SDXL_BLOCKS:
        for index in range(depth):
            for part in ("to_q", "to_k", "to_v", "to_out_0"):
                made |= _module(f"lora_unet_{name}_transformer_blocks_{index}_attn1_{part}", width, width, rank)
    return made


def lora_metadata(name: str, word: str, *, base: str = "sd_v1", rank: int = 8) -> dict[str, str]:
    """Return the metadata that kohya-ss writes: its settings, the folder `10_word` and the tags of its captions."""
    folder = f"10_{word}"
    tags = {word: 24, "1girl": 24, "solo": 22, "looking at viewer": 15, "smile": 9, "outdoors": 6}
    return {
        "ss_base_model_version": base,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank / 2),
        "ss_output_name": name,
        "ss_resolution": "(512, 512)",
        "ss_num_train_images": "240",
        "ss_dataset_dirs": json.dumps({folder: {"n_repeats": 10, "img_count": 24}}),
        "ss_tag_frequency": json.dumps({folder: tags}),
    }


def embedding(vectors: int = 8, width: int = 768) -> Layout:
    """Return a textual inversion as a safetensors file holds it."""
    return {"emb_params": Tensor("F32", (vectors, width))}


def embedding_a1111(name: str, vectors: int = 8, width: int = 768) -> Mapping[str, Any]:
    """Return a textual inversion as the AUTOMATIC1111 UI saves it (.pt)."""
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": Tensor("F32", (vectors, width))},
        "name": name,
        "step": 4500,
        "sd_checkpoint": "7460a6fa",
        "sd_checkpoint_name": "sd-v1-4",
    }


def hypernetwork(name: str, *, hidden: float = 0.0625) -> Mapping[Any, Any]:
    """Return a hypernetwork as the AUTOMATIC1111 UI saves it (.pt): integer keys, two stacks of modules each.

    `hidden`: width of the middle layer as a share of the outer ones.
    """

    def stack(width: int) -> OrderedDict[str, Tensor]:
        inner = int(width * hidden)
        rows = {"linear.0.weight": (inner, width), "linear.0.bias": (inner,)}
        rows |= {"linear.1.weight": (width, inner), "linear.1.bias": (width,)}
        return OrderedDict((key, Tensor("F32", shape)) for key, shape in rows.items())

    settings = {
        "step": 20000,
        "name": name,
        "layer_structure": [1.0, hidden, 1.0],
        "activation_func": "linear",
        "is_layer_norm": False,
        "weight_initialization": "Normal",
        "sd_checkpoint": "81761151",
        "sd_checkpoint_name": "v1-5-pruned-emaonly",
        "activate_output": False,
        "use_dropout": False,
    }
    return {width: (stack(width), stack(width)) for width in (768, 320, 640, 1280)} | settings


def _attention_parts(width: int, context: int) -> Iterator[tuple[str, int, int]]:
    for attention, source in (("attn1", width), ("attn2", context)):
        yield f"{attention}_to_q", width, width
        yield f"{attention}_to_k", source, width
        yield f"{attention}_to_v", source, width
        yield f"{attention}_to_out_0", width, width
    yield "ff_net_0_proj", width, 8 * width
    yield "ff_net_2", 4 * width, width


def _module(name: str, given: int, out: int, rank: int, kernel: tuple[int, ...] = ()) -> Layout:
    alpha = (rank // 2).to_bytes(8, "little")
    return {
        f"{name}.alpha": Tensor("I64", (), alpha),
        f"{name}.lora_down.weight": Tensor("F16", (rank, given, *kernel)),
        f"{name}.lora_up.weight": Tensor("F16", (out, rank, *kernel)),
    }
