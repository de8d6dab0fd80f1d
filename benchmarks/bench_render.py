"""Time render tests on a CPU: a full-size SD1.5 as a whole command, and adapters beside bare diffusers calls.

    python benchmarks/bench_render.py [--adapters 3] [--rounds 2]

Makes an SD1.5 of full size with random fp16 weights (2 GB, in the current folder), and a LoRA of rank 16. Random
weights are judged as noise; the work is the same. Peak memory is that of the render process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from modelhub.render import allocator
from modelhub.render.messages import Part
from modelhub.render.recipes import Recipe
from tools import full_adapters, full_size
from tools.diffusers_calls import measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapters", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-render-", dir=Path.cwd()) as name:
        folder = Path(name)
        base = full_size.write_base(full_size.SD15, folder / "full.safetensors", seed=1)
        lora = full_adapters.lora(full_size.SD15, folder / "lora.safetensors", full_size.Weights("cpu", seed=2))
        whole_commands(base, folder, options.rounds)
        beside_diffusers(base, lora, folder, options.adapters, options.rounds)


def whole_commands(base: Path, folder: Path, rounds: int) -> None:
    """Time the whole command `render-test`, and the start-up of its help."""
    command = [sys.executable, "-m", "modelhub", "--library", str(folder / "library")]
    subprocess.run([*command, "add", str(base), "--json"], check=True, capture_output=True)
    times: list[float] = []
    metrics: dict[str, float] = {}
    for _ in range(rounds):
        started = time.monotonic()
        done = subprocess.run([*command, "render-test", "full", "--json"], capture_output=True, text=True)
        times.append(time.monotonic() - started)
        metrics = json.loads(done.stdout)[0]["metrics"]
    print(f"render-test of SD1.5, whole command: {statistics.median(times):.1f} s (of {rounds})")
    print("  " + ", ".join(f"{name} {value:.2f}" for name, value in metrics.items() if "seconds" in name))
    print(f"  peak memory of the worker {metrics['peak_memory'] / 1e9:.2f} GB")
    helps = []
    for _ in range(5):
        started = time.monotonic()
        subprocess.run([*command, "render-test", "--help"], check=True, capture_output=True)
        helps.append(time.monotonic() - started)
    print(f"render-test --help: {statistics.median(helps) * 1000:.0f} ms")


def beside_diffusers(base: Path, lora: Path, folder: Path, adapters: int, rounds: int) -> None:
    """Time the same renders by diffusers' own pipeline on the same networks, in turns.

    Each time in a process of its own: with malloc as the worker sets it, and as the system does.
    """
    for start, words in ((allocator.keep_freed_memory, "malloc keeps what is freed"), (None, "malloc left alone")):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start) as process:
            found = process.submit(
                measure,
                Part(path=str(base), name="full", type="base", native_size=512),
                Part(path=str(lora), name="lora", type="lora", native_size=512),
                device="cpu",
                recipe=Recipe(),
                pictures=folder / "pictures",
                adapters=adapters,
                rounds=rounds,
                limit=600,
            ).result()
        print(f"{found.adapters} LoRAs, full and half strength, {words}: {found.tested:.1f} s;", end=" ")
        print(f"{found.over_calls:+.1%} over diffusers' calls alone ({found.calls:.1f} s),", end=" ")
        print(f"{found.over_calls_and_lora:+.1%} over calls with the LoRA applied and removed", end=" ")
        print(f"({found.calls_and_lora:.1f} s)")


if __name__ == "__main__":
    main()
