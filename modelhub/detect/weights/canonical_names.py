"""One name per tensor, whatever the file's dialect, so that equal networks can be seen to be equal.

Canonical are LDM's names for UNet and VAE and those of transformers' CLIPTextModel without `text_model.` for CLIP.
Mapped onto them: the prefixes of checkpoints (LDM, SGM, SD3), of diffusers folders and of single component files,
diffusers' UNet and VAE names (source: its own conversion scripts), open_clip's names with q, k and v in one tensor,
EMA names without dots. Not mapped: diffusers' names of DiT models (Flux, SD3's transformer) and LoRA dialects; those
compare by their own names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from modelhub.detect.weights.ldm_names import ldm_unet_names

Shape = tuple[int, ...]
REST = "rest"  # tensors that belong to no known component

# Prefix of a name to the component it marks. A trailing "/" is a diffusers folder's sub-folder.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("model.diffusion_model.", "unet"),
    ("diffusion_model.", "unet"),
    ("model_ema.", "unet_ema"),
    ("first_stage_model.", "vae"),
    ("vae.", "vae"),
    ("cond_stage_model.transformer.", "text_encoder"),
    ("cond_stage_model.model.", "text_encoder"),
    ("conditioner.embedders.0.transformer.", "text_encoder"),
    ("conditioner.embedders.0.model.", "text_encoder"),
    ("conditioner.embedders.1.transformer.", "text_encoder_2"),
    ("conditioner.embedders.1.model.", "text_encoder_2"),
    ("text_encoders.clip_l.transformer.", "text_encoder"),
    ("text_encoders.clip_g.transformer.", "text_encoder_2"),
    ("text_encoders.t5xxl.transformer.", "text_encoder_3"),
    ("control_model.", "controlnet"),
    ("unet/", "unet"),
    ("transformer/", "unet"),
    ("vae/", "vae"),
    ("text_encoder/", "text_encoder"),
    ("text_encoder_2/", "text_encoder_2"),
    ("text_encoder_3/", "text_encoder_3"),
)
# A file without prefixes is a component when it has all of `has` and none of `lacks` (matched as name beginnings).
BARE: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("unet", ("input_blocks.0.0.weight", "out.2.weight"), ("zero_convs.", "input_hint_block.")),
    ("unet", ("conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight"), ("controlnet_",)),
    ("unet", ("double_blocks.0.", "final_layer.", "img_in."), ("controlnet_", "input_hint_block.")),
    ("unet", ("joint_blocks.0.", "final_layer."), ("controlnet_",)),
    ("vae", ("encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.conv_out.weight"), ()),
    ("text_encoder", ("text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0."), ()),
    ("text_encoder", ("token_embedding.weight", "transformer.resblocks.0."), ("visual.",)),
    ("text_encoder", ("shared.weight", "encoder.block.0."), ("decoder.",)),
)
# Buffers and leftovers that are not weights: they differ between copies of the same model, or are missing.
_DROPPED = re.compile(
    r"(^|[./])(position_ids|logit_scale|attn_mask|encoder\.embed_tokens\.weight|mask)$"
    r"|^(betas|alphas_cumprod(_prev)?|sqrt_.*|log_one_minus_.*|posterior_.*|lvlb_weights|logvar|scale_factor|v_pred|ztsnr)$"
    r"|^(edm_mean|edm_std|edm_vpred\.sigma_(max|min)|denoiser\.sigmas|model_ema\.(decay|num_updates))$"
    r"|^(first_stage_model\.)?(loss\.|model_ema\.)(?!diffusion_model)|^safety_checker/|^image_encoder/"
)
_DELTA = re.compile(
    r"(\.|_|^)(lora_|lora\.|hada_w|lokr_w|oft_|dora_scale|diff(_b)?$|alpha$|[wb]_norm$|on_input$|processor\.|ia3_)"
)


@dataclass(frozen=True, slots=True)
class CanonicalName:
    """The canonical name of a tensor and its component.

    `parts`: names of its equal parts along the first dimension, where it joins several; `name` is "" then.
    `transposed`: its canonical form is transposed.
    """

    component: str
    name: str
    parts: tuple[str, ...] = ()
    transposed: bool = False


class TensorNaming:
    """The naming of one model, read off the tensor names and shapes of all its files together."""

    def __init__(self, tensors: Mapping[str, Shape]) -> None:
        plain = [name for name in tensors if not _DELTA.search(name) and not _DROPPED.search(name)]
        self._bare = None if any(_split_known_prefix(name) for name in plain) else _bare_component(plain)
        self._widths = self._text_widths(tensors)

    def canonical_name(self, name: str) -> CanonicalName | None:
        """Return the tensor's canonical name; None for buffers and leftovers that are not compared."""
        if _DROPPED.search(name):
            return None
        found = None if _DELTA.search(name) else self._split_prefix(name)
        if found is None:
            return CanonicalName(REST, name)
        component, inner = found
        if component == "unet_ema":
            known = _ema_names().get(inner)
            return CanonicalName(component, known) if known else CanonicalName(REST, name)
        if component.startswith("text_encoder"):
            return _text(component, inner, self._widths.get(component, 0))
        return CanonicalName(component, _RENAMED.get(component, str)(inner))

    def _split_prefix(self, name: str) -> tuple[str, str] | None:
        found = _split_known_prefix(name)
        if found is None and self._bare is not None:
            return self._bare, name
        return found

    def _text_widths(self, tensors: Mapping[str, Shape]) -> dict[str, int]:
        widths = {}
        for name, shape in tensors.items():
            if name.endswith("token_embedding.weight") and len(shape) == 2:
                found = self._split_prefix(name)
                if found is not None:
                    widths[found[0]] = shape[1]
        return widths


def is_delta(name: str) -> bool:
    """Return whether a name is that of a delta (LoRA, LyCORIS …), not of weights."""
    return _DELTA.search(name) is not None


def _split_known_prefix(name: str) -> tuple[str, str] | None:
    for prefix, component in PREFIXES:
        if name.startswith(prefix):
            return component, name[len(prefix) :]
    return None


def _bare_component(names: list[str]) -> str | None:
    def begins(start: str) -> bool:
        return any(name.startswith(start) for name in names)

    for component, has, lacks in BARE:
        if all(map(begins, has)) and not any(map(begins, lacks)):
            return component
    return None


# --- UNet -------------------------------------------------------------------------------------------------------

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
_MID = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
_UPSAMPLER = re.compile(r"(output_blocks\.\d+)\.[12]\.conv\.")


def unet_name(name: str) -> str:
    """Return LDM's name of a UNet tensor, given LDM's or diffusers'.

    The upsampler's is `output_blocks.N.up.conv` in both: LDM counts it 1 or 2, depending on the block's attention.
    """
    if name.startswith(("input_blocks.", "output_blocks.", "middle_block.")):
        return _UPSAMPLER.sub(r"\1.up.conv.", name)
    if match := _BLOCK.fullmatch(name):
        side, block, kind, index, inner = match.groups()
        return _unet_block(side, int(block), kind, int(index), inner)
    if match := _MID.fullmatch(name):
        kind, index, inner = match.groups()
        if kind == "attentions":
            return f"middle_block.{2 * int(index) + 1}.{inner}"
        return f"middle_block.{2 * int(index)}.{_inner(inner, _RESNET)}"
    return _inner(name, _UNET_ENDS)


def _unet_block(side: str, block: int, kind: str, index: int, inner: str) -> str:
    # Two layers and a sampler a block going down, three layers going up: for all of SD 1, 2, XL and the refiner.
    if kind == "downsamplers":
        return f"input_blocks.{3 * block + 3}.0.op.{inner.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{3 * block + 2}.up.{inner}"
    where = f"input_blocks.{3 * block + index + 1}" if side == "down" else f"output_blocks.{3 * block + index}"
    if kind == "attentions":
        return f"{where}.1.{inner}"
    return f"{where}.0.{_inner(inner, _RESNET)}"


def _inner(name: str, table: Mapping[str, str]) -> str:
    stem, dot, kind = name.rpartition(".")
    return f"{table.get(stem, stem)}{dot}{kind}"


@lru_cache(maxsize=1)
def _ema_names() -> Mapping[str, str]:
    """Map EMA names to canonical ones: they are the main set's names without dots, so all known names are looked up."""
    names = {name for kind in ("sd1", "sdxl", "sdxl-refiner") for name in ldm_unet_names(kind)}
    return {f"diffusion_model{name.replace('.', '')}": unet_name(name) for name in names}


# --- VAE --------------------------------------------------------------------------------------------------------

_VAE_LEVELS = 4  # of all SD, SDXL, SD3 and Flux VAEs; diffusers counts the decoder's from the other end
_VAE_BLOCK = re.compile(r"(encoder|decoder)\.(down|up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.+)")
_VAE_MID = re.compile(r"(encoder|decoder)\.mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    "query": "q", "key": "k", "value": "v", "proj_attn": "proj_out",
}  # fmt: skip


def vae_name(name: str) -> str:
    """Return LDM's name of a VAE tensor, given LDM's or diffusers'."""
    if match := _VAE_BLOCK.fullmatch(name):
        half, side, block, kind, index, inner = match.groups()
        level = int(block) if side == "down" else _VAE_LEVELS - 1 - int(block)
        if kind != "resnets":
            return f"{half}.{side}.{level}.{kind.removesuffix('rs')}.{inner}"
        return f"{half}.{side}.{level}.block.{index}.{_inner(inner, {'conv_shortcut': 'nin_shortcut'})}"
    if match := _VAE_MID.fullmatch(name):
        half, kind, index, inner = match.groups()
        if kind == "attentions":
            return f"{half}.mid.attn_1.{_inner(inner, _VAE_ATTENTION)}"
        return f"{half}.mid.block_{int(index) + 1}.{inner}"
    return name.replace(".conv_norm_out.", ".norm_out.")


# --- Text encoders ----------------------------------------------------------------------------------------------

_OPEN_CLIP = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_OPEN_CLIP_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_RESBLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_L_WIDTH, _H_WIDTH, _H_LAYERS_USED = 768, 1024, 23


def _text(component: str, name: str, width: int) -> CanonicalName | None:
    place = _text_place(component, name.removeprefix("text_model."))
    first = place.name or place.parts[0]
    # SD 2 takes the last layer but one: copies made for diffusers lack the last one and the projection, and CLIP-L's
    # projection is used by no Stable Diffusion model. Left out, so that copies with and without compare equal.
    if width in (_L_WIDTH, _H_WIDTH) and first == "text_projection.weight":
        return None
    layer = _LAYER.match(first)
    if width == _H_WIDTH and layer and int(layer[1]) >= _H_LAYERS_USED:
        return None
    return place


def _text_place(component: str, name: str) -> CanonicalName:
    if name == "text_projection":
        return CanonicalName(component, "text_projection.weight", transposed=True)
    match = _RESBLOCK.fullmatch(name)
    if match is None:
        return CanonicalName(component, _OPEN_CLIP_ENDS.get(name, name))
    layer, inner = f"encoder.layers.{match[1]}", match[2]
    if inner.startswith("attn.in_proj_"):
        kind = inner.removeprefix("attn.in_proj_")
        return CanonicalName(component, "", tuple(f"{layer}.self_attn.{part}_proj.{kind}" for part in "qkv"))
    return CanonicalName(component, f"{layer}.{_inner(inner, _OPEN_CLIP)}")


_RENAMED: Mapping[str, Callable[[str], str]] = {"unet": unet_name, "vae": vae_name}
