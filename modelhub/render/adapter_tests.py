"""Tests of what is put on a base: VAE, LoRA, embedding, hypernetwork."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelhub.errors import ModelhubError
from modelhub.formats.tensors import TensorReader
from modelhub.render import sampling
from modelhub.render.bench import Bench, Loaded, Outcome, Shot, vae_numbers
from modelhub.render.embedding import fits, in_order, read_embedding
from modelhub.render.hypernetwork import Hypernetwork
from modelhub.render.judge import Array, judge_adapter, judge_picture, judge_vae
from modelhub.render.loading import tensors
from modelhub.render.messages import Job
from modelhub.render.problems import RenderProblem
from modelhub.render.text import MARK, Context, context
from modelhub.render.verdicts import RenderVerdict


@dataclass
class Fit:
    """How an adapter sits: parts placed of all, the names of those that are not, and how long putting it on took."""

    placed: int
    total: int
    unplaced: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.placed / self.total if self.total else 0.0


def difference(one: Array, other: Array) -> float:
    """Mean absolute difference of two raw decodes, as a share of the whole range."""
    if one.shape != other.shape:
        return 1.0
    return float(np.abs(np.clip(one, -1, 1) - np.clip(other, -1, 1)).mean()) / 2


def test_vae(bench: Bench, job: Job) -> Outcome:
    """A VAE: the base's latents decoded with it, against the base's own."""
    held = bench.loaded(job)
    recipe = bench.recipe(job, held)
    own, _ = bench.plain(job, held, recipe, recipe.prompt)
    if own.numbers["latents_finite"] < 1.0:
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"{job.base.name} gives no sound latents to decode")
    bench.say(f"decoding with {job.subject.name}", False)
    started = time.monotonic()
    vae = bench.vae(job.subject, held)
    loaded = time.monotonic() - started
    if vae.config.latent_channels != own.latents.shape[1]:
        raise RenderProblem(
            RenderVerdict.INCOMPATIBLE,
            f"it decodes {vae.config.latent_channels} latent channels, the base has {own.latents.shape[1]}",
        )
    started = time.monotonic()
    shot = bench.develop(vae, own.latents)
    numbers: dict[str, Any] = {
        **shot.numbers,
        **vae_numbers(vae),
        "load_seconds": loaded,
        "dtype": held.dtype,
        "decode_seconds": time.monotonic() - started,
    }
    own_sound = judge_picture(own.numbers) is None
    if shot.numbers["finite"] == 1.0 and own.numbers["finite"] == 1.0:
        numbers["effect"] = difference(own.raw, shot.raw)
        numbers["structure"] = sampling.correlation(_grey(own.raw), _grey(shot.raw)) if own_sound else 1.0
    numbers.setdefault("effect", 1.0)
    numbers.setdefault("structure", 1.0)
    judgement = judge_vae(numbers)
    if not own_sound and judge_picture(shot.numbers) is None:
        words = f"{judgement.words}; {job.base.name} needs it: its built-in VAE draws nothing"
        judgement = replace(judgement, words=words)
    return Outcome(judgement, recipe, numbers, {"base": own.raw, "full": shot.raw}, recipe.prompt)


def _grey(raw: Array) -> Array:
    return np.asarray(np.clip(raw, -1, 1).mean(axis=2))


def test_lora(bench: Bench, job: Job) -> Outcome:
    """A LoRA of any algorithm: with and without it, at full and at half strength; the weights are restored exactly."""
    from modelhub.render.lora.lora import Lora, checksum

    held = bench.loaded(job)
    path = _weights_file(Path(job.subject.path))
    bench.say(f"reading {job.subject.name}", False)
    lora = Lora(tensors.load(path), config=_lora_config(path))
    networks = held.base.networks
    fit = lora.fit(networks)
    if fit.other_context:
        words = (
            "it is for a text encoder of another width" if fit.applied else "none of its parts has a place in the base"
        )
        raise RenderProblem(RenderVerdict.INCOMPATIBLE, f"{words} ({fit.applied} of {fit.total} modules fit)")

    rewords = any(name.startswith("text_encoder") for name in fit.touched)

    @contextmanager
    def worn(strength: float, prompt: str) -> Iterator[tuple[Fit, Context | None]]:
        started = time.monotonic()
        put = lora.put_on(networks, strength=strength)
        seat = Fit(put.applied, put.total, put.unplaced, time.monotonic() - started)
        try:
            yield seat, context(held.base, prompt) if rewords else None
        finally:
            lora.take_off()

    before = checksum(networks, fit.touched)
    outcome = _compared(bench, job, held, Fit(fit.applied, fit.total, fit.unplaced), worn)
    if checksum(networks, fit.touched) != before:
        bench.drop()
        raise RenderProblem(RenderVerdict.LOAD_ERROR, "the base's weights could not be restored after it")
    return outcome


def test_hypernetwork(bench: Bench, job: Job) -> Outcome:
    """A hypernetwork: with and without it, at full and half strength."""
    held = bench.loaded(job)
    path = Path(job.subject.path)
    made = Hypernetwork(tensors.load(path), _entries(path))

    @contextmanager
    def worn(strength: float, _: str) -> Iterator[tuple[Fit, Context | None]]:
        started = time.monotonic()
        put = made.put_on(held.base.unet, strength=strength)
        try:
            yield Fit(put.applied, put.total, put.unplaced, time.monotonic() - started), None
        finally:
            made.take_off()

    with worn(1.0, "") as (fit, _):
        pass
    return _compared(bench, job, held, fit, worn)


def test_embedding(bench: Bench, job: Job) -> Outcome:
    """An embedding: its vectors in the prompt, and the prompt without them."""
    held = bench.loaded(job)
    path = Path(job.subject.path)
    embedding = read_embedding(tensors.load(path), _entries(path))
    encoders = held.base.text_encoders
    widths = [encoder.config.hidden_size for encoder in encoders]
    if not fits(embedding, widths):
        own = " and ".join(str(vector.shape[-1]) for vector in embedding.vectors)
        words = f"its vectors are {own} wide, the base's text encoder takes {' and '.join(map(str, widths))}"
        raise RenderProblem(RenderVerdict.INCOMPATIBLE, words)
    vectors = in_order(embedding, widths)

    def whole(prompt: str) -> Context:
        return context(held.base, f"{MARK}, {prompt}", vectors=vectors)

    @contextmanager
    def worn(strength: float, prompt: str) -> Iterator[tuple[Fit, Context | None]]:
        yield Fit(1, 1), _blended(context(held.base, prompt), whole(prompt), strength)

    return _compared(bench, job, held, Fit(1, 1), worn, words=False)


def _blended(without: Context, full: Context, strength: float) -> Context:
    """Between the prompt without the embedding and with it; later tokens know of the vectors, so weighting these alone
    would hardly matter."""
    if strength == 1.0:
        return full
    pooled = None
    if without.pooled is not None and full.pooled is not None:
        pooled = without.pooled.lerp(full.pooled, strength)
    return Context(without.hidden.lerp(full.hidden, strength), pooled)


Worn = Callable[[float, str], AbstractContextManager[tuple[Fit, Context | None]]]


def _compared(bench: Bench, job: Job, held: Loaded, fit: Fit, worn: Worn, *, words: bool = True) -> Outcome:
    recipe = bench.recipe(job, held)
    prompt = ", ".join([*(job.subject.words if words else ()), recipe.prompt])
    if fit.share == 0.0:
        return Outcome(judge_adapter({}, share=0.0), recipe, {"parts": fit.total, "placed": 0}, {}, prompt)
    own, told = bench.plain(job, held, recipe, prompt)
    shots: dict[float, Shot] = {}
    health: dict[str, Any] = {}
    for strength in recipe.strengths:
        bench.say(f"rendering with {job.subject.name} at {strength:g}", False)
        with worn(strength, prompt) as (seat, other):
            shots[strength] = bench.shoot(held, recipe, other or told)
            if not health:
                fit.seconds = seat.seconds
                health = bench.health(held.base, shots[strength], other or told)
    first, *rest = recipe.strengths
    shot = shots[first]
    numbers: dict[str, Any] = {
        **shot.numbers,
        **_effect(own, shot, ""),
        "latents_digest": shot.digest,
        "dtype": held.dtype,
        "parts": fit.total,
        "placed": fit.placed,
        "apply_seconds": fit.seconds,
        "base_wrong": float(judge_picture(own.numbers) is not None),
    }
    if rest:
        numbers |= _effect(own, shots[rest[0]], "_half")
    if "finds_noise" in health:
        numbers["finds_noise"] = health["finds_noise"]
        numbers["base_finds_noise"] = _base_finds_noise(bench, held, own, told)
    judgement = judge_adapter(numbers, share=fit.share, unplaced=fit.unplaced)
    pictures = {"base": own.raw, "full": shot.raw}
    if rest:
        pictures["half"] = shots[rest[0]].raw
    return Outcome(judgement, recipe, numbers, pictures, prompt)


def _effect(own: Shot, shot: Shot, suffix: str) -> dict[str, float]:
    """How far the latents (in their own standard deviations) and the pictures are apart."""
    if shot.numbers["finite"] < 1.0 or own.numbers["finite"] < 1.0:
        return {f"latents_effect{suffix}": 1.0, f"effect{suffix}": 1.0}
    moved = float((own.latents - shot.latents).abs().mean())
    return {
        f"latents_effect{suffix}": moved / max(float(own.latents.std()), 1e-9),
        f"effect{suffix}": difference(own.raw, shot.raw),
    }


def _base_finds_noise(bench: Bench, held: Loaded, own: Shot, told: Context) -> float:
    if "finds_noise" not in own.numbers:
        own.numbers["finds_noise"] = bench.health(held.base, own, told).get("finds_noise", 0.0)
    return own.numbers["finds_noise"]


def _weights_file(path: Path) -> Path:
    """A LoRA's file, or the one in a peft or diffusers folder."""
    if path.is_file():
        return path
    for name in ("adapter_model.safetensors", "pytorch_lora_weights.safetensors", "adapter_model.bin"):
        if (path / name).is_file():
            return path / name
    raise ModelhubError(f"{path} has no LoRA weights in it.")


def _lora_config(path: Path) -> Mapping[str, object] | None:
    """peft's configuration, beside the file or in its header: alpha stands there, not among the tensors."""
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


def _entries(path: Path) -> Mapping[str, object]:
    with TensorReader(path) as reader:
        return dict(reader.header.entries)


TESTS: dict[str, Callable[[Bench, Job], Outcome]] = {
    "base": lambda bench, job: bench.test_base(job),
    "vae": test_vae,
    "lora": test_lora,
    "embedding": test_embedding,
    "hypernetwork": test_hypernetwork,
}


def run(bench: Bench, job: Job) -> Outcome:
    """Test the job's subject by its type. Raises RenderProblem and ModelhubError."""
    return TESTS[job.subject.type](bench, job)
