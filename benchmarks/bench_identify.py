"""Identify 10,000 LoRA files, and one 7.7 GB checkpoint.

Side by side in one run, on the same files: opening them and parsing their headers with the fastest JSON parser at hand;
`modelhub.operations.library.inspect` in one process; `modelhub inspect --json` as a whole process.

    python benchmarks/bench_identify.py [--files 10000] [--rounds 3] [--folder DIR]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from modelhub.testing.files import adapters, networks, safetensors_file, torch_file  # noqa: E402


def main() -> None:
    """Make the files, measure, print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-identify-") as temporary:
        folder = Path(temporary)
        files = make_loras(folder / "loras", options.files)
        header = int.from_bytes(files[0].read_bytes()[:8], "little")
        print(f"{len(files)} LoRA files, 792 tensors and a header of {header / 1000:.0f} kB each")
        measure_loras(files, options.rounds)
        checkpoint = torch_file.write(
            folder / "v1-5-pruned.ckpt", torch_file.checkpoint(networks.sd1(both=True), global_step=840000), sparse=True
        )
        measure_checkpoint(checkpoint, options.rounds)


def make_loras(folder: Path, count: int) -> list[Path]:
    """Sparse LoRA files of true layout, each with metadata of its own."""
    tensors = adapters.lora_sd1(16)
    made = []
    for number in range(count):
        metadata = adapters.lora_metadata(f"lora-{number}", f"word{number}", rank=16)
        path = folder / f"{number // 1000:02d}" / f"lora-{number:05d}.safetensors"
        made.append(safetensors_file.write(path, tensors, metadata=metadata, sparse=True))
    return made


def measure_loras(files: list[Path], rounds: int) -> None:
    """Print files per second of each way and the ratio to the plain parse."""
    from modelhub.operations.library.inspect import inspect

    name, parse = fastest_parser()
    ways: dict[str, Callable[[], object]] = {
        f"open, read the header, {name}": lambda: _each(files, lambda path: parse(_header(path))),
        "modelhub, in one process": lambda: _each(files, inspect),
        "modelhub inspect --json DIR, whole process": lambda: _whole(files[0].parent.parent),
    }
    for path in files:  # warm the page cache for all ways alike
        _header(path)
    medians = {title: _median(run, rounds) for title, run in ways.items()}
    plain = next(iter(medians.values()))
    for title, seconds in medians.items():
        print(f"  {title:<50} {len(files) / seconds:8.0f} files/s  {plain / seconds:5.2f} × plain")


def measure_checkpoint(path: Path, rounds: int) -> None:
    """Print wall time and peak memory of identifying one large pickle in a process of its own."""
    walls, peaks = [], []
    for _ in range(max(rounds, 5)):
        started = time.perf_counter()
        peaks.append(_peak([sys.executable, "-m", "modelhub", "inspect", "--json", str(path)]))
        walls.append(time.perf_counter() - started)
    size = path.stat().st_size / 1e9
    print(f"{size:.1f} GB checkpoint, whole process: {statistics.median(walls):.3f} s, {max(peaks) / 1e6:.0f} MB peak")


def fastest_parser() -> tuple[str, Callable[[bytes], object]]:
    """Return the name and the parser of orjson where it is installed, else of msgspec."""
    try:
        return "orjson", importlib.import_module("orjson").loads
    except ImportError:
        return "msgspec", importlib.import_module("msgspec.json").decode


def _header(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        length = int.from_bytes(file.read(8), "little")
        return file.read(length)


def _each(files: Iterable[Path], look: Callable[[Path], object]) -> None:
    gc.disable()
    try:
        for path in files:
            look(path)
    finally:
        gc.enable()


def _whole(folder: Path) -> None:
    command = [sys.executable, "-m", "modelhub", "inspect", "--json", str(folder)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    wrong = [entry["path"] for entry in found if (entry["type"], entry["architecture"]) != ("lora", "sd1")]
    if wrong:
        raise SystemExit(f"identified wrongly: {wrong[:3]}")


def _median(run: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _peak(command: list[str]) -> int:
    """Peak resident memory of a process in bytes (Linux and macOS)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to make the files; they take about 1.3 GB")
    return parser.parse_args()


if __name__ == "__main__":
    main()
