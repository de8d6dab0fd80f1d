"""Rendering on a CUDA device, in small: the trained miniature and random networks of true layout, through the worker.

`python tools/gpu_check.py` does the same with networks of full size, and measures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.render.messages import Job, Part, Result
from modelhub.render.recipes import Recipe
from modelhub.render.runner import Limits, Worker

FAMILY = Path(__file__).resolve().parent.parent / "data" / "miniature"
ADAPTERS = {
    "miniature-frame-kohya.safetensors": "lora",
    "miniature-frame-diffusers.safetensors": "lora",
    "miniature-frame-peft": "lora",
    "miniature-frame-loha.safetensors": "lora",
    "miniature-frame-lokr.safetensors": "lora",
    "miniature-frame-dora.safetensors": "lora",
    "nightgem.pt": "embedding",
    "nightgem.safetensors": "embedding",
    "learned_embeds.safetensors": "embedding",
    "miniature-sepia.pt": "hypernetwork",
    "miniature-vivid.vae.ckpt": "vae",
}
TRIGGER = "framestyle"
# Bytes of a GPU's memory that hold the miniature and its picture, and not one of 2048 pixels.
LITTLE = 256 << 20

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


@pytest.fixture(scope="module")
def device() -> str:
    """The first CUDA device; skips where there is none."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")
    return "cuda:0"


@pytest.fixture(scope="module")
def worker(device: str) -> Iterator[Worker]:
    """A worker on the device, shared by the tests as by the models of a run."""
    started = Worker(device, limits=Limits(seconds=300))
    yield started
    started.stop()


def base_of(path: Path = FAMILY / "miniature.safetensors") -> Part:
    return Part(path=str(path), name=path.name, prediction="epsilon", native_size=128)


def tested(worker: Worker, folder: Path, subject: Part | None = None, **job: object) -> Result:
    """Run one job and return its result; pictures go to `folder`."""
    base = base_of()
    given = {"subject": subject or base, "base": base, "recipe": Recipe(), "exact": True} | job
    return worker.test(Job(id=1, pictures=str(folder), **given), lambda job, stage: None)  # type: ignore[arg-type]


def adapter(name: str) -> Part:
    kind = ADAPTERS[name]
    return Part(path=str(FAMILY / name), name=name, type=kind, trigger_words=(TRIGGER,) if kind == "lora" else ())


def test_the_base_draws_in_half_precision(worker: Worker, tmp_path: Path) -> None:
    """fp16 is what a GPU is given; the memory that a render took is known."""
    result = tested(worker, tmp_path)
    assert (result.verdict, result.metrics["dtype"]) == ("ok", "float16")
    assert 0 < result.metrics["peak_memory"] < 1 << 30
    assert Path(result.pictures["full"]).is_file()


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_type_of_adapter_works_in_half_precision(worker: Worker, tmp_path: Path, name: str) -> None:
    """All algorithms and dialects of the miniature family."""
    result = tested(worker, tmp_path, adapter(name))
    assert result.verdict == "ok", result.words


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_every_data_type_draws(worker: Worker, tmp_path: Path, dtype: str) -> None:
    """The base and a LoRA on it."""
    assert tested(worker, tmp_path, dtype=dtype).verdict == "ok"
    assert tested(worker, tmp_path, adapter("miniature-frame-kohya.safetensors"), dtype=dtype).verdict == "ok"


def test_the_same_job_gives_the_same_bits(worker: Worker, device: str, tmp_path: Path) -> None:
    """Twice in one process, and once in another."""
    lora = adapter("miniature-frame-kohya.safetensors")
    digests = {tested(worker, tmp_path, lora).metrics["latents_digest"] for _ in range(2)}
    other = Worker(device, limits=Limits(seconds=300))
    try:
        digests.add(tested(other, tmp_path, lora).metrics["latents_digest"])
    finally:
        other.stop()
    assert len(digests) == 1


def test_adapters_leave_nothing_behind(worker: Worker, device: str, tmp_path: Path) -> None:
    """After all of them, a seed that was not drawn yet gives what a fresh process gives."""
    for name in ADAPTERS:
        tested(worker, tmp_path, adapter(name))
    after = tested(worker, tmp_path, recipe=Recipe(seed=77))
    fresh = Worker(device, limits=Limits(seconds=300))
    try:
        before = tested(fresh, tmp_path, recipe=Recipe(seed=77))
    finally:
        fresh.stop()
    assert after.metrics["latents_digest"] == before.metrics["latents_digest"]


def test_a_vae_that_overflows_in_half_precision_is_decoded_in_fp32(worker: Worker, tmp_path: Path) -> None:
    """The file is fine, and the verdict says what it needs."""
    from safetensors.torch import save_file

    from tools.full_adapters import decoder_of, overflowing

    decoder = overflowing(decoder_of(FAMILY / "miniature.safetensors"), 2.0**14)
    assert all(tensor.isfinite().all() for tensor in decoder.values())
    path = tmp_path / "overflowing.vae.safetensors"
    save_file(decoder, path)
    result = tested(worker, tmp_path, Part(path=str(path), name=path.name, type="vae"), dtype="fp16")
    assert result.verdict == "needs-fp32-vae", result.words


def test_too_little_memory_is_a_verdict_and_the_worker_goes_on(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is too large for the share of the memory; the next one of a usual size works."""
    import torch

    from modelhub.render import devices

    total = torch.cuda.get_device_properties(device).total_memory
    monkeypatch.setenv(devices.SHARE, str(min(1.0, LITTLE / total)))
    small = Worker(device, limits=Limits(seconds=300))
    try:
        large = tested(small, tmp_path, recipe=Recipe(size=2048, steps=2))
        usual = tested(small, tmp_path)
    finally:
        small.stop()
    assert large.verdict == "out-of-memory", large.words
    assert usual.verdict == "ok", usual.words


def test_a_share_that_is_none_is_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    from modelhub.errors import ModelhubError
    from modelhub.render import devices

    monkeypatch.setenv(devices.SHARE, "7")
    with pytest.raises(ModelhubError, match=devices.SHARE):
        Worker(device, limits=Limits(seconds=60)).start()
