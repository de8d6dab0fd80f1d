"""What must start quickly does not import what is slow to import: torch lives in the worker process alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "numpy", "PIL")
SHOWN = f"print(sorted(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)"
HELP = "import sys; from modelhub.__main__ import main; sys.argv = ['modelhub', 'render-test', '--help']"


@pytest.mark.parametrize(
    "code",
    [
        f"{HELP}\ntry:\n    main()\nfinally:\n    {SHOWN}",
        f"import sys, modelhub.operations.render.run; {SHOWN}",
        f"import sys, modelhub.render.runner, modelhub.render.messages; {SHOWN}",
    ],
    ids=["help", "operation", "runner"],
)
def test_nothing_heavy_is_imported_outside_the_worker(code: str) -> None:
    """`modelhub render-test --help`, the operation, and the runner that starts workers."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"
