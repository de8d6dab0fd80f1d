"""The render worker: `python -m modelhub.render.worker DEVICE`, jobs as lines on stdin, messages as lines on stdout.

The only process that imports torch and diffusers. It never contacts a hub; the output of libraries goes to stderr.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from modelhub.render.messages import Job, Ready, Result, Stage, decode_job, encode

if TYPE_CHECKING:
    from modelhub.render.tester import Outcome, Tester

_LOST = 70  # exit code when the GPU is lost to the process


def main() -> int:
    """Run the jobs of stdin until it ends; return the exit code."""
    _set_environment()
    jobs, output = sys.stdin.buffer, _redirect_stdout()
    device = sys.argv[1] if len(sys.argv) > 1 else "auto"
    try:
        ready, make_tester = _start(device)
    except Exception as exc:  # noqa: BLE001 - the parent reports whatever is wrong with an installation
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        return 3
    _send(output, ready)
    tester = make_tester(ready.device)
    for line in jobs:
        job = decode_job(line)

        def report_stage(text: str, about_base: bool, number: int = job.id) -> None:
            _send(output, Stage(id=number, text=text, about_base=about_base))

        tester.report_stage = report_stage
        _send(output, run_job(tester, job))
    return 0


def _set_environment() -> None:
    """Set the variables that the libraries read when they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # cuBLAS is deterministic only with a fixed workspace.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _redirect_stdout() -> BinaryIO:
    """Return the real stdout, for messages alone; everything that is printed goes to stderr."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return output


def _start(requested: str) -> tuple[Ready, Any]:
    import diffusers
    import torch
    import transformers

    from modelhub.render import allocator, devices
    from modelhub.render.tester import Tester

    allocator.keep_freed_memory()
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
    device = devices.choose_device(requested)
    devices.limit_memory(device)
    torch.use_deterministic_algorithms(True, warn_only=True)
    ready = Ready(
        device=device,
        device_name=devices.device_name(device),
        cuda_devices=torch.cuda.device_count(),
        versions={"torch": str(torch.__version__), "diffusers": diffusers.__version__},
    )
    return ready, lambda name: Tester(name, lambda text, about_base: None)


def _send(output: BinaryIO, message: Ready | Stage | Result) -> None:
    output.write(encode(message))
    output.flush()


def run_job(tester: Tester, job: Job) -> Result:
    """Run one job; every failure becomes a verdict."""
    import torch

    from modelhub.errors import ModelhubError
    from modelhub.render import devices
    from modelhub.render.model_tests.by_type import run_test
    from modelhub.render.problems import RenderProblem
    from modelhub.render.verdicts import RenderVerdict, not_testable

    started = time.monotonic()
    stages: list[bool] = []
    report_stage, must_unload = tester.report_stage, False

    def record_stage(text: str, about_base: bool) -> None:
        stages.append(about_base)
        report_stage(text, about_base)

    tester.report_stage = record_stage
    devices.reset_peak(tester.device)
    try:
        outcome = run_test(tester, job)
        return _make_result(tester, job, outcome, time.monotonic() - started)
    except RenderProblem as exc:
        verdict, words = exc.verdict, exc.words
    except ModelhubError as exc:
        verdict, words = RenderVerdict.LOAD_ERROR, not_testable(_name_file(job, exc.message))
    except (torch.OutOfMemoryError, MemoryError):
        verdict, words = RenderVerdict.OUT_OF_MEMORY, not_testable("the device has too little memory")
        must_unload = True
    except Exception as exc:  # noqa: BLE001 - an error of a library must not end the run
        text = " ".join(str(exc).split())[:300]
        if devices.is_lost(text):
            # Every later job of this process would fail: this one becomes a crash, and the next gets a new process.
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
            os._exit(_LOST)
        if devices.is_out_of_memory(text):
            verdict, words = RenderVerdict.OUT_OF_MEMORY, not_testable("there is too little memory")
        else:
            verdict, words = RenderVerdict.LOAD_ERROR, not_testable(f"{type(exc).__name__}: {text}")
        must_unload = True
    finally:
        tester.report_stage = report_stage
    if must_unload:
        # Not before: while it is handled, an error keeps the values of its frames alive.
        tester.unload()
    base_failed = bool(stages and stages[-1]) and job.subject.path != job.base.path
    return Result(
        id=job.id,
        verdict=verdict.value,
        words=f"Its base {job.base.name} failed. {words}" if base_failed else words,
        recipe={"base": job.base.name},
        seconds=time.monotonic() - started,
        base_failed=base_failed,
    )


def _name_file(job: Job, message: str) -> str:
    """Return a message with the file in front where it does not name one."""
    paths = (job.subject.path, job.base.path)
    return message if any(path in message for path in paths) else f"{Path(job.subject.path).name}: {message}"


def _make_result(tester: Tester, job: Job, outcome: Outcome, seconds: float) -> Result:
    from modelhub.render import devices

    recipe = _recipe_json(tester, job, outcome)
    return Result(
        id=job.id,
        verdict=outcome.judgement.verdict.value,
        words=outcome.judgement.words,
        warnings=outcome.judgement.warnings,
        metrics={**outcome.metrics, "peak_memory": devices.peak_memory(tester.device), "device": tester.device},
        recipe=recipe,
        pictures=_write_pictures(job, outcome, recipe),
        seconds=seconds,
    )


def _recipe_json(tester: Tester, job: Job, outcome: Outcome) -> dict[str, Any]:
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
        "device": tester.device,
        "dtype": outcome.metrics.get("dtype"),
        "modelhub_version": __version__,
    }


def _write_pictures(job: Job, outcome: Outcome, recipe: dict[str, Any]) -> dict[str, str]:
    from modelhub.render.pictures import write_png
    from modelhub.render.sampling import to_pixels
    from modelhub.render.sheet.difference import difference_picture

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
