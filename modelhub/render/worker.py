"""The render worker: `python -m modelhub.render.worker DEVICE`, jobs as lines on stdin, messages as lines on stdout.

The only process that imports torch and diffusers. It never asks a hub, and what libraries print goes to stderr.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from modelhub.render.messages import Job, Ready, Result, Stage, decode_job, encode

if TYPE_CHECKING:
    from modelhub.render.bench import Bench, Outcome

KINDS = ("base", "full", "half", "difference")
_LOST = 70  # exit code when the GPU is lost to the process


def main() -> int:
    """Serve until stdin ends."""
    _set_environment()
    jobs, answers = sys.stdin.buffer, _own_stdout()
    wanted = sys.argv[1] if len(sys.argv) > 1 else "auto"
    try:
        ready, bench_of = _start(wanted)
    except Exception as exc:  # noqa: BLE001 - whatever an installation is broken by, the parent says it
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        return 3
    _send(answers, ready)
    bench = bench_of(ready.device)
    for line in jobs:
        job = decode_job(line)

        def say(text: str, about_base: bool, number: int = job.id) -> None:
            _send(answers, Stage(id=number, text=text, about_base=about_base))

        bench.say = say
        _send(answers, tested(bench, job))
    return 0


def _set_environment() -> None:
    """What the libraries read when they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # cuBLAS is deterministic only with a fixed workspace.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _own_stdout() -> BinaryIO:
    """The real stdout for messages alone; everything printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


def _start(wanted: str) -> tuple[Ready, Any]:
    import diffusers
    import torch
    import transformers

    from modelhub.render import allocator, devices
    from modelhub.render.bench import Bench

    allocator.keep_freed()
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
    device = devices.choose(wanted)
    devices.limit_memory(device)
    torch.use_deterministic_algorithms(True, warn_only=True)
    ready = Ready(
        device=device,
        device_name=devices.name_of(device),
        cuda_devices=torch.cuda.device_count(),
        versions={"torch": str(torch.__version__), "diffusers": diffusers.__version__},
    )
    return ready, lambda name: Bench(name, lambda text, about_base: None)


def _send(answers: BinaryIO, message: Ready | Stage | Result) -> None:
    answers.write(encode(message))
    answers.flush()


def tested(bench: Bench, job: Job) -> Result:
    """Run one job; whatever goes wrong is a verdict."""
    import torch

    from modelhub.errors import ModelhubError
    from modelhub.render import adapter_tests, devices
    from modelhub.render.problems import RenderProblem
    from modelhub.render.verdicts import RenderVerdict

    started = time.monotonic()
    stages: list[bool] = []
    say, unclear = bench.say, False

    def noted(text: str, about_base: bool) -> None:
        stages.append(about_base)
        say(text, about_base)

    bench.say = noted
    devices.reset_peak(bench.device)
    try:
        outcome = adapter_tests.run(bench, job)
        return _result(bench, job, outcome, time.monotonic() - started)
    except RenderProblem as exc:
        verdict, words = exc.verdict, exc.words
    except ModelhubError as exc:
        verdict, words = RenderVerdict.LOAD_ERROR, _naming(job, exc.message)
    except (torch.OutOfMemoryError, MemoryError):
        verdict, words, unclear = RenderVerdict.OUT_OF_MEMORY, "the device has too little memory", True
    except Exception as exc:  # noqa: BLE001 - a model that trips a library must not stop the run
        text = " ".join(str(exc).split())[:300]
        if devices.is_lost(text):
            # Every later job of this process would fail; ending it makes this one a crash and gives the next a new one.
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
            os._exit(_LOST)
        if devices.wants_memory(text):
            verdict, words = RenderVerdict.OUT_OF_MEMORY, "there is too little memory"
        else:
            verdict, words = RenderVerdict.LOAD_ERROR, f"{type(exc).__name__}: {text}"
        unclear = True
    finally:
        bench.say = say
    if unclear:
        # Only here: while it is handled, an error keeps alive what its frames hold.
        bench.drop()
    base_failed = bool(stages and stages[-1]) and job.subject.path != job.base.path
    return Result(
        id=job.id,
        verdict=verdict.value,
        words=f"its base {job.base.name} failed: {words}" if base_failed else words,
        recipe={"base": job.base.name},
        seconds=time.monotonic() - started,
        base_failed=base_failed,
    )


def _naming(job: Job, message: str) -> str:
    """The message, with the file in front where it does not name one."""
    paths = (job.subject.path, job.base.path)
    return message if any(path in message for path in paths) else f"{Path(job.subject.path).name}: {message}"


def _result(bench: Bench, job: Job, outcome: Outcome, seconds: float) -> Result:
    from modelhub.render import devices

    recipe = _recipe_json(bench, job, outcome)
    return Result(
        id=job.id,
        verdict=outcome.judgement.verdict.value,
        words=outcome.judgement.words,
        warnings=outcome.judgement.warnings,
        metrics={**outcome.numbers, "peak_memory": devices.peak_memory(bench.device), "device": bench.device},
        recipe=recipe,
        pictures=_written(job, outcome, recipe),
        seconds=seconds,
    )


def _recipe_json(bench: Bench, job: Job, outcome: Outcome) -> dict[str, Any]:
    from modelhub.version import __version__

    adapter = (
        []
        if job.subject.path == job.base.path
        else [{"kind": job.subject.type, "name": job.subject.name, "hash": job.subject.sha256[:10], "strength": 1.0}]
    )
    return {
        "prompt": outcome.prompt,
        "negative_prompt": outcome.recipe.negative_prompt,
        "steps": outcome.recipe.steps,
        "sampler": outcome.recipe.sampler,
        "guidance": outcome.recipe.guidance,
        "seed": outcome.recipe.seed,
        "width": outcome.recipe.size,
        "height": outcome.recipe.size,
        "model": job.base.name,
        "model_hash": job.base.sha256[:10],
        "architecture": job.base.architecture,
        "adapters": adapter,
        "device": bench.device,
        "dtype": outcome.numbers.get("dtype"),
        "modelhub_version": __version__,
    }


def _written(job: Job, outcome: Outcome, recipe: dict[str, Any]) -> dict[str, str]:
    from modelhub.render.pictures import write_png
    from modelhub.render.sampling import to_pixels
    from modelhub.render.sheet.sheet import difference_picture

    pixels = {kind: to_pixels(raw) for kind, raw in outcome.pictures.items()}
    if "base" in pixels and pixels["base"].shape == pixels["full"].shape:
        pixels["difference"] = difference_picture(pixels["base"], pixels["full"])
    folder = Path(job.pictures)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, image in pixels.items():
        strength = {"base": 0.0, "half": 0.5}.get(kind, 1.0)
        adapters = [{**entry, "strength": strength} for entry in recipe["adapters"]] if strength else []
        target = folder / f"{kind}.png"
        write_png(target, image, recipe={**recipe, "adapters": adapters, "picture": kind})
        written[kind] = str(target)
    return written


if __name__ == "__main__":
    sys.exit(main())
