"""The test of a VAE: the base's latents decoded with it, compared with the base's own VAE."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from modelhub.render import sampling
from modelhub.render.judge import Array, judge_picture, judge_vae, picture_difference
from modelhub.render.messages import Job
from modelhub.render.problems import misfit, skip
from modelhub.render.tester import Outcome, Tester, vae_metrics


def test_vae(tester: Tester, job: Job) -> Outcome:
    """Decode the base's latents with the VAE. Raise RenderProblem and ModelhubError."""
    loaded = tester.load(job)
    recipe = tester.settle_recipe(job, loaded)
    baseline, _ = tester.baseline(job, loaded, recipe, recipe.prompt)
    if baseline.metrics["latents_finite"] < 1.0:
        raise skip(f"the latents of {job.base.name} are not finite")
    tester.report_stage(f"decoding with {job.subject.name}", False)
    started = time.monotonic()
    vae = tester.load_vae(job.subject, loaded)
    load_seconds = time.monotonic() - started
    channels, wanted = vae.config.latent_channels, baseline.latents.shape[1]
    if channels != wanted:
        raise misfit(job.base.name, f"it decodes {channels} latent channels, the base has {wanted}")
    started = time.monotonic()
    render = tester.decode(vae, baseline.latents)
    metrics: dict[str, Any] = {
        **render.metrics,
        **vae_metrics(vae),
        "load_seconds": load_seconds,
        "dtype": loaded.dtype,
        "decode_seconds": time.monotonic() - started,
    }
    is_baseline_sound = judge_picture(baseline.metrics) is None
    if render.metrics["finite"] == 1.0 and baseline.metrics["finite"] == 1.0:
        metrics["effect"] = picture_difference(baseline.raw, render.raw)
        metrics["structure"] = (
            sampling.correlation(_gray(baseline.raw), _gray(render.raw)) if is_baseline_sound else 1.0
        )
    metrics.setdefault("effect", 1.0)
    metrics.setdefault("structure", 1.0)
    judgement = judge_vae(metrics, base=job.base.name)
    if not is_baseline_sound and judge_picture(render.metrics) is None:
        words = f"{judgement.words} {job.base.name} needs such a VAE: its own gives no sound picture."
        judgement = replace(judgement, words=words)
    return Outcome(judgement, recipe, metrics, {"base": baseline.raw, "full": render.raw}, recipe.prompt)


def _gray(raw: Array) -> Array:
    """Return the mean of a raw decode's channels (height, width)."""
    return np.asarray(np.clip(raw, -1, 1).mean(axis=2))
