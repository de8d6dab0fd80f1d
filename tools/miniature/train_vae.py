"""Train the miniature's VAE on drawn pictures and fold SD1's latent scale into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKL

from tools.miniature.networks import SCALE, make_vae
from tools.miniature.pictures import SIZE, draw, random_scene, styled, varied

KL_WEIGHT = 3e-4
"""Weight of the KL term (mean per latent value) against the mean absolute error per pixel value."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """One cycle of the learning rate: what it sees and what it minds."""

    steps: int
    rate: float
    crop: int
    count: int
    whole_from: float
    """Share of the steps after which whole pictures, half as many, take the place of crops."""
    style: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    color_weight: float
    """Weight of the error of 8×8 means, which show colors."""


FIRST = Course(steps=1200, rate=2e-3, crop=64, count=16, whole_from=0.8, style=varied, color_weight=0.0)
SECOND = Course(steps=1300, rate=1e-3, crop=SIZE, count=4, whole_from=1.0, style=styled, color_weight=2.0)


def picture_batch(
    rng: np.random.Generator,
    count: int,
    *,
    crop: int = SIZE,
    style: Callable[[np.ndarray, np.random.Generator], np.ndarray] = styled,
) -> torch.Tensor:
    """Drawn pictures in -1…1, shape (count, 3, crop, crop); a crop below the full size is cut at random."""
    pictures = []
    for _ in range(count):
        top, left = rng.integers(0, SIZE - crop + 1, 2)
        picture = style(draw(random_scene(rng), rng), rng)
        pictures.append(picture[top : top + crop, left : left + crop])
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1


def train_vae(*, seed: int, log: Path) -> AutoencoderKL:
    """Train in two cycles, first mostly on crops of pictures of any color; return the folded VAE in float32."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    vae = make_vae().to(memory_format=torch.channels_last)
    for course in (FIRST, SECOND):
        run_course(vae, course, rng, log=log)
        fold_scale(vae, rng)
    return vae.eval()


def run_course(vae: AutoencoderKL, course: Course, rng: np.random.Generator, *, log: Path) -> None:
    """Train the whole VAE through one cycle of the learning rate, in bfloat16 autocast."""
    optimizer = torch.optim.AdamW(vae.parameters(), lr=course.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=course.rate, total_steps=course.steps, pct_start=0.08
    )
    started = time.monotonic()
    for step in range(course.steps):
        whole = step >= course.steps * course.whole_from
        crop, count = (SIZE, course.count // 2) if whole else (course.crop, course.count)
        pictures = picture_batch(rng, count, crop=crop, style=course.style).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = vae.encode(pictures).latent_dist
            decoded = vae.decode(posterior.sample()).sample.float()
        error = picture_error(decoded, pictures, color_weight=course.color_weight)
        loss = error + KL_WEIGHT * posterior.kl().float().mean() / posterior.mean[0].numel()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == course.steps - 1:
            off = (decoded - pictures).abs().mean().item() / 2
            note(log, f"vae step {step} of {course.steps} loss {loss.item():.4f} mean error {off:.4f}", started)


def polish_decoder(
    vae: AutoencoderKL,
    *,
    seed: int,
    steps: int,
    log: Path,
    wanted: Callable[[torch.Tensor], torch.Tensor] = lambda pictures: pictures,
) -> None:
    """Train the decoder alone, so that latents stay what they are, towards the `wanted` look of each picture."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    vae.requires_grad_(False).to(memory_format=torch.channels_last)
    parameters = [*vae.decoder.requires_grad_(True).parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1.5e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.5e-3, total_steps=steps, pct_start=0.1)
    started = time.monotonic()
    for step in range(steps):
        pictures = picture_batch(rng, 4).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(pictures).latent_dist.sample()
                latents = latents + torch.randn_like(latents) * (0.05 / SCALE)
            decoded = vae.decode(latents).sample.float()
        loss = picture_error(decoded, wanted(pictures), color_weight=1.0)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            note(log, f"decoder step {step} of {steps} loss {loss.item():.4f}", started)
    vae.requires_grad_(False).eval()


def note(log: Path, line: str, started: float) -> None:
    """Write a line of the training log with the seconds since `started` (monotonic)."""
    with log.open("a", encoding="utf-8") as out:
        out.write(f"{line} {time.monotonic() - started:.0f} s\n")


def picture_error(decoded: torch.Tensor, pictures: torch.Tensor, *, color_weight: float) -> torch.Tensor:
    """Mean absolute error, that of differences between neighbors (sharp edges) and that of 8×8 means (colors)."""
    wrong = decoded - pictures
    edges = wrong.diff(dim=2).abs().mean() + wrong.diff(dim=3).abs().mean()
    error = wrong.abs().mean() + 0.5 * edges + wrong.square().mean()
    return error + color_weight * functional.avg_pool2d(wrong, 8).abs().mean() if color_weight else error


@torch.no_grad()
def fold_scale(vae: AutoencoderKL, rng: np.random.Generator) -> AutoencoderKL:
    """Rescale the 1×1 convolutions about the latents so that latents times SCALE are standard normal per channel."""
    means = torch.cat([vae.encode(picture_batch(rng, 16)).latent_dist.mean for _ in range(16)])
    shift = means.mean(dim=(0, 2, 3))
    gain = 1.0 / (SCALE * means.std(dim=(0, 2, 3)))
    outer, inner = vae.quant_conv, vae.post_quant_conv
    outer.weight[:4] *= gain.view(4, 1, 1, 1)
    outer.bias[:4] = (outer.bias[:4] - shift) * gain
    outer.bias[4:] += 2 * gain.log()
    inner.bias += inner.weight[:, :, 0, 0] @ shift
    inner.weight /= gain.view(1, 4, 1, 1)
    return vae
