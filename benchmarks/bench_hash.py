"""All hashes of one large file, compared with `openssl dgst -sha256` alone in one run.

    python benchmarks/bench_hash.py [--size GB] [--rounds N] [--dir FOLDER] [--cold]

Makes a safetensors file for each data type in a temporary folder and removes it afterwards. Prints the median
of each contender and its ratio to openssl's; "+" lines are `hash_file` with that sink in the same read.
`--cold` drops the file from the page cache before every run (Linux).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

from modelhub.detect.weights.fingerprints import FingerprintSink
from modelhub.detect.weights.health import HealthSink
from modelhub.storage.fan_out import drop_file_from_cache
from modelhub.storage.hashing import hash_file

BLOCK = 16 << 20


@dataclass(frozen=True)
class Span:
    """A made-up tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def block_of(dtype: str) -> bytes:
    """Return values distributed like weights: the cost of rounding depends on them."""
    values = numpy.random.default_rng(0).normal(0, 0.03, BLOCK // 2).astype("<f4")
    if dtype == "F16":
        return values.astype("<f2").tobytes()
    if dtype == "BF16":
        return (values.view("<u4") >> 16).astype("<u2").tobytes()
    return values[: BLOCK // 4].tobytes()


def make_file(path: Path, size: int, dtype: str) -> None:
    """Write values of `dtype` after a minimal safetensors header."""
    header, block = b'{"__metadata__":{}     }', block_of(dtype)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        while file.tell() < size:
            file.write(block[: size - file.tell()])
        file.flush()
        os.fsync(file.fileno())


def spans(size: int, dtype: str) -> list[Span]:
    """Return about as many tensors as a checkpoint has."""
    width = {"F16": 2, "F32": 4, "BF16": 2}[dtype]
    length = size // 1100 // 4 * 4
    return [
        Span(f"model.diffusion_model.{number}", dtype, (length // width,), 32 + number * length, length)
        for number in range(1099)
    ]


def contenders(path: Path, size: int, dtype: str) -> dict[str, Callable[[], object]]:
    """Return the functions to time, by name."""
    tensors = spans(size, dtype)
    found: dict[str, Callable[[], object]] = {
        "openssl dgst -sha256 (1 hash)": lambda: subprocess.run(
            ["openssl", "dgst", "-sha256", str(path)], check=True, stdout=subprocess.DEVNULL
        ),
        "hash_file (6 hashes)": lambda: hash_file(path),
    }
    if dtype == "F16":
        found["hash_file, one core"] = lambda: hash_file(path, threads=False)
        found["+ health"] = lambda: hash_file(path, sinks=[HealthSink(tensors)])
    found["+ fingerprints"] = lambda: hash_file(path, sinks=[FingerprintSink(tensors)])
    return found


def measure(todo: dict[str, Callable[[], object]], rounds: int, path: Path, cold: bool) -> dict[str, list[float]]:
    """Return the seconds of every round; the contenders take turns, so that a busy moment slows all of them."""
    times: dict[str, list[float]] = {name: [] for name in todo}
    for _ in range(rounds):
        for name, run in todo.items():
            if cold:
                drop_file_from_cache(path)
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every data type and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=4.0, help="GB (10⁹ bytes)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=None, help="where the temporary folder is made")
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args(arguments)
    if shutil.which("openssl") is None:
        parser.error("openssl is not installed")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    print(f"{options.size:g} GB, median of {options.rounds}, {os.cpu_count()} cores, load at the start {load}")
    for dtype in ("F16", "F32", "BF16"):
        run_one(int(options.size * 1e9), dtype, options)


def run_one(size: int, dtype: str, options: argparse.Namespace) -> None:
    """Make a file of one data type, measure it and print the results."""
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        path = Path(folder) / "model.safetensors"
        make_file(path, size, dtype)
        times = measure(contenders(path, size, dtype), options.rounds, path, options.cold)
    base = statistics.median(next(iter(times.values())))
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(
            f"{dtype:5}{name:32}{middle:7.2f} s {size / middle / 1e9:6.2f} GB/s {middle / base:5.2f} × openssl's time"
        )


if __name__ == "__main__":
    main()
