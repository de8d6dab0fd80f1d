"""Bases of the true SD1.5 and SDXL layouts with random weights, and an adapter of every type for each.

For measuring without downloading anything. Weights are seeded, drawn as PyTorch initializes layers (uniform within
1/√inputs), so that activations stay finite at half precision, and written tensor by tensor, so that no more than one
is held in memory. `SMALL` has both layouts at a hundredth of the size, to try the tools on a CPU.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from tools.miniature.ldm_keys import unet_key, vae_key

Tensors = dict[str, torch.Tensor]
Shape = tuple[int, ...]
Shapes = dict[str, Shape]
_CROSS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
_UNET, _VAE, _CLIP = "model.diffusion_model.", "first_stage_model.", "text_model."


@dataclass(frozen=True, kw_only=True)
class Layout:
    """An architecture's sizes. `text`: width and layers of each text encoder; `depths`: transformer layers by level."""

    name: str
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    text: tuple[tuple[int, int], ...]
    vae: tuple[int, int, int, int] = (128, 256, 512, 512)

    @property
    def double(self) -> bool:
        """SDXL: two text encoders, linear projections, size conditions."""
        return len(self.text) > 1

    @property
    def context(self) -> int:
        """Width of what the UNet's cross-attention reads."""
        return sum(width for width, _ in self.text)


SD15 = Layout(name="sd1", widths=(320, 640, 1280, 1280), depths=(1, 1, 1, 0), text=((768, 12),))
SDXL = Layout(name="sdxl", widths=(320, 640, 1280), depths=(0, 2, 10), text=((768, 12), (1280, 32)))
SMALL = {
    "sd1": Layout(name="sd1", widths=(32, 64, 64, 64), depths=(1, 1, 1, 0), text=((64, 2),), vae=(32, 32, 32, 32)),
    "sdxl": Layout(name="sdxl", widths=(64, 64, 128), depths=(0, 1, 2), text=((64, 2), (128, 2)), vae=(32, 32, 32, 32)),
}
FULL = {"sd1": SD15, "sdxl": SDXL}


def unet_of(layout: Layout) -> UNet2DConditionModel:
    """Build the UNet without memory."""
    downs = [_CROSS if depth else _PLAIN for depth in layout.depths]
    size_conditions = {
        "use_linear_projection": True,
        "attention_head_dim": [max(1, width // 64) for width in layout.widths],
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": layout.text[-1][0] + 6 * 256,
    }
    with torch.device("meta"):
        return UNet2DConditionModel(
            block_out_channels=layout.widths,
            cross_attention_dim=layout.context,
            down_block_types=downs,
            up_block_types=[name.replace("Down", "Up") for name in reversed(downs)],
            transformer_layers_per_block=[depth or layout.depths[-1] or 1 for depth in layout.depths],
            **(size_conditions if layout.double else {"attention_head_dim": 8}),
        )


def vae_of(layout: Layout) -> AutoencoderKL:
    """Build the VAE without memory."""
    with torch.device("meta"):
        return AutoencoderKL(
            block_out_channels=layout.vae,
            layers_per_block=2,
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            latent_channels=4,
        )


def text_of(width: int, layers: int) -> CLIPTextModel:
    """Build a CLIP text encoder without memory."""
    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64
    )
    with torch.device("meta"):
        return CLIPTextModel(config)


def checkpoint_shapes(layout: Layout) -> Shapes:
    """Return every tensor of the single file, by its LDM name."""
    found = {_UNET + _unet_key(name, layout): shape for name, shape in _shapes(unet_of(layout)).items()}
    found |= {_VAE + name: shape for name, shape in vae_shapes(layout).items()}
    first = "conditioner.embedders.0.transformer." if layout.double else "cond_stage_model.transformer."
    for name, shape in _shapes(text_of(*layout.text[0])).items():
        if not name.endswith("position_ids"):
            found[f"{first}{_CLIP}{name.removeprefix(_CLIP)}"] = shape
    if layout.double:
        prefix = "conditioner.embedders.1.model."
        found |= {prefix + name: shape for name, shape in _open_clip(*layout.text[1]).items()}
    return found


def vae_shapes(layout: Layout) -> Shapes:
    """Return the VAE's tensors under LDM's names without prefix; the attention's matrices are 1×1 convolutions."""
    named = {vae_key(name): shape for name, shape in _shapes(vae_of(layout)).items()}
    return {name: (*s, 1, 1) if ".attn_1." in name and len(s) == 2 else s for name, s in named.items()}


def _shapes(network: nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _unet_key(name: str, layout: Layout) -> str:
    if name.startswith("add_embedding.linear_"):
        number, _, rest = name.removeprefix("add_embedding.linear_").partition(".")
        return f"label_emb.0.{2 * int(number) - 2}.{rest}"
    key = unet_key(name)
    # the highest level's upsampler follows an attention where that level has one
    return key.replace("output_blocks.2.1.conv.", "output_blocks.2.2.conv.") if layout.depths[-1] else key


def _open_clip(width: int, layers: int) -> Shapes:
    """Return the shapes of OpenCLIP's text tower as SDXL's second text encoder is stored."""
    found: Shapes = {
        "token_embedding.weight": (49408, width),
        "positional_embedding": (77, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
        "text_projection": (width, width),
    }
    blocks = {
        "ln_1": (width,),
        "ln_2": (width,),
        "attn.out_proj": (width, width),
        "mlp.c_fc": (4 * width, width),
        "mlp.c_proj": (width, 4 * width),
    }
    for number in range(layers):
        start = f"transformer.resblocks.{number}"
        found |= {f"{start}.attn.in_proj_weight": (3 * width, width), f"{start}.attn.in_proj_bias": (3 * width,)}
        for name, shape in blocks.items():
            found |= {f"{start}.{name}.weight": shape, f"{start}.{name}.bias": shape[:1]}
    return found


class Weights:
    """Random values of one file, in the order of the calls."""

    def __init__(self, device: str, *, seed: int) -> None:
        self.device = device
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, shape: Shape, bound: float) -> torch.Tensor:
        """Within ± `bound`, float16."""
        made = torch.empty(shape, dtype=torch.float16, device=self.device)
        return made.uniform_(-bound, bound, generator=self._generator)

    def of(self, name: str, shape: Shape) -> torch.Tensor:
        """Draw what a fresh layer would have under that name."""
        if "embedding" in name and "time" not in name and len(shape) == 2:
            return self.uniform(shape, 0.035)
        if len(shape) < 2:
            # matrices and kernels have two dimensions or four: what has one is a bias or a norm's weight
            return torch.full(shape, float(name.endswith("weight")), dtype=torch.float16, device=self.device)
        return self.uniform(shape, 1 / math.sqrt(math.prod(shape[1:])))


def write_safetensors(path: Path, shapes: Mapping[str, Shape], value: Callable[[str, Shape], torch.Tensor]) -> Path:
    """Write float16 tensors one by one as `value` makes them (format: huggingface/safetensors, README)."""
    header: dict[str, Any] = {}
    at = 0
    for name, shape in shapes.items():
        end = at + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            tensor = value(name, shape)
            assert tuple(tensor.shape) == tuple(shape), name
            file.write(tensor.to("cpu", torch.float16).contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return path


def write_base(layout: Layout, path: Path, *, device: str = "cpu", seed: int = 0) -> Path:
    """Write a whole checkpoint as one file in fp16."""
    weights = Weights(device, seed=seed)
    return write_safetensors(path, checkpoint_shapes(layout), weights.of)


def attention_shapes(layout: Layout) -> Shapes:
    """Return the UNet's attention projections under diffusers' names: (outputs, inputs) each."""
    ends = ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")
    return {name.removesuffix(".weight"): s for name, s in _shapes(unet_of(layout)).items() if name.endswith(ends)}


def text_modules(layout: Layout) -> Iterator[tuple[str, Shape]]:
    """Yield the text encoders' attention projections under kohya's names."""
    stems = ("lora_te1", "lora_te2") if layout.double else ("lora_te",)
    for stem, (width, layers) in zip(stems, layout.text, strict=True):
        for number in range(layers):
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                yield f"{stem}_text_model_encoder_layers_{number}_self_attn_{part}", (width, width)
