"""Tiny Stable Diffusion models of every kind with random weights: as diffusers' pipelines, folders, single files."""

from __future__ import annotations

import atexit
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from modelhub.detect.weights.canonical_names import unet_name, vae_name
from modelhub.render.prompts import make_tokenizer

CROSS, DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
_UP = {CROSS: "CrossAttnUpBlock2D", DOWN: "UpBlock2D"}
_SD = "StableDiffusion"
_XL = f"{_SD}XL"


@dataclass(frozen=True)
class Kind:
    """A kind of model. `texts`: the text encoders, by the row of `_TEXTS`."""

    name: str
    pipeline: str
    family: str
    kind: str = "text"
    channels: int = 4
    prediction: str = "epsilon"

    @property
    def texts(self) -> tuple[str, ...]:
        """Its text encoders, in order."""
        return {"sd1": ("L",), "sd2": ("H",), "sdxl": ("L", "G"), "sdxl-refiner": ("G",)}[self.family]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("sd1", f"{_SD}Pipeline", "sd1"),
        Kind("sd1-inpainting", f"{_SD}InpaintPipeline", "sd1", "inpainting", 9),
        Kind("sd1-pix2pix", f"{_SD}InstructPix2PixPipeline", "sd1", "instruct-pix2pix", 8),
        Kind("sd2-epsilon", f"{_SD}Pipeline", "sd2"),
        Kind("sd2-v", f"{_SD}Pipeline", "sd2", prediction="v_prediction"),
        Kind("sd2-depth", f"{_SD}Depth2ImgPipeline", "sd2", "depth", 5),
        Kind("sdxl", f"{_XL}Pipeline", "sdxl"),
        Kind("sdxl-inpainting", f"{_XL}InpaintPipeline", "sdxl", "inpainting", 9),
        Kind("sdxl-pix2pix", f"{_XL}InstructPix2PixPipeline", "sdxl", "instruct-pix2pix", 8),
        Kind("refiner", f"{_XL}Img2ImgPipeline", "sdxl-refiner", "refiner"),
    )
}


@dataclass(frozen=True)
class _Text:
    width: int
    layers: int
    activation: str
    projected: bool
    pad: str


# Tiny relatives of CLIP-L, ViT-H and bigG. Two heads or one, by the rule of 64 channels a head.
_TEXTS = {
    "L": _Text(32, 3, "quick_gelu", False, "<|endoftext|>"),
    "H": _Text(64, 4, "gelu", True, "!"),
    "G": _Text(128, 3, "gelu", True, "!"),
}


def _text_encoder(row: _Text) -> Any:
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=row.width,
        intermediate_size=2 * row.width,
        projection_dim=row.width,
        num_hidden_layers=row.layers,
        num_attention_heads=max(1, row.width // 64),
        hidden_act=row.activation,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )
    return (CLIPTextModelWithProjection if row.projected else CLIPTextModel)(config)


def _unet(kind: Kind) -> UNet2DConditionModel:
    large = kind.family.startswith("sdxl")
    widths = {"sd1": (32, 64, 64, 64), "sd2": (64, 128, 128, 128)}.get(kind.family, (64, 128, 128))
    downs = [CROSS] * (len(widths) - 1) + [DOWN]
    depths: list[int] = [1] * len(widths)
    pooled = _TEXTS["G"].width
    if large:
        downs, depths = [DOWN, CROSS, CROSS], [1, 1, 2]
    if kind.kind == "refiner":
        widths, downs, depths = (64, 128, 128, 128), [DOWN, CROSS, CROSS, DOWN], [2] * 4
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=kind.channels,
        block_out_channels=widths,
        layers_per_block=2,
        down_block_types=downs,
        up_block_types=[_UP[down] for down in reversed(downs)],
        cross_attention_dim=sum(_TEXTS[name].width for name in kind.texts),
        transformer_layers_per_block=depths,
        attention_head_dim=8 if kind.family == "sd1" else [width // 64 for width in widths],
        use_linear_projection=kind.family != "sd1",
        addition_embed_type="text_time" if large else None,
        addition_time_embed_dim=256 if large else None,
        projection_class_embeddings_input_dim=pooled + 256 * (5 if kind.kind == "refiner" else 6) if large else None,
    )


def _vae(kind: Kind) -> AutoencoderKL:
    return AutoencoderKL(
        sample_size=64,
        block_out_channels=(32, 32, 64, 64),
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=2,
        latent_channels=4,
        scaling_factor=0.13025 if kind.family.startswith("sdxl") else 0.18215,
        force_upcast=False,
    )


# Kind → where its folder was written first; later ones are copies.
_SAVED: dict[str, Path] = {}


@dataclass(frozen=True)
class Model:
    """Networks of one kind; `last`: SD2's 24th layer, which only single files hold."""

    kind: Kind
    unet: Any
    vae: Any
    texts: tuple[Any, ...]

    def pipeline(self) -> Any:
        """Return diffusers' own pipeline with these networks and the tokenizers of the originals."""
        names = ("", "_2") if self.kind.kind != "refiner" else ("_2",)
        parts: dict[str, Any] = {"text_encoder": None, "tokenizer": None}
        for name, row, encoder in zip(names, self.kind.texts, self._shown(), strict=False):
            parts[f"text_encoder{name}"], parts[f"tokenizer{name}"] = encoder, _tokenizer(_TEXTS[row].pad)
        if self.kind.family.startswith("sdxl"):
            parts["add_watermarker"] = False
            if self.kind.kind == "refiner":
                parts["requires_aesthetics_score"] = True
        elif self.kind.kind == "depth":
            parts |= {"depth_estimator": None, "feature_extractor": None}
        else:
            parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        schedule = DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type=self.kind.prediction,
        )
        made = getattr(diffusers, self.kind.pipeline)(unet=self.unet, vae=self.vae, scheduler=schedule, **parts)
        made.set_progress_bar_config(disable=True)
        return made

    def _shown(self) -> tuple[Any, ...]:
        """Return the text encoders for diffusers: SD2's without its last layer."""
        if self.kind.family != "sd2":
            return self.texts
        (whole,) = self.texts
        config = CLIPTextConfig.from_dict({**whole.config.to_dict(), "num_hidden_layers": _TEXTS["H"].layers - 1})
        made = CLIPTextModel(config)
        held = {name.removeprefix("text_model."): value for name, value in whole.state_dict().items()}
        own = {name: held[name.removeprefix("text_model.")] for name in made.state_dict()}
        made.load_state_dict(own)
        return (made.eval(),)

    def folder(self, path: Path) -> Path:
        """Write the model as a diffusers folder."""
        if self.kind.name not in _SAVED:
            _SAVED[self.kind.name] = Path(mkdtemp()) / self.kind.name
            atexit.register(shutil.rmtree, _SAVED[self.kind.name].parent, ignore_errors=True)
            self.pipeline().save_pretrained(_SAVED[self.kind.name])
        shutil.copytree(_SAVED[self.kind.name], path)
        return path

    def file(self, path: Path, *, extra: dict[str, torch.Tensor] | None = None) -> Path:
        """Write the model as a single file in LDM's or SGM's names."""
        tensors = {f"model.diffusion_model.{name}": value for name, value in self._ldm_unet().items()}
        for name, value in self.vae.state_dict().items():
            square = "mid_block.attentions" in name and name.endswith("weight") and value.ndim == 2
            tensors[f"first_stage_model.{vae_name(name)}"] = value[:, :, None, None] if square else value
        for name, value in self._ldm_texts():
            tensors[name] = value
        tensors |= extra or {}
        save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path)
        return path

    def _ldm_unet(self) -> dict[str, torch.Tensor]:
        named = {unet_name(name): value for name, value in self.unet.state_dict().items()}

        def numbered(name: str) -> str:
            block, up, rest = name.partition(".up.conv.")
            attends = any(other.startswith(f"{block}.1.transformer") for other in named)
            return f"{block}.{2 if attends else 1}.conv.{rest}" if up else name

        return {numbered(name): value for name, value in named.items()}

    def _ldm_texts(self) -> list[tuple[str, torch.Tensor]]:
        rows: list[tuple[str, torch.Tensor]] = []
        for number, (row, encoder) in enumerate(zip(self.kind.texts, self.texts, strict=True)):
            state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
            place = f"conditioner.embedders.{number}" if self.kind.family.startswith("sdxl") else "cond_stage_model"
            if row == "L":
                rows += [(f"{place}.transformer.text_model.{name}", value) for name, value in state.items()]
            else:
                rows += [(f"{place}.model.{name}", value) for name, value in open_clip(state).items()]
        return rows


_OPEN = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_OPEN_ENDS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


def open_clip(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a CLIPTextModelWithProjection's tensors with OpenCLIP's names, packing and scale."""
    result = {"logit_scale": torch.tensor(4.6), "text_projection": state["text_projection.weight"].T}
    result |= {new: state[old] for old, new in _OPEN_ENDS.items()}
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layers.")}
    for layer in layers:
        theirs, ours = f"transformer.resblocks.{layer}", f"encoder.layers.{layer}"
        for end in ("weight", "bias"):
            for old, new in _OPEN.items():
                result[f"{theirs}.{new}.{end}"] = state[f"{ours}.{old}.{end}"]
            packed = [state[f"{ours}.self_attn.{part}_proj.{end}"] for part in "qkv"]
            result[f"{theirs}.attn.in_proj_{end}"] = torch.cat(packed)
    return result


@cache
def _tokenizer(pad: str) -> CLIPTokenizer:
    plain = make_tokenizer()
    return CLIPTokenizer(vocab=plain.get_vocab(), merges=_merges(), model_max_length=77, pad_token=pad)


def _merges() -> list[tuple[str, str]]:
    import json

    return [tuple(pair) for pair in json.loads(make_tokenizer().backend_tokenizer.to_str())["model"]["merges"]]


@cache
def model(kind: Kind) -> Model:
    """Return the model of a kind, with random weights of ordinary size; the same at every call."""
    torch.manual_seed(0)
    made = Model(kind, _unet(kind), _vae(kind), tuple(_text_encoder(_TEXTS[name]) for name in kind.texts))
    for network in (made.unet, made.vae, *made.texts):
        network.requires_grad_(False).eval()
    return made
