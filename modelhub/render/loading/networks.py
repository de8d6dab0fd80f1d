"""Build networks from named tensors: created empty, filled without copying, and checked for missing weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modelhub.render.loading.clip_names import from_open_clip, from_transformers, is_open_clip
from modelhub.render.loading.configs import (
    StructureError,
    UnsupportedStructureError,
    infer_text_config,
    infer_unet_config,
    infer_vae_config,
)
from modelhub.render.loading.tensors import NamedTensors, shapes
from modelhub.render.problems import RenderProblem, load_failure, missing_tensors, skip
from modelhub.render.verdicts import RenderVerdict, not_tested

# Names of the VAE's attention in old versions of diffusers.
_OLD_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
_UP_BLOCK = re.compile(r"decoder\.up_blocks\.(\d{1,3})\.(.+)")


def build_unet(tensors: NamedTensors) -> UNet2DConditionModel:
    """Build the UNet of an LDM checkpoint; names without `model.diffusion_model.`. Raise RenderProblem."""
    config = _guard("UNet", lambda: infer_unet_config(shapes(tensors)))
    prefixed = {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}
    converted = _guard("UNet", lambda: convert_ldm_unet_checkpoint(prefixed, config))
    return fill("UNet", lambda: UNet2DConditionModel(**config), converted)


def build_unet_from_folder(config: Mapping[str, Any], tensors: NamedTensors) -> UNet2DConditionModel:
    """Build the UNet of a diffusers folder. Raise RenderProblem."""
    return fill("UNet", lambda: UNet2DConditionModel.from_config({"sample_size": 64, **config}), tensors)


def build_vae(tensors: NamedTensors, *, architecture: str, config: Mapping[str, Any] | None = None) -> AutoencoderKL:
    """Build a KL autoencoder from LDM's names without prefix, or diffusers'. Raise RenderProblem.

    A file without an encoder gives one whose encoder is zero, which `has_encoder` detects.
    """
    kind = str((config or {}).get("_class_name", "AutoencoderKL"))
    if kind != "AutoencoderKL":
        raise skip(f"VAEs of the class {kind} cannot be render-tested yet")
    if any(name.startswith("decoder.up_blocks.") for name in tensors):
        tensors = {_rename(name): _squeeze(name, tensor) for name, tensor in tensors.items()}
        names = _guard("VAE", lambda: _ldm_shapes(tensors))
        settings = config or _guard("VAE", lambda: infer_vae_config(names, architecture))
    else:
        settings = config or _guard("VAE", lambda: infer_vae_config(shapes(tensors), architecture))
        tensors = _guard("VAE", lambda: convert_ldm_vae_checkpoint(dict(tensors), settings))
    return fill("VAE", lambda: AutoencoderKL.from_config(dict(settings)), tensors, optional=("encoder.", "quant_conv."))


def has_encoder(network: AutoencoderKL) -> bool:
    """Return whether the VAE came with an encoder."""
    return bool(network.encoder.conv_in.weight.any())


def build_text_encoder(tensors: NamedTensors, config: Mapping[str, Any] | None = None) -> CLIPTextModel:
    """Build a CLIP text encoder, with projection where the tensors have one. Raise RenderProblem."""
    open_clip, name = is_open_clip(tensors), "text encoder"
    named: NamedTensors = _guard(name, lambda: (from_open_clip if open_clip else from_transformers)(tensors))
    named.pop("embeddings.position_ids", None)
    activation = "gelu" if open_clip else "quick_gelu"
    values = config or _guard(name, lambda: infer_text_config(shapes(named), activation=activation))
    settings = _guard(name, lambda: CLIPTextConfig.from_dict(dict(values)))
    kind = CLIPTextModelWithProjection if "text_projection.weight" in named else CLIPTextModel
    return fill(name, lambda: kind(settings), named)


def fill(
    network_name: str, build: Callable[[], torch.nn.Module], tensors: NamedTensors, *, optional: tuple[str, ...] = ()
) -> Any:
    """Return the network with the tensors as its weights; every weight must be there, in its shape.

    diffusers' conversions give None for some missing weights. Missing ones whose names begin with one of `optional`
    become zero. Raise RenderProblem.
    """
    with torch.device("meta"):
        network = _guard(network_name, build)
    wanted = {name.removeprefix("text_model."): name for name in network.state_dict()}
    given = {
        wanted[key]: tensor
        for name, tensor in tensors.items()
        if tensor is not None and (key := name.removeprefix("text_model.")) in wanted
    }
    state = network.state_dict()
    wrong = [name for name, tensor in given.items() if tensor.shape != state[name].shape]
    if wrong:
        shape, right = tuple(given[wrong[0]].shape), tuple(state[wrong[0]].shape)
        raise RenderProblem(
            RenderVerdict.INCOMPATIBLE,
            f"The {network_name} has an unknown structure: {wrong[0]} is {list(shape)}, not {list(right)}.",
        )
    missing = state.keys() - given.keys()
    if required := [name for name in missing if not name.startswith(optional or ("\0",))]:
        raise missing_tensors(network_name, required)
    sample = next(iter(given.values()))
    given |= {name: torch.zeros(state[name].shape, dtype=sample.dtype) for name in missing}
    network.load_state_dict(given, assign=True)
    _create_buffers(network)
    network.requires_grad_(False).eval()
    return network


def _create_buffers(network: torch.nn.Module) -> None:
    """Create the buffers that no file has: CLIP's position ids, which count up."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                setattr(module, name, torch.arange(buffer.shape[-1]).expand(buffer.shape).clone())


def _guard(network_name: str, build: Callable[[], Any]) -> Any:
    """Return what `build` returns; its errors become RenderProblem."""
    try:
        return build()
    except UnsupportedStructureError as exc:
        words = f"{not_tested(f'the {network_name} has an unusual structure')} {exc}"
        raise RenderProblem(RenderVerdict.NOT_TESTED, words) from exc
    except StructureError as exc:
        raise RenderProblem(RenderVerdict.INCOMPLETE, f"The {network_name} is incomplete. {exc}") from exc
    except (LookupError, ValueError, TypeError, RuntimeError, AttributeError, ArithmeticError, AssertionError) as exc:
        raise load_failure(f"the {network_name} cannot be built ({type(exc).__name__}: {exc})") from exc


def _rename(name: str) -> str:
    for old, new in _OLD_ATTENTION.items():
        if "attentions." in name:
            name = name.replace(old, new)
    return name


def _squeeze(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return attention weights that were saved as 1×1 convolutions as matrices."""
    return tensor[:, :, 0, 0] if ".attentions." in name and tensor.ndim == 4 else tensor


def _ldm_shapes(tensors: NamedTensors) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a VAE in diffusers' names, and those that `infer_vae_config` needs under LDM's names too."""
    found = shapes(tensors)
    rows = [(match, shape) for name, shape in found.items() if (match := _UP_BLOCK.match(name))]
    levels = len({match[1] for match, _ in rows})
    for match, shape in rows:
        found[f"decoder.up.{levels - 1 - int(match[1])}.{match[2].replace('resnets.', 'block.')}"] = shape
    return found
