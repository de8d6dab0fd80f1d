"""Train the miniature's UNet on the latents of drawn pictures and the text encoder's output for their captions."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from tools.miniature.networks import SCALE, make_scheduler, make_tokenizer, make_unet
from tools.miniature.pictures import SIZE, Scene, caption, draw, random_scene, random_wording
from tools.miniature.train_vae import note

WORDLESS = 0.1
"""Share of pictures trained with an empty caption, for classifier-free guidance."""
FILLED = 0.2
"""Share of captions with one to three unknown tokens before them, so that foreign words do no harm."""
SNR_CEILING = 5.0
"""Min-SNR weighting (Hang et al. 2023, arXiv 2303.09556)."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One cycle of the learning rate at one size of pictures."""

    size: int
    """Edge in pixels."""
    steps: int
    batch: int
    rate: float
    lateness: float = 1.0
    """Exponent of the uniform number that times are drawn with: below 1 the noisy ones, which set colors, are more."""


PHASES = (
    Phase(size=64, steps=1100, batch=32, rate=2e-3),
    Phase(size=64, steps=700, batch=32, rate=2e-3),
    Phase(size=128, steps=900, batch=16, rate=1.5e-3),
    Phase(size=128, steps=800, batch=16, rate=1.2e-3, lateness=0.5),
)
"""Shapes and words are learnt on small pictures, where attention costs a sixteenth, then at the native size."""


@dataclass(frozen=True, kw_only=True)
class Latents:
    """Encoded pictures: posterior mean and deviation, already times SCALE, and what each shows."""

    mean: torch.Tensor
    deviation: torch.Tensor
    scenes: Sequence[Scene]

    def sample(self, at: torch.Tensor) -> torch.Tensor:
        """Return latents of the pictures numbered `at`, shape (n, 4, size / 8, size / 8)."""
        return self.mean[at] + self.deviation[at] * torch.randn_like(self.mean[at])


@torch.no_grad()
def encode_scenes(
    vae: AutoencoderKL,
    scenes: Sequence[Scene],
    rng: np.random.Generator,
    *,
    size: int = SIZE,
    style: Callable[[np.ndarray], np.ndarray] = lambda picture: picture,
) -> Latents:
    """Draw each scene once, in a style, and encode it."""
    means, deviations = [], []
    for start in range(0, len(scenes), 32):
        drawn = np.stack([style(draw(scene, rng, size=size)) for scene in scenes[start : start + 32]])
        pictures = torch.from_numpy(drawn).permute(0, 3, 1, 2) * 2 - 1
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = vae.encode(pictures.to(memory_format=torch.channels_last)).latent_dist
        means.append(posterior.mean.float() * SCALE)
        deviations.append(posterior.std.float() * SCALE)
    return Latents(mean=torch.cat(means), deviation=torch.cat(deviations), scenes=scenes)


def tokens(tokenizer: CLIPTokenizer, texts: Sequence[str], rng: np.random.Generator | None = None) -> torch.Tensor:
    """Token ids of shape (n, 77); with `rng`, some texts get unknown tokens in front."""
    ids = tokenizer(list(texts), padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    if rng is None:
        return ids
    for row in range(len(texts)):
        if rng.random() < FILLED:
            count = int(rng.integers(1, 4))
            filler = torch.from_numpy(rng.integers(0, 49406, count))
            ids[row] = torch.cat([ids[row, :1], filler, ids[row, 1 : 77 - count]])
    return ids


@contextmanager
def whole_attention() -> Iterator[None]:
    """Keep attention in float32 inside bfloat16 autocast: with six-wide heads bfloat16 is twice as slow on a CPU."""
    plain = functional.scaled_dot_product_attention

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: object) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return plain(query.float(), key.float(), value.float(), **options)

    functional.scaled_dot_product_attention = attend
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = plain


def noise_loss(
    unet: UNet2DConditionModel, latents: torch.Tensor, context: torch.Tensor, *, lateness: float = 1.0
) -> torch.Tensor:
    """Weighted squared error of the predicted noise at random times."""
    scheduler = make_scheduler()
    noise = torch.randn_like(latents)
    times = (torch.rand(len(latents)) ** lateness * 1000).long().clamp(max=999)
    noisy = scheduler.add_noise(latents, noise, times)
    predicted = unet(noisy.contiguous(memory_format=torch.channels_last), times, context).sample.float()
    kept = scheduler.alphas_cumprod[times]
    snr = kept / (1 - kept)
    weight = snr.clamp(max=SNR_CEILING) / snr
    return (functional.mse_loss(predicted, noise, reduction="none").mean(dim=(1, 2, 3)) * weight).mean()


class Average:
    """Exponential moving average of a network's parameters."""

    def __init__(self, live: UNet2DConditionModel, *, decay: float) -> None:
        self.live = live
        self.kept = copy.deepcopy(live).requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take one step towards the live parameters; fast at first."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.kept.parameters()), list(self.live.parameters()), 1 - decay)


def train_base(vae: AutoencoderKL, text: CLIPTextModel, *, seed: int, pictures: int, log: Path) -> UNet2DConditionModel:
    """Train through all phases on `pictures` encoded scenes each; returns the averaged float32 UNet."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    unet = make_unet().to(memory_format=torch.channels_last).train()
    average = Average(unet, decay=0.998)
    for phase in PHASES:
        started = time.monotonic()
        data = encode_scenes(vae, [random_scene(rng) for _ in range(pictures)], rng, size=phase.size)
        note(log, f"base encoded {pictures} pictures of {phase.size} px, std {data.mean.std().item():.3f}", started)
        run_phase(phase, data, text, rng, average=average, log=log)
    return average.kept.eval()


def run_phase(
    phase: Phase, data: Latents, text: CLIPTextModel, rng: np.random.Generator, *, average: Average, log: Path
) -> None:
    """Train the live UNet of an average through one phase; the text encoder stays as it is."""
    unet, tokenizer = average.live, make_tokenizer()
    text.requires_grad_(False).eval()
    parameters = list(unet.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=phase.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=phase.rate, total_steps=phase.steps, pct_start=0.05, final_div_factor=100
    )
    started, running = time.monotonic(), 1.0
    for step in range(phase.steps):
        at = torch.from_numpy(rng.integers(0, len(data.scenes), phase.batch))
        texts = ["" if rng.random() < WORDLESS else caption(data.scenes[i], random_wording(rng)) for i in at]
        with whole_attention(), torch.autocast("cpu", dtype=torch.bfloat16):
            context = text(tokens(tokenizer, texts, rng)).last_hidden_state
            loss = noise_loss(unet, data.sample(at), context, lateness=phase.lateness)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        average.update()
        running += (loss.item() - running) * max(0.02, 1 / (step + 1))
        if step % 50 == 0 or step == phase.steps - 1:
            note(log, f"base {phase.size} px step {step} of {phase.steps} loss {running:.4f}", started)
        if step % 250 == 249:
            torch.save(average.kept.state_dict(), log.with_suffix(".snapshot.pt"))
