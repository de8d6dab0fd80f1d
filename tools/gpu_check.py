"""The whole check of rendering on a GPU, in minutes, on a machine with nothing but Python, CUDA and this repository.

    pip install -e .[render]
    python tools/gpu_check.py [--device cuda:0] [--out FILE.json] [--folder FOLDER] [--keep] [--only sd1|sdxl]
    python tools/gpu_check.py --tiny --device cpu      # the same steps on networks of a hundredth of the size

It makes SD1.5 and SDXL files of true size and layout with random weights and an adapter of every type for each
(12 GB in a temporary folder), tests them through the same runner and worker as `modelhub render-test`, and checks
verdicts, data types, determinism, exact undoing, memory and speed. Random weights draw noise: that is the right
verdict for the bases, and adapters are judged by what they change. Prints Markdown tables for benchmarks/README.md and
ends with 1 when a check failed, with 2 when something is not installed. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

NEEDED = ("torch", "diffusers", "transformers", "numpy", "PIL", "psutil", "safetensors", "msgspec", "blake3")
_FREE = {True: 1 << 30, False: 16 << 30}  # bytes on the disk, by --tiny


def main() -> int:
    """Run the checks and return the exit code."""
    arguments = _arguments()
    if problem := _problem(arguments.device):
        print(problem, file=sys.stderr)
        return 2
    from tools.gpu_checks import CheckPlan, Checks

    folder = Path(tempfile.mkdtemp(prefix="modelhub-gpu-", dir=arguments.folder))
    if shutil.disk_usage(folder).free < _FREE[arguments.tiny]:
        print(f"{folder} needs {_FREE[arguments.tiny] >> 30} GB of free space; name another --folder", file=sys.stderr)
        return 2
    started = time.monotonic()
    plan = CheckPlan(
        device=arguments.device,
        folder=folder,
        tiny=arguments.tiny,
        kinds=(arguments.only,) if arguments.only else ("sd1", "sdxl"),
        adapters=arguments.adapters,
        rounds=arguments.rounds,
    )
    checks = Checks(plan, say=lambda text: print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True))
    try:
        report = checks.run()
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    report["seconds"] = round(time.monotonic() - started, 1)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print("\n" + checks.markdown())
    failed = [check["name"] for check in report["checks"] if not check["passed"]]
    print(f"\n{report['seconds']} s; " + (f"FAILED: {'; '.join(failed)}" if failed else "every check passed"))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check rendering on a GPU.")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--tiny", action="store_true", help="networks of a hundredth of the size, and small pictures")
    parser.add_argument("--out", type=Path, help="write everything that was measured as JSON")
    parser.add_argument("--folder", type=Path, help="where the 12 GB of files are made (default: temporary files)")
    parser.add_argument("--keep", action="store_true", help="do not remove the files at the end")
    parser.add_argument("--only", choices=("sd1", "sdxl"))
    parser.add_argument("--adapters", type=int, default=10, help="LoRAs of the overhead's measurement (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of it (default 3)")
    return parser.parse_args()


def _problem(device: str) -> str | None:
    """Return why the check cannot run here and what to do, None when it can."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}; run: pip install -e .[render]"
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no CUDA device; --tiny --device cpu tries the steps without one"
    return None


if __name__ == "__main__":
    sys.exit(main())
