"""The tests of adapters: the same seed without a LoRA, embedding or hypernetwork, with it, and at half strength."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError
from modelhub.formats.tensors import TensorReader
from modelhub.render.adapter_fit import AdapterFit
from modelhub.render.embedding import has_matching_widths, in_encoder_order, read_embedding
from modelhub.render.hypernetwork import Hypernetwork
from modelhub.render.judge import judge_adapter, judge_picture, picture_difference
from modelhub.render.loading import tensors
from modelhub.render.lora.checksum import checksum
from modelhub.render.lora.lora import Lora
from modelhub.render.messages import Job
from modelhub.render.problems import load_failure, misfit
from modelhub.render.prompts import EMBEDDING_MARK, Context, encode_prompt
from modelhub.render.tester import LoadedBase, Outcome, Render, Tester

# Apply an adapter at a strength for as long as the context is open; its value is the prompt's encoding under the
# adapter, None where the adapter does not change that.
Apply = Callable[[float, str], AbstractContextManager[Context | None]]


def test_lora(tester: Tester, job: Job) -> Outcome:
    """Test a LoRA of any algorithm; a checksum proves that the base's weights are restored. Raise RenderProblem."""
    loaded = tester.load(job)
    path = _find_weights(Path(job.subject.path))
    tester.report_stage(f"reading {job.subject.name}", False)
    lora = Lora(tensors.load(path), config=_read_lora_config(path))
    networks = loaded.base.networks
    fit = lora.fit(networks)
    if fit.is_for_other_text_width:
        reason = f"it is for a text encoder of another width ({fit.placed} of {fit.total} parts fit)"
        raise misfit(job.base.name, reason if fit.placed else "it belongs to another architecture")
    changes_prompt = any(name.startswith("text_encoder") for name in fit.touched)

    @contextmanager
    def applied(strength: float, prompt: str) -> Iterator[Context | None]:
        lora.apply(networks, strength=strength)
        try:
            yield encode_prompt(loaded.base, prompt) if changes_prompt else None
        finally:
            lora.remove()

    before = checksum(networks, fit.touched)
    outcome = _compare(tester, job, loaded, fit, applied)
    if checksum(networks, fit.touched) != before:
        tester.unload()
        raise load_failure("the base's weights could not be restored after it")
    return outcome


def test_hypernetwork(tester: Tester, job: Job) -> Outcome:
    """Test a hypernetwork. Raise RenderProblem and ModelhubError."""
    loaded = tester.load(job)
    path = Path(job.subject.path)
    hypernetwork = Hypernetwork(tensors.load(path), _read_entries(path))

    @contextmanager
    def applied(strength: float, _: str) -> Iterator[Context | None]:
        hypernetwork.apply(loaded.base.unet, strength=strength)
        try:
            yield None
        finally:
            hypernetwork.remove()

    fit = hypernetwork.apply(loaded.base.unet)
    hypernetwork.remove()
    return _compare(tester, job, loaded, fit, applied)


def test_embedding(tester: Tester, job: Job) -> Outcome:
    """Test an embedding by its vectors in front of the prompt. Raise RenderProblem and ModelhubError."""
    loaded = tester.load(job)
    path = Path(job.subject.path)
    embedding = read_embedding(tensors.load(path), _read_entries(path))
    widths = [encoder.config.hidden_size for encoder in loaded.base.text_encoders]
    if not has_matching_widths(embedding, widths):
        have, need = (" + ".join(map(str, numbers)) for numbers in (embedding.widths, widths))
        raise misfit(job.base.name, f"its vectors are {have} wide, the text encoder needs {need}")
    vectors = in_encoder_order(embedding, widths)

    @contextmanager
    def applied(strength: float, prompt: str) -> Iterator[Context | None]:
        with_it = encode_prompt(loaded.base, f"{EMBEDDING_MARK}, {prompt}", vectors=vectors)
        yield _blend(encode_prompt(loaded.base, prompt), with_it, strength)

    return _compare(tester, job, loaded, AdapterFit(1, 1), applied, with_trigger_words=False)


def _blend(without: Context, with_it: Context, strength: float) -> Context:
    """Interpolate between the prompt without the embedding and with it.

    Later tokens depend on the embedding's vectors, so scaling only the vectors would hardly change the strength.
    """
    if strength == 1.0:
        return with_it
    pooled = None
    if without.pooled is not None and with_it.pooled is not None:
        pooled = without.pooled.lerp(with_it.pooled, strength)
    return Context(without.hidden.lerp(with_it.hidden, strength), pooled)


def _compare(
    tester: Tester,
    job: Job,
    loaded: LoadedBase,
    fit: AdapterFit,
    applied: Apply,
    *,
    with_trigger_words: bool = True,
) -> Outcome:
    """Render without the adapter and at every strength of the recipe, and judge the difference."""
    recipe = tester.settle_recipe(job, loaded)
    trigger_words = job.subject.trigger_words if with_trigger_words else ()
    prompt = ", ".join([*trigger_words, recipe.prompt])
    if fit.share == 0.0:
        judgement = judge_adapter({}, fit=fit, base=job.base.name)
        return Outcome(judgement, recipe, {"parts": fit.total, "placed": 0}, {}, prompt)
    baseline, prompt_context = tester.baseline(job, loaded, recipe, prompt)
    renders: dict[float, Render] = {}
    health: dict[str, Any] = {}
    apply_seconds = 0.0
    for strength in recipe.strengths:
        tester.report_stage(f"rendering with {job.subject.name} at {strength:g}", False)
        started = time.monotonic()
        with applied(strength, prompt) as changed_context:
            apply_seconds = apply_seconds or time.monotonic() - started
            context = changed_context or prompt_context
            renders[strength] = tester.render(loaded, recipe, context)
            health = health or tester.measure_unet(loaded.base, renders[strength], context)
    first, *rest = recipe.strengths
    render = renders[first]
    metrics: dict[str, Any] = {
        **render.metrics,
        **_effect_metrics(baseline, render, ""),
        "latents_digest": render.digest,
        "dtype": loaded.dtype,
        "parts": fit.total,
        "placed": fit.placed,
        "apply_seconds": apply_seconds,
        "base_wrong": float(judge_picture(baseline.metrics) is not None),
    }
    if rest:
        metrics |= _effect_metrics(baseline, renders[rest[0]], "_half")
    if "finds_noise" in health:
        metrics["finds_noise"] = health["finds_noise"]
        metrics["base_finds_noise"] = _baseline_noise_prediction(tester, loaded, baseline, prompt_context)
    judgement = judge_adapter(metrics, fit=fit, base=job.base.name)
    pictures = {"base": baseline.raw, "full": render.raw}
    if rest:
        pictures["half"] = renders[rest[0]].raw
    return Outcome(judgement, recipe, metrics, pictures, prompt)


def _effect_metrics(baseline: Render, render: Render, suffix: str) -> dict[str, float]:
    """Return how far the latents (in the baseline's standard deviations) and the pictures (0 to 1) differ."""
    if render.metrics["finite"] < 1.0 or baseline.metrics["finite"] < 1.0:
        return {f"latents_effect{suffix}": 1.0, f"effect{suffix}": 1.0}
    difference = float((baseline.latents - render.latents).abs().mean())
    return {
        f"latents_effect{suffix}": difference / max(float(baseline.latents.std()), 1e-9),
        f"effect{suffix}": picture_difference(baseline.raw, render.raw),
    }


def _baseline_noise_prediction(tester: Tester, loaded: LoadedBase, baseline: Render, prompt_context: Context) -> float:
    if "finds_noise" not in baseline.metrics:
        measured = tester.measure_unet(loaded.base, baseline, prompt_context)
        baseline.metrics["finds_noise"] = measured.get("finds_noise", 0.0)
    return baseline.metrics["finds_noise"]


def _find_weights(path: Path) -> Path:
    """Return a LoRA's file, or the one in a peft or diffusers folder. Raise ModelhubError."""
    if path.is_file():
        return path
    for name in ("adapter_model.safetensors", "pytorch_lora_weights.safetensors", "adapter_model.bin"):
        if (path / name).is_file():
            return path / name
    raise ModelhubError(f"{path} has no LoRA weights in it.")


def _read_lora_config(path: Path) -> Mapping[str, object] | None:
    """Read peft's configuration, beside the file or in its header: it has the alphas, the tensors do not."""
    texts = []
    with contextlib.suppress(OSError):
        if path.name.startswith("adapter_model"):
            texts.append((path.parent / "adapter_config.json").read_text(encoding="utf-8"))
    with TensorReader(path) as reader:
        texts.append(reader.header.metadata.get("lora_adapter_metadata", ""))
    for text in texts:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(text)
            if isinstance(found, dict):
                return found
    return None


def _read_entries(path: Path) -> Mapping[str, object]:
    with TensorReader(path) as reader:
        return dict(reader.header.entries)
