"""Render with the miniature family: the base from its single file, and what can be put on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file

from tools.miniature.networks import make_scheduler, make_tokenizer
from tools.miniature.train_adapters import CONCEPT_MARK, STAND_INS, Hyper, hypernetwork_on, put_stand_ins
from tools.miniature.train_base import tokens

GUIDANCE = 1.5
STEPS = 20


def load_base(folder: Path, *, checkpoint: Path | None = None) -> StableDiffusionPipeline:
    """Load the base of a family's folder in float32, without any network access."""
    pipe = StableDiffusionPipeline.from_single_file(
        str(checkpoint or folder / "miniature.safetensors"),
        config=str(folder / "config"),
        local_files_only=True,
        tokenizer=make_tokenizer(),
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def render(
    pipe: StableDiffusionPipeline,
    prompts: list[str],
    *,
    seed: int = 1,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    size: int = 128,
    concept: torch.Tensor | None = None,
) -> np.ndarray:
    """Render one picture a prompt, each from its own seed: float32 (n, size, size, 3) in 0…1.

    `concept`: a textual inversion's vectors; the word `gem` of the prompts stands for it.
    """
    noise = [torch.Generator().manual_seed(seed + at) for at in range(len(prompts))]
    shape = {"height": size, "width": size, "num_inference_steps": steps, "guidance_scale": guidance}
    with torch.no_grad():
        texts = _contexts(pipe, prompts, concept)
        empty = _contexts(pipe, [""] * len(prompts), None)
        out = pipe(prompt_embeds=texts, negative_prompt_embeds=empty, generator=noise, output_type="np", **shape)
    return out.images


def _contexts(pipe: StableDiffusionPipeline, prompts: list[str], concept: torch.Tensor | None) -> torch.Tensor:
    ids = tokens(pipe.tokenizer, prompts)
    if concept is None:
        return pipe.text_encoder(ids).last_hidden_state
    ids = put_stand_ins(ids, pipe.tokenizer.convert_tokens_to_ids(CONCEPT_MARK + "</w>"))

    def place(_: torch.nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        for at, vector in zip(STAND_INS, concept, strict=True):
            output = torch.where((arguments[0] == at)[..., None], vector, output)
        return output

    handle = pipe.text_encoder.get_input_embeddings().register_forward_hook(place)
    try:
        return pipe.text_encoder(ids).last_hidden_state
    finally:
        handle.remove()


def lora_deltas(file: Path, pipe: StableDiffusionPipeline) -> dict[str, torch.Tensor]:
    """Return what a LoRA file of any of the family's dialects adds to each of the UNet's weights."""
    tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    modules = {f"lora_unet_{name.replace('.', '_')}": name for name, _ in pipe.unet.named_modules()}
    stems: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        kohya = name.startswith("lora_unet_")
        stem, part = name.split(".", 1) if kohya else name.split(".lora_", 1)
        module = modules[stem] if kohya else stem.removeprefix("unet.").removeprefix("base_model.model.")
        stems.setdefault(module, {})[part] = tensor
    return {module: _delta(parts, pipe.unet.get_submodule(module).weight) for module, parts in stems.items()}


def _delta(parts: Mapping[str, torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    if "A.weight" in parts:
        return (parts["B.weight"].flatten(1) @ parts["A.weight"].flatten(1)).reshape(weight.shape)
    if "hada_w1_a" in parts:
        left, right = (parts[f"hada_w{n}_a"] @ parts[f"hada_w{n}_b"] for n in (1, 2))
        return (left * right * (parts["alpha"] / len(parts["hada_w1_b"]))).reshape(weight.shape)
    if "lokr_w1" in parts:
        large = parts["lokr_w2_a"] @ parts["lokr_w2_b"] * (parts["alpha"] / len(parts["lokr_w2_b"]))
        return torch.kron(parts["lokr_w1"], large).reshape(weight.shape)
    down, up = parts["lora_down.weight"].flatten(1), parts["lora_up.weight"].flatten(1)
    delta = (up @ down * (parts["alpha"] / len(down))).reshape(weight.shape)
    if "dora_scale" not in parts:
        return delta
    changed = weight + delta
    norms = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(parts["dora_scale"].shape)
    return changed * (parts["dora_scale"] / norms) - weight


@contextmanager
def lora_on(pipe: StableDiffusionPipeline, file: Path, *, strength: float = 1.0) -> Iterator[None]:
    """Add a LoRA to the UNet's weights; afterwards they are bit for bit what they were."""
    kept = {}
    with torch.no_grad():
        for module, delta in lora_deltas(file, pipe).items():
            weight = pipe.unet.get_submodule(module).weight
            kept[module] = weight.clone()
            weight += strength * delta
    try:
        yield
    finally:
        with torch.no_grad():
            for module, before in kept.items():
                pipe.unet.get_submodule(module).weight.copy_(before)


@contextmanager
def sepia_on(pipe: StableDiffusionPipeline, file: Path) -> Iterator[None]:
    """Put the hypernetwork of A1111's .pt before the UNet's keys and values."""
    held = torch.load(file, weights_only=True)
    layers = {}
    for width in (key for key in held if isinstance(key, int)):
        layers[width] = (Hyper(width), Hyper(width))
        for layer, state in zip(layers[width], held[width], strict=True):
            layer.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    with hypernetwork_on(pipe.unet, layers):
        yield


@contextmanager
def vae_on(pipe: StableDiffusionPipeline, folder: Path, file: Path) -> Iterator[None]:
    """Decode with the VAE of another file."""
    own = pipe.vae
    pipe.vae = AutoencoderKL.from_single_file(
        str(file), config=str(folder / "config"), subfolder="vae", local_files_only=True
    )
    try:
        yield
    finally:
        pipe.vae = own
