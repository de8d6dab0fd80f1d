"""The test of a base: from a prompt to a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.render.judge import Array, Judgement, judge_base, judge_picture
from modelhub.render.loading.diffusers_folders import has_unet
from modelhub.render.messages import Job
from modelhub.render.problems import RenderProblem
from modelhub.render.recipes import SMALL
from modelhub.render.tester import LoadedBase, Outcome, Render, Tester, vae_metrics
from modelhub.render.thresholds import LIMITS
from modelhub.render.verdicts import RenderVerdict

_VAE_MAY_HELP = (RenderVerdict.UNIFORM, RenderVerdict.CLIPPED, RenderVerdict.NAN_VAE, RenderVerdict.DAMAGED)


def test_base(tester: Tester, job: Job) -> Outcome:
    """Test a base by its own picture, its UNet and its VAE. Raise RenderProblem and ModelhubError."""
    path = Path(job.base.path)
    if not has_unet(path):
        from modelhub.render.model_tests.transformer import test_transformer

        return test_transformer(tester, job, path)
    loaded = tester.load(job)
    recipe = tester.settle_recipe(job, loaded)
    render, prompt_context = tester.baseline(job, loaded, recipe, recipe.prompt)
    metrics = _base_metrics(loaded, render)
    metrics |= tester.measure_unet(loaded.base, render, prompt_context)
    if render.metrics["finite"] == 1.0:
        metrics |= vae_metrics(loaded.base.vae)
    judgement = judge_base(metrics)
    pictures = {"full": render.raw}
    if loaded.base.borrowed_vae:
        warning = f"It has no VAE; {loaded.base.borrowed_vae} was used."
        judgement = replace(judgement, warnings=(*judgement.warnings, warning))
    elif judgement.verdict in _VAE_MAY_HELP and job.fallback_vaes:
        judgement, pictures = _with_fallback_vae(tester, job, loaded, render, judgement, pictures)
    return Outcome(judgement, recipe, metrics, pictures, recipe.prompt)


def _base_metrics(loaded: LoadedBase, render: Render) -> dict[str, Any]:
    metrics = {
        **render.metrics,
        "latents_digest": render.digest,
        "load_seconds": loaded.load_seconds,
        "dtype": loaded.dtype,
        "parameters": loaded.base.parameters,
        "small": loaded.base.parameters < SMALL,
    }
    if loaded.base.wrong_position_ids:
        metrics["wrong_position_ids"] = loaded.base.wrong_position_ids
    return metrics


def _with_fallback_vae(
    tester: Tester,
    job: Job,
    loaded: LoadedBase,
    render: Render,
    judgement: Judgement,
    pictures: dict[str, Array],
) -> tuple[Judgement, dict[str, Array]]:
    """Decode with VAEs of the library, and name the first that gives a sound picture; else change nothing."""
    for part in job.fallback_vaes:
        tester.report_stage(f"decoding with {part.name}", False)
        try:
            vae = tester.load_vae(part, loaded)
        except RenderProblem:
            continue
        if vae.config.latent_channels != render.latents.shape[1]:
            continue
        again = tester.decode(vae, render.latents)
        is_sound = vae_metrics(vae).get("redraws", 1.0) > LIMITS.redraws
        if is_sound and judge_picture(again.metrics) is None:
            words = f"{judgement.words} A VAE of your library gives a sound picture: {part.name}."
            return replace(judgement, words=words), {"full": again.raw, "base": render.raw}
    return judgement, pictures
