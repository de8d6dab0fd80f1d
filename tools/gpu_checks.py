"""The steps of `gpu_check.py`."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from modelhub.render import devices
from modelhub.render.messages import Job, Part, Ready, Result
from modelhub.render.recipes import Recipe
from modelhub.render.runner import Limits, Worker
from tools import full_adapters, full_size
from tools.diffusers_calls import Overhead, measure

_LORAS = ("lora", "dora", "loha", "lokr")
_JOB_SECONDS = 240.0
_OVERHEAD_SECONDS = 60.0  # after which no further round of the overhead's measurement begins
_SPARE = 1 << 30  # bytes beyond the weights, for the test that must run out of memory
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CheckPlan:
    """The checks to run. `kinds`: of "sd1" and "sdxl"; `adapters` and `rounds` are those of the overhead."""

    device: str
    folder: Path
    tiny: bool
    kinds: tuple[str, ...]
    adapters: int
    rounds: int

    @property
    def size(self) -> int:
        """Pixels of a side by default."""
        return 64 if self.tiny else 512

    @property
    def steps(self) -> int:
        """Steps of a render."""
        return 2 if self.tiny else 20

    @property
    def cuda(self) -> bool:
        """True on an NVIDIA GPU."""
        return self.device.startswith("cuda")

    def layout(self, kind: str) -> full_size.Layout:
        """Return the sizes of an architecture's networks."""
        return (full_size.SMALL if self.tiny else full_size.FULL)[kind]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One test."""

    base: str
    subject: str
    dtype: str
    size: int
    result: Result


@dataclass
class Checks:
    """The runner of every step; `rows`, `checks` and `overheads` are what came out."""

    plan: CheckPlan
    say: Say
    ready: Ready | None = None
    rows: list[Row] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    overheads: dict[str, Overhead] = field(default_factory=dict)
    made: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Run all steps; a failed check does not stop the others."""
        parts = {kind: self._files(kind) for kind in self.plan.kinds}
        for kind in self.plan.kinds:
            with self._step(f"{kind}: tests"):
                self._tests(kind, parts)
        for kind in self.plan.kinds:
            with self._step(f"{kind}: out of memory"):
                self._out_of_memory(parts[kind]["base"])
            with self._step(f"{kind}: overhead"):
                self._overhead(kind, parts[kind])
        return self.report()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.say(name)
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - the other steps still tell something
            self._check(f"{name} ran", False, f"{type(exc).__name__}: {exc}")

    def _files(self, kind: str) -> dict[str, Part]:
        self.say(f"{kind}: making files")
        layout, folder, device = self.plan.layout(kind), self.plan.folder, self.plan.device
        started = time.monotonic()
        base = full_size.write_base(layout, folder / f"{kind}.safetensors", device=device, seed=1)
        self.made[kind] = time.monotonic() - started
        weights = full_size.Weights(device, seed=2)
        paths = {
            name: getattr(full_adapters, name)(layout, folder / f"{kind}-{name}.safetensors", weights)
            for name in (*_LORAS, "embedding")
        }
        paths["hypernetwork"] = full_adapters.hypernetwork(layout, folder / f"{kind}-hypernetwork.pt", weights)
        paths["vae"] = full_adapters.vae(folder / f"{kind}.vae.safetensors", base, weights)
        paths["overflowing vae"] = full_adapters.vae(
            folder / f"{kind}-overflowing.vae.safetensors", base, weights, overflows=True
        )
        del weights
        gc.collect()
        devices.empty_cache(device)
        types = dict.fromkeys(_LORAS, "lora") | {"overflowing vae": "vae"}
        parts = {name: Part(path=str(path), name=path.name, type=types.get(name, name)) for name, path in paths.items()}
        own = Part(path=str(base), name=base.name, architecture=kind, prediction="epsilon")
        return {"base": own, **parts}

    def _tests(self, kind: str, parts: dict[str, dict[str, Part]]) -> None:
        own, base = parts[kind], parts[kind]["base"]
        large = 2 * self.plan.size
        with self._worker() as worker:
            first = self._test(worker, kind, base)
            self._expect(first, "noise")
            self._expect(self._test(worker, kind, base, size=large), "noise")
            for name in (*_LORAS, "embedding", "hypernetwork", "vae"):
                self._expect(self._test(worker, kind, base, own[name], name), "ok")
            for other in self.plan.kinds:
                if other != kind:
                    row = self._test(worker, kind, base, parts[other]["lora"], f"{other} lora")
                    self._expect(row, "incompatible")
            again = [self._test(worker, kind, base, own["lora"], "lora again") for _ in range(2)]
            self._same(f"{kind}: the same LoRA twice in one process", again[0], again[1])
            undone = self._test(worker, kind, base, subject_name="base, seed 2, after the adapters", seed=2)
        with self._worker() as worker:
            fresh = self._test(worker, kind, base, subject_name="base, seed 2, fresh process", seed=2)
            self._same(f"{kind}: undone exactly (the base after all adapters and in a fresh process)", undone, fresh)
            for dtype in ("bf16", "fp32"):
                self._expect(self._test(worker, kind, base, dtype=dtype), "noise")
                self._expect(self._test(worker, kind, base, own["lora"], "lora", dtype=dtype), "ok")
            for dtype, verdict in (("fp16", "needs-fp32-vae"), ("fp32", "ok")):
                row = self._test(worker, kind, base, own["overflowing vae"], "overflowing vae", dtype=dtype)
                self._expect(row, verdict)

    @contextmanager
    def _worker(self, share: float | None = None) -> Iterator[Worker]:
        worker = Worker(self.plan.device, limits=Limits(seconds=_JOB_SECONDS))
        if share is not None:
            os.environ[devices.SHARE] = str(share)
        try:
            self.ready = worker.start()
            yield worker
        finally:
            os.environ.pop(devices.SHARE, None)
            worker.stop()

    def _test(
        self,
        worker: Worker,
        kind: str,
        base: Part,
        subject: Part | None = None,
        subject_name: str = "base",
        *,
        size: int = 0,
        dtype: str = "",
        seed: int = 1,
        steps: int = 0,
    ) -> Row:
        number, side = len(self.rows) + 1, size or self.plan.size
        job = Job(
            id=number,
            subject=subject or base,
            base=base,
            recipe=Recipe(size=side, steps=steps or self.plan.steps, seed=seed),
            pictures=str(self.plan.folder / "pictures" / str(number)),
            exact=True,
            dtype=dtype,
        )
        result = worker.test(job, lambda job, stage: None)
        used = dtype or str(result.metrics.get("dtype", ""))
        row = Row(base=kind, subject=subject_name, dtype=used, size=side, result=result)
        self.rows.append(row)
        self.say(f"  {kind} {subject_name} {used} {side} px: {result.verdict} ({result.words}) {result.seconds:.1f} s")
        return row

    def _expect(self, row: Row, verdict: str) -> None:
        name = f"{row.base} {row.subject} {row.dtype} {row.size} px is {verdict}"
        self._check(name, row.result.verdict == verdict, f"{row.result.verdict}: {row.result.words}")

    def _same(self, name: str, one: Row, other: Row) -> None:
        digests = [row.result.metrics.get("latents_digest") for row in (one, other)]
        words = "latents equal to the last bit" if digests[0] == digests[1] else _apart(one, other)
        self._check(name, digests[0] is not None and digests[0] == digests[1], words)

    def _check(self, name: str, passed: bool, words: str = "") -> None:
        self.checks.append({"name": name, "passed": bool(passed), "words": words})
        if not passed:
            self.say(f"  FAILED {name}: {words}")

    def _out_of_memory(self, base: Part) -> None:
        """Check that a picture too large for the memory is a verdict, and that the next job works."""
        if not self.plan.cuda:
            return
        total = torch.cuda.get_device_properties(self.plan.device).total_memory
        share = min(1.0, (Path(base.path).stat().st_size + _SPARE) / total)
        kind = str(base.architecture)
        with self._worker(share) as worker:
            name = f"base, {share:.1%} of the memory"
            row = self._test(worker, kind, base, subject_name=name, size=4 * self.plan.size, steps=2)
            self._expect(row, "out-of-memory")
            row = self._test(worker, kind, base, subject_name="base after that", size=self.plan.size // 2)
            self._expect(row, "noise")

    def _overhead(self, kind: str, own: dict[str, Part]) -> None:
        self.overheads[kind] = found = measure(
            own["base"],
            own["lora"],
            device=self.plan.device,
            recipe=Recipe(size=self.plan.size, steps=self.plan.steps),
            pictures=self.plan.folder / "pictures" / "overhead",
            adapters=self.plan.adapters,
            rounds=self.plan.rounds,
            limit=_OVERHEAD_SECONDS,
        )
        gc.collect()
        devices.empty_cache(self.plan.device)
        words = f"{found.over_calls:+.1%} over diffusers' calls, {found.over_calls_and_lora:+.1%} with the LoRA applied"
        self.say(f"  {words}")
        if not self.plan.tiny:
            self._check(f"{kind}: overhead at most 5 %", found.over_calls_and_lora <= 0.05, words)

    def report(self) -> dict[str, Any]:
        """Return everything as plain values."""
        ready = self.ready
        return {
            "device": ready.device_name if ready else self.plan.device,
            "versions": {**(ready.versions if ready else {}), "python": platform.python_version()},
            "tiny": self.plan.tiny,
            "files_seconds": self.made,
            "checks": self.checks,
            "rows": [_row_values(row) for row in self.rows],
            "overheads": {
                kind: {**asdict(o), "over_calls": o.over_calls, "over_calls_and_lora": o.over_calls_and_lora}
                for kind, o in self.overheads.items()
            },
        }

    def markdown(self) -> str:
        """Return the tables for benchmarks/README.md."""
        from tools.gpu_tables import tables

        return tables(self.report())


def _row_values(row: Row) -> dict[str, Any]:
    result = row.result
    return {
        "base": row.base,
        "subject": row.subject,
        "dtype": row.dtype,
        "size": row.size,
        "verdict": result.verdict,
        "words": result.words,
        "seconds": round(result.seconds, 3),
        "metrics": result.metrics,
    }


def _apart(one: Row, other: Row) -> str:
    """Return how far two pictures are apart, of 255."""
    pictures = []
    for row in (one, other):
        path = row.result.pictures.get("full")
        if path is None:
            return f"there is no picture: {row.result.words}"
        with Image.open(path) as image:
            pictures.append(np.asarray(image, dtype=np.int16))
    return f"latents differ; the pictures by at most {int(np.abs(pictures[0] - pictures[1]).max())} of 255"
