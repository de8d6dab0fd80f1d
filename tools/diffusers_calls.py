"""Measure the overhead of testing LoRAs: modelhub's test and plain diffusers calls, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import torch

from modelhub.render import devices
from modelhub.render.loading import tensors
from modelhub.render.loading.bases import Base
from modelhub.render.lora.lora import Lora
from modelhub.render.messages import Job, Part
from modelhub.render.prompts import make_tokenizer
from modelhub.render.recipes import Recipe
from modelhub.render.sampling import make_scheduler
from modelhub.render.tester import Tester
from modelhub.render.worker import run_job


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Medians in seconds for all adapters: the test, two diffusers calls each, and these with the LoRA applied."""

    adapters: int
    rounds: int
    tested: float
    calls: float
    calls_and_lora: float

    @property
    def over_calls(self) -> float:
        """The test's extra time over the calls alone, as a share."""
        return self.tested / self.calls - 1

    @property
    def over_calls_and_lora(self) -> float:
        """The test's extra time over calls with the LoRA applied and removed, as a share."""
        return self.tested / self.calls_and_lora - 1


def measure(
    base: Part, lora: Part, *, device: str, recipe: Recipe, pictures: Path, adapters: int, rounds: int, limit: float
) -> Overhead:
    """Test `lora` `adapters` times on the loaded base, and make the same renders with diffusers' own pipeline.

    `limit`: seconds after which no further round begins. The base is loaded and has drawn its own picture before.
    """
    tester = Tester(device, lambda text, about_base: None)
    job = Job(id=0, subject=lora, base=base, recipe=recipe, pictures=str(pictures), exact=True)
    run_job(tester, msgspec.structs.replace(job, subject=base))
    loaded = tester.load(job)
    settled_recipe = tester.settle_recipe(job, loaded)
    pipe = pipeline(loaded.base, settled_recipe.sampler)
    path = Path(lora.path)

    def ours() -> None:
        result = run_job(tester, job)
        assert result.metrics, f"{result.verdict}: {result.words}"

    def calls() -> None:
        for _ in settled_recipe.strengths:
            call(pipe, settled_recipe)

    def calls_and_lora() -> None:
        lora_file = Lora(tensors.load(path))
        for strength in settled_recipe.strengths:
            lora_file.apply(loaded.base.networks, strength=strength)
            call(pipe, settled_recipe)
        lora_file.remove()

    contenders = (ours, calls, calls_and_lora)
    for contender in contenders:
        contender()
    seconds: list[list[float]] = [[], [], []]
    started = time.monotonic()
    while len(seconds[0]) < rounds and (not seconds[0] or time.monotonic() - started < limit):
        # in turns for each adapter, so that a busy moment of the machine meets all of them
        turns = [[_timed(contender, device) for contender in contenders] for _ in range(adapters)]
        for times, taken in zip(seconds, zip(*turns, strict=True), strict=True):
            times.append(sum(taken))
    medians = [statistics.median(times) for times in seconds]
    return Overhead(
        adapters=adapters,
        rounds=len(seconds[0]),
        tested=medians[0],
        calls=medians[1],
        calls_and_lora=medians[2],
    )


def pipeline(base: Base, sampler: str) -> Any:
    """Return diffusers' pipeline around the loaded networks."""
    common = {
        "vae": base.vae,
        "unet": base.unet,
        "tokenizer": make_tokenizer(),
        "scheduler": make_scheduler(base, sampler),
    }
    if len(base.text_encoders) > 1:
        first, second = base.text_encoders
        made = diffusers.StableDiffusionXLPipeline(
            **common,
            text_encoder=first,
            text_encoder_2=second,
            tokenizer_2=make_tokenizer(),
            force_zeros_for_empty_prompt=False,
            add_watermarker=False,
        )
    else:
        made = diffusers.StableDiffusionPipeline(
            **common,
            text_encoder=base.text_encoders[0],
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    made.set_progress_bar_config(disable=True)
    return made


@torch.no_grad()
def call(pipe: Any, recipe: Recipe) -> Any:
    """Render one picture as a script would."""
    return pipe(
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        height=recipe.size,
        width=recipe.size,
        generator=torch.Generator().manual_seed(recipe.seed),
        output_type="np",
    ).images


def _timed(contender: Callable[[], None], device: str) -> float:
    devices.synchronize(device)
    started = time.monotonic()
    contender()
    devices.synchronize(device)
    return time.monotonic() - started
