"""The test of a diffusion transformer in a diffusers folder: judged by its picture and its VAE alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from modelhub.render import devices
from modelhub.render.judge import judge_base, picture_metrics
from modelhub.render.loading import diffusion_transformers
from modelhub.render.messages import Job
from modelhub.render.recipes import SMALL, settle
from modelhub.render.tester import Outcome, Render, Tester, latent_metrics, vae_metrics
from modelhub.render.verdicts import RenderVerdict

_PICTURE_ONLY = "Judged by its picture alone: the noise prediction of flow models is not measured."


def test_transformer(tester: Tester, job: Job, folder: Path) -> Outcome:
    """Render with the folder's own pipeline. Raise RenderProblem."""
    tester.unload()
    tester.report_stage(f"loading {job.base.name}", True)
    dtype = devices.choose_dtype(tester.device, folder, exact=job.exact, requested=job.dtype)
    if dtype is torch.float16 and not job.dtype:
        dtype = torch.bfloat16  # T5 and FLUX overflow in fp16
    pipeline = diffusion_transformers.load_pipeline(folder, dtype=dtype, device=tester.device)
    recipe = settle(
        replace(job.recipe, sampler=pipeline.sampler),
        architecture=job.base.architecture or "other",
        device=tester.device,
        parameters=pipeline.parameters,
        native_size=job.base.native_size,
        multiple=pipeline.call.multiple,
    )
    tester.report_stage(f"rendering {job.base.name} alone", True)
    output = diffusion_transformers.render(pipeline, recipe)
    render = Render(output.latents, output.raw, latent_metrics(output.latents) | picture_metrics(output.raw))
    metrics: dict[str, Any] = {
        **render.metrics,
        "step_seconds": output.render_seconds / max(recipe.steps or 1, 1),
        "decode_seconds": output.decode_seconds,
        "latents_digest": render.digest,
        "load_seconds": pipeline.load_seconds,
        "dtype": str(dtype).removeprefix("torch."),
        "parameters": pipeline.parameters,
        "small": pipeline.parameters < SMALL,
    }
    if render.metrics["finite"] == 1.0 and isinstance(pipeline.pipe.vae, AutoencoderKL):
        metrics |= vae_metrics(pipeline.pipe.vae)
    judgement = judge_base(metrics)
    if judgement.verdict is RenderVerdict.OK:
        judgement = replace(judgement, warnings=(*judgement.warnings, _PICTURE_ONLY))
    return Outcome(judgement, recipe, metrics, {"full": render.raw}, recipe.prompt)
