"""`modelhub list` on 100,000 models against `hf cache ls` on a small cache: whole processes, medians.

python benchmarks/bench_list.py [--models N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.make_catalog import fill  # noqa: E402

BIN = Path(sys.executable).parent


def timed(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Wall seconds of one run."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(environ))
    return time.perf_counter() - started


def main() -> None:
    """Fill a catalog, then run all commands in turn, round by round, so that noise meets all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder)
        started = time.perf_counter()
        fill(library / "catalog.sqlite3", options.models)
        spent = time.perf_counter() - started
        print(f"{options.models} models recorded in {spent:.1f} s ({options.models / spent:.0f}/s)")
        environ = {**os.environ, "MODELHUB_LIBRARY": folder, "HF_HOME": str(library / "hf"), "HF_HUB_OFFLINE": "1"}
        hub = library / "hf" / "hub" / "models--org--name"
        (hub / "snapshots" / ("0" * 40)).mkdir(parents=True)
        (hub / "refs").mkdir()
        (hub / "refs" / "main").write_text("0" * 40)
        modelhub = str(BIN / "modelhub")
        commands = {
            "modelhub list --limit 50": [modelhub, "list", "--limit", "50"],
            "modelhub list --type lora --limit 50 --json": [
                modelhub,
                "list",
                "--type",
                "lora",
                "--limit",
                "50",
                "--json",
            ],
            "modelhub search word5": [modelhub, "search", "word5"],
            "modelhub (start page)": [modelhub],
            "modelhub list (all)": [modelhub, "list"],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        if shutil.which("hf", path=str(BIN)):
            commands["hf cache ls (one repository)"] = [str(BIN / "hf"), "cache", "ls"]
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                times[name].append(timed(command, environ))
        medians = {name: statistics.median(values) for name, values in times.items()}
        peer = medians.get("hf cache ls (one repository)")
        for name, value in medians.items():
            ratio = f"  {value / peer:.2f} × hf" if peer else ""
            print(f"{name:<46} {value * 1000:8.0f} ms{ratio}")


if __name__ == "__main__":
    main()
