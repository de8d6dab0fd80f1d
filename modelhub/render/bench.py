"""The test bench: keeps one base loaded and puts on it what is to be tested, one job at a time."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from modelhub.render import allocator, devices, sampling
from modelhub.render.judge import LIMITS, Array, Judgement, judge_base, judge_picture, picture_numbers
from modelhub.render.loading.bases import Base, load_base
from modelhub.render.loading.diffusers_folders import has_unet
from modelhub.render.loading.vaes import load_vae
from modelhub.render.messages import Job, Part
from modelhub.render.problems import RenderProblem
from modelhub.render.recipes import SMALL, Recipe, settled
from modelhub.render.text import Context, context
from modelhub.render.verdicts import RenderVerdict

Say = Callable[[str, bool], None]


@dataclass
class Shot:
    """One picture: its latents (float32, CPU), raw decode, and numbers."""

    latents: torch.Tensor
    raw: Array
    numbers: dict[str, float]

    @property
    def digest(self) -> str:
        """Of the latents' bits: equal for renders that are the same to the last bit."""
        return hashlib.sha256(self.latents.contiguous().numpy().tobytes()).hexdigest()[:16]


@dataclass
class Loaded:
    """A base on the bench, with the pictures it made by itself, by prompt."""

    part: Part
    exact: bool
    base: Base
    dtype: str
    load_seconds: float
    asked: str = ""
    shots: dict[tuple[str, Recipe], tuple[Shot, Context]] = field(default_factory=dict)

    def serves(self, job: Job) -> bool:
        """Whether it is the job's base, in a data type that is good enough."""
        return self.part.path == job.base.path and self.asked == job.dtype and (self.exact or not job.exact)


@dataclass
class Outcome:
    """What a job found: the verdict, numbers to store, pictures by kind, and the recipe that was followed."""

    judgement: Judgement
    recipe: Recipe
    numbers: dict[str, Any]
    pictures: dict[str, Array] = field(default_factory=dict)
    prompt: str = ""


class Bench:
    """`say(text, about_base)` is told what begins."""

    def __init__(self, device: str, say: Say) -> None:
        self.device = device
        self.say = say
        self._loaded: Loaded | None = None

    def loaded(self, job: Job) -> Loaded:
        """The job's base; the one that is loaded already when it is the same. Raises RenderProblem."""
        held = self._loaded
        if held is not None and held.serves(job):
            return held
        self.drop()
        self.say(f"loading {job.base.name}", True)
        started = time.monotonic()
        dtype = devices.dtype_for(self.device, Path(job.base.path), exact=job.exact, wanted=job.dtype)
        base = load_base(job.base, dtype=dtype, spares=job.rescues).to(self.device)
        name = str(dtype).removeprefix("torch.")
        self._loaded = Loaded(job.base, job.exact, base, name, time.monotonic() - started, job.dtype)
        return self._loaded

    def drop(self) -> None:
        """Let go of the base."""
        self._loaded = None
        gc.collect()
        devices.empty_cache(self.device)
        allocator.give_back()

    def recipe(self, job: Job, held: Loaded) -> Recipe:
        """The job's recipe with every open field decided."""
        return settled(
            job.recipe,
            architecture=held.base.architecture,
            device=self.device,
            parameters=held.base.parameters,
            native=job.base.native,
        )

    def plain(self, job: Job, held: Loaded, recipe: Recipe, prompt: str) -> tuple[Shot, Context]:
        """The base's own picture for a prompt; made once."""
        key = (prompt, replace(recipe, prompt=prompt))
        if key not in held.shots:
            if len(held.shots) > 8:
                held.shots.pop(next(iter(held.shots)))
            self.say(f"rendering {job.base.name} alone", True)
            if held.base.prediction is None and held.base.kind == "text":
                held.base.prediction = sampling.find_prediction(held.base, recipe)
            told = context(held.base, prompt)
            held.shots[key] = (self.shoot(held, recipe, told), told)
        return held.shots[key]

    def shoot(self, held: Loaded, recipe: Recipe, told: Context) -> Shot:
        """Render and decode."""
        untold = context(held.base, recipe.negative_prompt)
        started = time.monotonic()
        latents = sampling.render(held.base, recipe, told, untold)
        devices.synchronize(self.device)
        rendered = time.monotonic()
        shot = self.develop(held.base.vae, latents)
        shot.numbers |= {
            "step_seconds": (rendered - started) / max(recipe.steps or 1, 1),
            "decode_seconds": time.monotonic() - rendered,
        }
        return shot

    def develop(self, vae: Any, latents: torch.Tensor) -> Shot:
        """Decode latents; where the VAE overflows at half precision, once more in fp32."""
        raw = sampling.decode(vae, latents)
        numbers = latent_numbers(latents) | picture_numbers(raw)
        if numbers["latents_finite"] == 1.0 and numbers["finite"] < 1.0 and vae.dtype != torch.float32:
            kind = vae.dtype
            vae.to(torch.float32)
            exact = sampling.decode(vae, latents)
            vae.to(kind)
            if picture_numbers(exact)["finite"] == 1.0:
                raw = exact
                numbers |= picture_numbers(raw) | {"fp32_vae": 1.0}
        return Shot(latents, raw, numbers)

    def test_base(self, job: Job) -> Outcome:
        """A base: text to picture."""
        path = Path(job.base.path)
        if not has_unet(path):
            return self._test_transformer(job, path)
        held = self.loaded(job)
        recipe = self.recipe(job, held)
        shot, told = self.plain(job, held, recipe, recipe.prompt)
        numbers = self._numbers(held, shot)
        numbers |= self.health(held.base, shot, told)
        if shot.numbers["finite"] == 1.0:
            numbers |= vae_numbers(held.base.vae)
        damage = (*job.subject.damage, *held.base.damage)
        judgement = judge_base(numbers, damage=damage)
        pictures = {"full": shot.raw}
        if held.base.borrowed:
            text = f"it has no VAE of its own; rendered with {held.base.borrowed}"
            judgement = replace(judgement, warnings=(*judgement.warnings, text))
        elif judgement.verdict in _VAE_MAY_HELP and job.rescues:
            judgement, pictures = self._rescued(job, held, shot, judgement, pictures)
        return Outcome(judgement, recipe, numbers, pictures, recipe.prompt)

    def _test_transformer(self, job: Job, folder: Path) -> Outcome:
        """A diffusion transformer in a diffusers folder: judged by its picture and its VAE alone."""
        from modelhub.render.loading import diffusion_transformers

        self.drop()
        self.say(f"loading {job.base.name}", True)
        dtype = devices.dtype_for(self.device, folder, exact=job.exact, wanted=job.dtype)
        if dtype is torch.float16 and not job.dtype:
            dtype = torch.bfloat16  # T5 and FLUX overflow in fp16
        ready = diffusion_transformers.load(folder, dtype=dtype, device=self.device)
        recipe = settled(
            replace(job.recipe, sampler=ready.sampler),
            architecture=job.base.architecture or "other",
            device=self.device,
            parameters=ready.parameters,
            native=job.base.native,
            multiple=ready.row.multiple,
        )
        self.say(f"rendering {job.base.name} alone", True)
        drawn = diffusion_transformers.draw(ready, recipe)
        shot = Shot(drawn.latents, drawn.raw, latent_numbers(drawn.latents) | picture_numbers(drawn.raw))
        numbers: dict[str, Any] = {
            **shot.numbers,
            "step_seconds": drawn.draw_seconds / max(recipe.steps or 1, 1),
            "decode_seconds": drawn.decode_seconds,
            "latents_digest": shot.digest,
            "load_seconds": ready.seconds,
            "dtype": str(dtype).removeprefix("torch."),
            "parameters": ready.parameters,
            "small": ready.parameters < SMALL,
        }
        if shot.numbers["finite"] == 1.0 and isinstance(ready.pipe.vae, AutoencoderKL):
            numbers |= vae_numbers(ready.pipe.vae)
        judgement = judge_base(numbers, damage=job.subject.damage)
        if judgement.verdict is RenderVerdict.OK:
            judgement = replace(judgement, warnings=(*judgement.warnings, _UNPROVEN))
        return Outcome(judgement, recipe, numbers, {"full": shot.raw}, recipe.prompt)

    def health(self, base: Base, shot: Shot, told: Context) -> dict[str, Any]:
        """How well the UNet finds noise; nothing where its latents are not finite."""
        if shot.numbers["latents_finite"] < 1.0:
            return {}
        found = sampling.finds_noise(base, shot.latents, told)
        best = max(found, key=lambda name: found[name])
        numbers: dict[str, Any] = {"finds_noise": found[best]}
        if found[best] >= LIMITS.finds_noise:
            numbers["prediction"] = best
        return numbers

    def _rescued(
        self, job: Job, held: Loaded, shot: Shot, judgement: Judgement, pictures: dict[str, Array]
    ) -> tuple[Judgement, dict[str, Array]]:
        """Decode with VAEs of the library; the first that gives a sound picture is advice."""
        for part in job.rescues:
            self.say(f"decoding with {part.name}", False)
            try:
                vae = self.vae(part, held)
            except RenderProblem:
                continue
            if vae.config.latent_channels != shot.latents.shape[1]:
                continue
            again = self.develop(vae, shot.latents)
            sound = vae_numbers(vae).get("redraws", 1.0) > LIMITS.redraws
            if sound and judge_picture(again.numbers) is None:
                words = f"{judgement.words}; with the VAE {part.name} it works: use that one"
                return replace(judgement, words=words), {"full": again.raw, "base": shot.raw}
        return judgement, pictures

    def vae(self, part: Part, held: Loaded) -> Any:
        """Another VAE, beside the base's, on the same device."""
        weight = held.base.vae.decoder.conv_in.weight
        return load_vae(part, architecture=held.base.architecture, dtype=weight.dtype).to(weight.device)

    def _numbers(self, held: Loaded, shot: Shot) -> dict[str, Any]:
        return {
            **shot.numbers,
            "latents_digest": shot.digest,
            "load_seconds": held.load_seconds,
            "dtype": held.dtype,
            "parameters": held.base.parameters,
            "small": held.base.parameters < SMALL,
        }


def latent_numbers(latents: torch.Tensor) -> dict[str, float]:
    """What latents look like: finite share, spread, mean."""
    finite = torch.isfinite(latents).float().mean().item()
    return {"latents_finite": finite, "latents_std": latents.std().item(), "latents_mean": latents.mean().item()}


_UNPROVEN = "judged by its picture alone: how well a flow model finds noise is not measured"


def vae_numbers(vae: Any) -> dict[str, float]:
    """How well a VAE redraws a scene; nothing where that cannot be told."""
    found = sampling.redraws(vae)
    return {} if found is None else {"redraws": found}


_VAE_MAY_HELP = (RenderVerdict.UNIFORM, RenderVerdict.CLIPPED, RenderVerdict.NAN_VAE, RenderVerdict.DAMAGED)
