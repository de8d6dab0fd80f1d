"""A tester: one base loaded on one device, and what every test measures with it."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from modelhub.render import allocator, devices, sampling
from modelhub.render.judge import Array, Judgement, picture_metrics
from modelhub.render.loading.bases import Base, load_base
from modelhub.render.loading.vaes import load_vae
from modelhub.render.messages import Job, Part
from modelhub.render.prompts import Context, encode_prompt
from modelhub.render.recipes import Recipe, settle
from modelhub.render.thresholds import LIMITS

ReportStage = Callable[[str, bool], None]
_KEPT_BASELINES = 8


@dataclass
class Render:
    """One picture: its latents (1, channels, height / 8, width / 8; float32, on the CPU), its raw decode (height,
    width, 3), and its metrics.
    """

    latents: torch.Tensor
    raw: Array
    metrics: dict[str, float]

    @property
    def digest(self) -> str:
        """A digest of the latents' bits: equal for renders that agree to the last bit."""
        return hashlib.sha256(self.latents.contiguous().numpy().tobytes()).hexdigest()[:16]


@dataclass
class LoadedBase:
    """A base on the tester's device, with its own pictures by prompt and recipe."""

    part: Part
    exact: bool
    base: Base
    dtype: str
    load_seconds: float
    requested_dtype: str = ""
    baselines: dict[tuple[str, Recipe], tuple[Render, Context]] = field(default_factory=dict)

    def matches(self, job: Job) -> bool:
        """Return whether this is the job's base, in a data type that is exact enough."""
        return self.part.path == job.base.path and self.requested_dtype == job.dtype and (self.exact or not job.exact)


@dataclass
class Outcome:
    """The result of a test: the verdict, the metrics to store, pictures by kind, and the recipe that was followed."""

    judgement: Judgement
    recipe: Recipe
    metrics: dict[str, Any]
    pictures: dict[str, Array] = field(default_factory=dict)
    prompt: str = ""


class Tester:
    """One device with at most one loaded base.

    `report_stage(text, about_base)` is called when a step begins; `about_base` is true when a failure of that step
    would be the base's.
    """

    def __init__(self, device: str, report_stage: ReportStage) -> None:
        self.device = device
        self.report_stage = report_stage
        self._loaded: LoadedBase | None = None

    def load(self, job: Job) -> LoadedBase:
        """Load the job's base, or return it if it is loaded already. Raise RenderProblem and ModelhubError."""
        loaded = self._loaded
        if loaded is not None and loaded.matches(job):
            return loaded
        self.unload()
        self.report_stage(f"loading {job.base.name}", True)
        started = time.monotonic()
        dtype = devices.choose_dtype(self.device, Path(job.base.path), exact=job.exact, requested=job.dtype)
        base = load_base(job.base, dtype=dtype, fallback_vaes=job.fallback_vaes).to(self.device)
        name = str(dtype).removeprefix("torch.")
        self._loaded = LoadedBase(job.base, job.exact, base, name, time.monotonic() - started, job.dtype)
        return self._loaded

    def unload(self) -> None:
        """Release the base and its memory."""
        self._loaded = None
        gc.collect()
        devices.empty_cache(self.device)
        allocator.release_freed()

    def settle_recipe(self, job: Job, loaded: LoadedBase) -> Recipe:
        """Return the job's recipe with every open field decided."""
        return settle(
            job.recipe,
            architecture=loaded.base.architecture,
            device=self.device,
            parameters=loaded.base.parameters,
            native_size=job.base.native_size,
        )

    def baseline(self, job: Job, loaded: LoadedBase, recipe: Recipe, prompt: str) -> tuple[Render, Context]:
        """Return the base's own picture for a prompt, with the encoded prompt; rendered once for each prompt."""
        key = (prompt, replace(recipe, prompt=prompt))
        if key not in loaded.baselines:
            if len(loaded.baselines) > _KEPT_BASELINES:
                loaded.baselines.pop(next(iter(loaded.baselines)))
            self.report_stage(f"rendering {job.base.name} alone", True)
            if loaded.base.prediction is None and loaded.base.kind == "text":
                loaded.base.prediction = sampling.detect_prediction(loaded.base, recipe)
            prompt_context = encode_prompt(loaded.base, prompt)
            loaded.baselines[key] = (self.render(loaded, recipe, prompt_context), prompt_context)
        return loaded.baselines[key]

    def render(self, loaded: LoadedBase, recipe: Recipe, prompt_context: Context) -> Render:
        """Render latents and decode them; the metrics have the seconds of both."""
        negative_context = encode_prompt(loaded.base, recipe.negative_prompt)
        started = time.monotonic()
        latents = sampling.render(loaded.base, recipe, prompt_context, negative_context)
        devices.synchronize(self.device)
        rendered = time.monotonic()
        render = self.decode(loaded.base.vae, latents)
        render.metrics |= {
            "step_seconds": (rendered - started) / max(recipe.steps or 1, 1),
            "decode_seconds": time.monotonic() - rendered,
        }
        return render

    def decode(self, vae: Any, latents: torch.Tensor) -> Render:
        """Decode latents, once more in fp32 where the VAE overflows in half precision."""
        raw = sampling.decode(vae, latents)
        metrics = latent_metrics(latents) | picture_metrics(raw)
        if metrics["latents_finite"] == 1.0 and metrics["finite"] < 1.0 and vae.dtype != torch.float32:
            dtype = vae.dtype
            vae.to(torch.float32)
            in_fp32 = sampling.decode(vae, latents)
            vae.to(dtype)
            if picture_metrics(in_fp32)["finite"] == 1.0:
                raw = in_fp32
                metrics |= picture_metrics(raw) | {"fp32_vae": 1.0}
        return Render(latents, raw, metrics)

    def measure_unet(self, base: Base, render: Render, prompt_context: Context) -> dict[str, Any]:
        """Measure how well the UNet predicts noise; empty where the latents are not finite."""
        if render.metrics["latents_finite"] < 1.0:
            return {}
        found = sampling.measure_noise_prediction(base, render.latents, prompt_context)
        best = max(found, key=lambda name: found[name])
        metrics: dict[str, Any] = {"finds_noise": found[best]}
        if found[best] >= LIMITS.finds_noise:
            metrics["prediction"] = best
        return metrics

    def load_vae(self, part: Part, loaded: LoadedBase) -> Any:
        """Load another VAE beside the base's, on the same device and in the same data type. Raise RenderProblem."""
        weight = loaded.base.vae.decoder.conv_in.weight
        return load_vae(part, architecture=loaded.base.architecture, dtype=weight.dtype).to(weight.device)


def latent_metrics(latents: torch.Tensor) -> dict[str, float]:
    """Return the finite share, standard deviation and mean of latents."""
    finite = torch.isfinite(latents).float().mean().item()
    return {"latents_finite": finite, "latents_std": latents.std().item(), "latents_mean": latents.mean().item()}


def vae_metrics(vae: Any) -> dict[str, float]:
    """Return how well a VAE reconstructs a test image; empty where that cannot be measured."""
    found = sampling.measure_reconstruction(vae)
    return {} if found is None else {"redraws": found}
