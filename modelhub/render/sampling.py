"""The computations of a test: noise to latents, latents to a picture, and measurements of the networks."""

from __future__ import annotations

import math
import warnings
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image, ImageDraw

from modelhub.render.loading.bases import Base
from modelhub.render.loading.networks import has_encoder
from modelhub.render.prompts import Context, encode_prompt
from modelhub.render.recipes import Recipe

# Sampler → diffusers' scheduler and its options.
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "dpm++-2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": False}),
}
_NO_RESCALE = ("DPMSolverMultistepScheduler",)
_TEXT = {False: "StableDiffusionPipeline", True: "StableDiffusionXLPipeline"}
# Kind of base → pipeline without and with SDXL's second encoder.
PIPELINES: dict[str, dict[bool, str]] = {
    "text": _TEXT,
    "inpainting": {False: "StableDiffusionInpaintPipeline", True: "StableDiffusionXLInpaintPipeline"},
    "instruct-pix2pix": {
        False: "StableDiffusionInstructPix2PixPipeline",
        True: "StableDiffusionXLInstructPix2PixPipeline",
    },
    "depth": {False: "StableDiffusionDepth2ImgPipeline"},
    "refiner": {True: "StableDiffusionXLImg2ImgPipeline"},
}
PROBE_TIME = 500  # of 1000: the latents are half noise
PROBE_SIDE = 16  # latents: a part of the picture is enough to measure a network
FIRST_TIME = 999  # nothing but noise


def make_scheduler(base: Base, name: str) -> Any:
    """Return SD's noise schedule for a sampler."""
    kind, options = SCHEDULERS[name]
    prediction = "v_prediction" if base.prediction == "v" else "epsilon"
    rescaled = {"rescale_betas_zero_snr": True} if base.zero_snr and kind not in _NO_RESCALE else {}
    return getattr(diffusers, kind)(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        steps_offset=1,
        timestep_spacing="trailing" if rescaled else "leading",
        prediction_type=prediction,
        **options,
        **rescaled,
    )


@torch.no_grad()
def render(base: Base, recipe: Recipe, prompt_context: Context, negative_context: Context) -> torch.Tensor:
    """Render latents (1, channels, size / 8, size / 8; float32, on the CPU) through the pipeline of the base's kind."""
    assert recipe.size is not None
    pipe = _pipeline(base, recipe)
    noise = torch.Generator().manual_seed(recipe.seed)
    pooled = {}
    if prompt_context.pooled is not None and negative_context.pooled is not None:
        pooled = {
            "pooled_prompt_embeds": prompt_context.pooled,
            "negative_pooled_prompt_embeds": negative_context.pooled,
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = pipe(
            prompt_embeds=prompt_context.hidden,
            negative_prompt_embeds=negative_context.hidden,
            guidance_scale=recipe.guidance,
            generator=noise,
            output_type="latent",
            **pooled,
            **_inputs(base, recipe),
        )
    return torch.as_tensor(out.images).float().cpu()


def _pipeline(base: Base, recipe: Recipe) -> Any:
    larger = base.unet.config.addition_embed_type is not None
    rows = PIPELINES[base.kind]
    pipe = getattr(diffusers, rows.get(larger) or rows[not larger])
    parts: dict[str, Any] = {"text_encoder": None, "tokenizer": None}
    if larger:
        # Prompts are encoded beforehand; these flags only fill the size conditions.
        parts |= {"text_encoder_2": None, "tokenizer_2": None, "add_watermarker": False}
        if base.kind in ("refiner", "inpainting"):
            parts["requires_aesthetics_score"] = base.kind == "refiner"
    elif base.kind == "depth":
        parts |= {"depth_estimator": None, "feature_extractor": None}
    else:
        parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    made = pipe(unet=base.unet, vae=base.vae, scheduler=make_scheduler(base, recipe.sampler), **parts)
    made.set_progress_bar_config(disable=True)
    return made


def _inputs(base: Base, recipe: Recipe) -> dict[str, Any]:
    """Return the arguments that the pipeline of each kind needs besides the prompt."""
    size, steps = recipe.size or 0, recipe.steps or 1
    square = {"height": size, "width": size, "num_inference_steps": steps}
    picture = sample_picture(size)
    if base.kind == "text":
        return square
    if base.kind == "inpainting":
        return {**square, "image": picture, "mask_image": _mask(size), "strength": 1.0}
    if base.kind == "depth":
        return {
            "image": picture,
            "depth_map": torch.linspace(0, 1, size).expand(1, size, size).clone(),
            "strength": 1.0,
            "num_inference_steps": steps,
        }
    if base.kind == "refiner":
        # the refiner does only the second half of the steps
        return {"image": picture, "strength": 0.5, "num_inference_steps": 2 * steps}
    # SDXL's takes the UNet's own side where none is given, SD1's the picture's
    sides = square if base.unet.config.addition_embed_type else {}
    return {**sides, "image": picture, "num_inference_steps": steps}


def sample_picture(size: int) -> Image.Image:
    """Draw shapes in plain colors: for pipelines that start from a picture, and as a VAE's test image."""
    made = Image.new("RGB", (size, size), (235, 235, 235))
    draw = ImageDraw.Draw(made)

    def at(*shares: float) -> list[float]:
        return [share * size for share in shares]

    draw.ellipse(at(0.08, 0.10, 0.50, 0.52), fill=(200, 40, 40))
    draw.ellipse(at(0.60, 0.10, 0.90, 0.40), fill=(240, 200, 50))
    draw.rectangle(at(0.55, 0.50, 0.92, 0.90), fill=(40, 70, 190))
    draw.polygon(at(0.30, 0.60, 0.10, 0.95, 0.50, 0.95), fill=(40, 150, 60))
    return made


def _mask(size: int) -> Image.Image:
    made = Image.new("L", (size, size))
    ImageDraw.Draw(made).rectangle((size // 4, size // 4, 3 * size // 4, 3 * size // 4), fill=255)
    return made


@torch.no_grad()
def decode(vae: Any, latents: torch.Tensor) -> np.ndarray[Any, Any]:
    """Decode latents into a raw picture (height, width, 3; float32, mostly within ±1)."""
    weight = vae.decoder.conv_in.weight
    scaled = latents / vae.config.scaling_factor + (vae.config.shift_factor or 0.0)
    out = vae.decode(scaled.to(weight.device, weight.dtype), return_dict=False)[0]
    return np.asarray(out[0].float().cpu().permute(1, 2, 0).numpy())


@torch.no_grad()
def encode(vae: Any, raw: np.ndarray[Any, Any]) -> torch.Tensor:
    """Encode a picture (height, width, 3; within ±1) into latents (float32, on the CPU)."""
    weight = vae.encoder.conv_in.weight
    picture = torch.from_numpy(np.ascontiguousarray(raw)).permute(2, 0, 1)[None]
    mean = vae.encode(picture.to(weight.device, weight.dtype)).latent_dist.mode()
    return (torch.as_tensor(mean).float().cpu() - (vae.config.shift_factor or 0.0)) * float(vae.config.scaling_factor)


def measure_reconstruction(vae: Any) -> float | None:
    """Measure how well the VAE reconstructs a drawn image of 128 pixels: R², 1 is perfect, 0 no better than its mean.

    None when the VAE came without an encoder, or overflows in half precision: a render needs only the decoder. The
    image is drawn, not rendered: latents of few steps are not pictures yet.
    """
    if not has_encoder(vae):
        return None
    scene = np.asarray(sample_picture(128), dtype=np.float32) / 127.5 - 1
    again = decode(vae, encode(vae, scene))
    if not np.isfinite(again).all():
        return None if vae.dtype == torch.float16 else 0.0
    error = float(np.square(np.clip(again, -3, 3) - scene).mean())
    return 1 - error / float(scene.var(axis=(0, 1)).mean())


def to_pixels(raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a raw decode as 8-bit pixels; NaN becomes black."""
    finite = np.nan_to_num(raw, nan=-1.0, posinf=1.0, neginf=-1.0)
    return np.asarray(((np.clip(finite, -1, 1) + 1) * 127.5).round().astype(np.uint8))


@torch.no_grad()
def predict(base: Base, noisy: torch.Tensor, time: int, prompt_context: Context) -> torch.Tensor:
    """Return the UNet's prediction for noisy latents at a time step (float32, on the CPU)."""
    weight = base.unet.conv_in.weight
    extra = base.unet.config.in_channels - noisy.shape[1]
    if extra:
        # The mask covers the whole picture, and nothing is known of it; for the other kinds zeros are neutral.
        beside = torch.zeros(1, extra, *noisy.shape[2:])
        if base.kind == "inpainting":
            beside[:, 0] = 1.0
        noisy = torch.cat([noisy, beside], dim=1)
    added = None
    if prompt_context.pooled is not None:
        side = 8 * noisy.shape[-1]
        sizes = [side, side, 0, 0, 6.0] if base.kind == "refiner" else [side, side, 0, 0, side, side]
        added = {
            "text_embeds": prompt_context.pooled.to(weight.device, weight.dtype),
            "time_ids": torch.tensor([sizes], device=weight.device, dtype=weight.dtype),
        }
    out = base.unet(
        noisy.to(weight.device, weight.dtype),
        time,
        prompt_context.hidden.to(weight.device, weight.dtype),
        added_cond_kwargs=added,
        return_dict=False,
    )[0]
    return torch.as_tensor(out).float().cpu()


def picture_share(base: Base, time: int) -> float:
    """Return how much of the picture is left at a time step of SD's schedule: √ᾱ."""
    return math.sqrt(float(make_scheduler(base, "ddim").alphas_cumprod[time]))


def measure_noise_prediction(
    base: Base, latents: torch.Tensor, prompt_context: Context, *, seed: int = 0
) -> dict[str, float]:
    """Measure how well the UNet predicts noise that is added to `latents`: correlations, 1 is perfect, 0 is chance.

    By prediction type ("epsilon", "v"); only the right one is high, and both are near 0 when weights are zeroed,
    shuffled or untrained.
    """
    clean = latents[..., :PROBE_SIDE, :PROBE_SIDE] / max(float(latents.std()), 1e-6)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    kept = picture_share(base, PROBE_TIME)
    lost = math.sqrt(1 - kept * kept)
    out = predict(base, kept * clean + lost * noise, PROBE_TIME, prompt_context)
    return {"epsilon": correlation(out, noise), "v": correlation(out, kept * noise - lost * clean)}


def detect_prediction(base: Base, recipe: Recipe) -> str:
    """Return "epsilon" or "v": given pure noise, an epsilon model predicts that very noise, a v model does not."""
    side = min((recipe.size or 64) // 8, PROBE_SIDE)
    noise = torch.randn(1, base.unet.config.out_channels, side, side, generator=torch.Generator().manual_seed(0))
    out = predict(base, noise, FIRST_TIME, encode_prompt(base, ""))
    return "epsilon" if correlation(out, noise) > 0.5 else "v"


def correlation(one: Any, other: Any) -> float:
    """Return Pearson's correlation of all values; 0 where one side is constant or not finite."""
    first, second = (torch.as_tensor(part).double().flatten() for part in (one, other))
    first, second = first - first.mean(), second - second.mean()
    size = float(first.norm() * second.norm())
    return float(first @ second) / size if math.isfinite(size) and size > 1e-12 else 0.0
