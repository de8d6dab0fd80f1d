"""Networks out of named tensors: built empty, filled without copying, and checked that nothing is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modelhub.render.loading.clip_names import Named, from_open_clip, from_transformers, is_open_clip
from modelhub.render.loading.configs import NotAUNetError, OtherStructureError, text_config, unet_config, vae_config
from modelhub.render.loading.tensors import shapes
from modelhub.render.problems import RenderProblem, incomplete
from modelhub.render.verdicts import RenderVerdict

# What old diffusers versions called the VAE's attention.
_OLD_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
_UP_BLOCK = re.compile(r"decoder\.up_blocks\.(\d{1,3})\.(.+)")


def unet(tensors: Named) -> UNet2DConditionModel:
    """The UNet of an LDM checkpoint; names without `model.diffusion_model.`. Raises RenderProblem."""
    config = _configured("UNet", lambda: unet_config(shapes(tensors)))
    prefixed = {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}
    converted = _configured("UNet", lambda: convert_ldm_unet_checkpoint(prefixed, config))
    return fill("UNet", lambda: UNet2DConditionModel(**config), converted)


def unet_of_folder(config: Mapping[str, Any], tensors: Named) -> UNet2DConditionModel:
    """The UNet of a diffusers folder. Raises RenderProblem."""
    return fill("UNet", lambda: UNet2DConditionModel.from_config({"sample_size": 64, **config}), tensors)


def vae(tensors: Named, *, architecture: str, config: Mapping[str, Any] | None = None) -> AutoencoderKL:
    """A KL autoencoder: LDM's names without prefix, or diffusers'. Raises RenderProblem.

    A file without encoder gives one whose encoder is zero: `has_encoder` says so.
    """
    kind = str((config or {}).get("_class_name", "AutoencoderKL"))
    if kind != "AutoencoderKL":
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"its VAE is an {kind}, which is not rendered with")
    if any(name.startswith("decoder.up_blocks.") for name in tensors):
        tensors = {_renamed(name): _squeezed(name, tensor) for name, tensor in tensors.items()}
        names = _configured("VAE", lambda: _ldm_shapes(tensors))
        settings = config or _configured("VAE", lambda: vae_config(names, architecture))
    else:
        settings = config or _configured("VAE", lambda: vae_config(shapes(tensors), architecture))
        tensors = _configured("VAE", lambda: convert_ldm_vae_checkpoint(dict(tensors), settings))
    return fill("VAE", lambda: AutoencoderKL.from_config(dict(settings)), tensors, optional=("encoder.", "quant_conv."))


def has_encoder(network: AutoencoderKL) -> bool:
    """Whether the VAE came with an encoder."""
    return bool(network.encoder.conv_in.weight.any())


def text_encoder(tensors: Named, config: Mapping[str, Any] | None = None) -> CLIPTextModel:
    """A CLIP text encoder, with projection where the tensors have one. Raises RenderProblem."""
    open_clip, what = is_open_clip(tensors), "text encoder"
    named: Named = _configured(what, lambda: (from_open_clip if open_clip else from_transformers)(tensors))
    named.pop("embeddings.position_ids", None)
    activation = "gelu" if open_clip else "quick_gelu"
    values = config or _configured(what, lambda: text_config(shapes(named), activation=activation))
    settings = _configured(what, lambda: CLIPTextConfig.from_dict(dict(values)))
    kind = CLIPTextModelWithProjection if "text_projection.weight" in named else CLIPTextModel
    return fill(what, lambda: kind(settings), named)


def fill(what: str, build: Callable[[], torch.nn.Module], tensors: Named, *, optional: tuple[str, ...] = ()) -> Any:
    """The network with the tensors as its weights. Every weight must be there, with its shape.

    diffusers' conversions give None for some that are not there. Missing ones whose names begin with one of `optional`
    become zero. Raises RenderProblem.
    """
    with torch.device("meta"):
        network = _configured(what, build)
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
            f"the {what} is of an unknown structure: {wrong[0]} is {list(shape)}, not {list(right)}"
            + (f" ({len(wrong)} such tensors)" if len(wrong) > 1 else ""),
        )
    missing = state.keys() - given.keys()
    if lost := [name for name in missing if not name.startswith(optional or ("\0",))]:
        raise incomplete(what, lost)
    sample = next(iter(given.values()))
    given |= {name: torch.zeros(state[name].shape, dtype=sample.dtype) for name in missing}
    network.load_state_dict(given, assign=True)
    _materialise_buffers(network)
    network.requires_grad_(False).eval()
    return network


def _materialise_buffers(network: torch.nn.Module) -> None:
    """Buffers that no file holds were built without memory: CLIP's position ids, the only ones, count up."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                setattr(module, name, torch.arange(buffer.shape[-1]).expand(buffer.shape).clone())


def _configured(what: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except OtherStructureError as exc:
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"the {what} cannot be built: {exc}") from exc
    except NotAUNetError as exc:
        raise RenderProblem(RenderVerdict.INCOMPLETE, f"the {what} cannot be built: {exc}") from exc
    except (LookupError, ValueError, TypeError, RuntimeError, AttributeError, ArithmeticError, AssertionError) as exc:
        raise RenderProblem(
            RenderVerdict.LOAD_ERROR, f"the {what} cannot be built: {type(exc).__name__}: {exc}"
        ) from exc


def _renamed(name: str) -> str:
    for old, new in _OLD_ATTENTION.items():
        if "attentions." in name:
            name = name.replace(old, new)
    return name


def _squeezed(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Attention weights that were saved as 1×1 convolutions."""
    return tensor[:, :, 0, 0] if ".attentions." in name and tensor.ndim == 4 else tensor


def _ldm_shapes(tensors: Named) -> dict[str, tuple[int, ...]]:
    """The shapes under the LDM names that `vae_config` looks at, of a VAE in diffusers' names."""
    found = shapes(tensors)
    rows = [(match, shape) for name, shape in found.items() if (match := _UP_BLOCK.match(name))]
    levels = len({match[1] for match, _ in rows})
    for match, shape in rows:
        found[f"decoder.up.{levels - 1 - int(match[1])}.{match[2].replace('resnets.', 'block.')}"] = shape
    return found
