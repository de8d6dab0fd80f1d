"""Write the trained miniature family as the files people share: safetensors, .ckpt, .pt and their metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from tools.miniature import lora_dialects
from tools.miniature.ldm_keys import ldm_checkpoint, ldm_vae
from tools.miniature.networks import make_pipeline, make_scheduler
from tools.miniature.train_adapters import CONCEPT, LORA_RANK, TRIGGER, Hypernetwork

_SPEC = {"modelspec.sai_model_spec": "1.0.1", "modelspec.resolution": "128x128", "modelspec.license": "Apache-2.0"}


def write_base(folder: Path, *, vae: AutoencoderKL, unet: UNet2DConditionModel, text: CLIPTextModel) -> Path:
    """Write the base in fp16 as `miniature.safetensors`, its configuration beside it in `config/`."""
    path = folder / "miniature.safetensors"
    tensors = ldm_checkpoint(unet=unet.state_dict(), vae=vae.state_dict(), text=text.state_dict())
    metadata = _SPEC | {
        "format": "pt",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "https://github.com/CompVis/stable-diffusion",
        "modelspec.title": "Miniature",
        "modelspec.prediction_type": "epsilon",
        "modelspec.description": "A miniature latent diffusion model that draws one colored shape.",
    }
    save_file(tensors, path, metadata=metadata)
    _write_config(folder / "config", vae=vae, unet=unet, text=text)
    return path


def _write_config(folder: Path, *, vae: AutoencoderKL, unet: UNet2DConditionModel, text: CLIPTextModel) -> None:
    """Write the JSON files that `from_single_file(config=…)` reads; the vocabulary is in the package."""
    vae.save_config(folder / "vae")
    unet.save_config(folder / "unet")
    text.config.save_pretrained(folder / "text_encoder")
    make_scheduler().save_pretrained(folder / "scheduler")
    make_pipeline(vae=vae, unet=unet, text=text).save_config(folder)


def write_ckpt(safetensors: Path, ckpt: Path) -> None:
    """Write the same checkpoint as a .ckpt of CompVis' training code: torch's zip, tensors under `state_dict`."""
    torch.save({"global_step": 0, "state_dict": load_file(safetensors)}, ckpt)


def write_second_vae(folder: Path, vae: AutoencoderKL) -> Path:
    """Write the vivid VAE in fp16 as a .ckpt with bare LDM names under `state_dict`."""
    path = folder / "miniature-vivid.vae.ckpt"
    torch.save({"state_dict": _half(ldm_vae(vae.state_dict()))}, path)
    return path


def write_loras(folder: Path, lora: lora_dialects.Lora, unet: UNet2DConditionModel) -> list[Path]:
    """Write the LoRA in the dialects of kohya, diffusers and peft, and converted to LoHa, LoKr and DoRA."""
    weights = {module: unet.get_submodule(module).weight.detach() for module in lora}
    forms = {
        "kohya": (lora_dialects.kohya(lora), _kohya_metadata("networks.lora", alpha=LORA_RANK / 2)),
        "diffusers": (lora_dialects.diffusers(lora), {"format": "pt"}),
        "loha": (lora_dialects.loha(lora), _kohya_metadata("lycoris.kohya", alpha=LORA_RANK, algo="loha")),
        "lokr": (lora_dialects.lokr(lora), _kohya_metadata("lycoris.kohya", alpha=LORA_RANK, algo="lokr")),
        "dora": (
            lora_dialects.dora(lora, weights),
            _kohya_metadata("lycoris.kohya", alpha=LORA_RANK / 2, algo="lora", dora_wd="True"),
        ),
    }
    paths = []
    for form, (tensors, metadata) in forms.items():
        paths.append(folder / f"miniature-frame-{form}.safetensors")
        save_file(_half(tensors), paths[-1], metadata=metadata)
    return [*paths, _write_peft(folder / "miniature-frame-peft", lora)]


def _write_peft(folder: Path, lora: lora_dialects.Lora) -> Path:
    folder.mkdir(exist_ok=True)
    config = {
        "peft_type": "LORA",
        "r": LORA_RANK,
        "lora_alpha": LORA_RANK,
        "target_modules": sorted(lora),
        "base_model_name_or_path": "miniature",
        "bias": "none",
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    path = folder / "adapter_model.safetensors"
    save_file(_half(lora_dialects.peft(lora)), path, metadata={"format": "pt"})
    return path


def _kohya_metadata(module: str, *, alpha: float, **arguments: str) -> dict[str, str]:
    return _SPEC | {
        "format": "pt",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.title": "Miniature frame",
        "modelspec.trigger_phrase": TRIGGER,
        "ss_network_module": module,
        "ss_network_dim": str(LORA_RANK),
        "ss_network_alpha": str(alpha),
        "ss_network_args": json.dumps(arguments),
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": "miniature.safetensors",
        "ss_resolution": "(128, 128)",
        "ss_output_name": "miniature-frame",
        "ss_tag_frequency": json.dumps({f"1_{TRIGGER}": {TRIGGER: 512}}),
    }


def write_inversions(folder: Path, vectors: torch.Tensor) -> list[Path]:
    """Write the textual inversion as A1111's .pt, as safetensors with `emb_params`, and as diffusers writes it."""
    vectors = vectors.float().contiguous()
    a1111, plain, named = (
        folder / name for name in (f"{CONCEPT}.pt", f"{CONCEPT}.safetensors", "learned_embeds.safetensors")
    )
    entry = {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": vectors},
        "name": CONCEPT,
        "step": 0,
        "sd_checkpoint": None,
        "sd_checkpoint_name": "miniature",
    }
    torch.save(entry, a1111)
    save_file({"emb_params": vectors}, plain, metadata={"format": "pt"})
    save_file({f"<{CONCEPT}>": vectors}, named, metadata={"format": "pt"})
    return [a1111, plain, named]


def write_hypernetwork(folder: Path, layers: Hypernetwork) -> Path:
    """Write the hypernetwork as A1111's .pt: width → layers of keys and values, with structure and activation."""
    path = folder / "miniature-sepia.pt"
    states = {width: [_half(layer.state_dict()) for layer in pair] for width, pair in layers.items()}
    about = {
        "step": 0,
        "name": "miniature-sepia",
        "layer_structure": [1, 2, 1],
        "activation_func": "relu",
        "is_layer_norm": False,
        "weight_initialization": "Normal",
        "use_dropout": False,
        "sd_checkpoint": None,
        "sd_checkpoint_name": "miniature",
        "activate_output": False,
        "last_layer_dropout": False,
    }
    torch.save(states | about, path)
    return path


def _half(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}
