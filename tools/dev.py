"""The commands that `make` runs, on every platform: `python tools/dev.py demo|test|format|readme|clean`.

Needs nothing but Python 3.11 or newer. The environment `.venv` is made once and brought up to date only when
pyproject.toml, constraints.txt or a translation changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("MODELHUB_VENV", ROOT / ".venv"))
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
_REQUIREMENTS = ("pyproject.toml", "constraints.txt")

# What `test` runs, all of them in this order: one failure must not hide the next.
CHECKS: tuple[tuple[str, ...], ...] = (
    ("-m", "ruff", "check"),
    ("-m", "ruff", "format", "--check"),
    ("-m", "mypy"),
    ("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"),
    ("-m", "pytest", "-n", "2"),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; further words go to pytest or the demo. Returns the exit status."""
    name, rest = (arguments[0] if arguments else ""), list(arguments[1:])
    if sys.version_info < (3, 11):  # noqa: UP036 - pip is not there yet to say so
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    if name not in _COMMANDS:
        print(f"usage: python tools/dev.py {'|'.join(_COMMANDS)}", file=sys.stderr)
        return 2
    return _COMMANDS[name](rest)


def demo(rest: list[str]) -> int:
    """Install the package with what rendering needs, and show the main job."""
    return install("render") or run("tools/demo.py", *rest)


def test(rest: list[str]) -> int:
    """Install the development tools and run every check."""
    if status := install("dev"):
        return status
    results = [run(*check, *(rest if "pytest" in check else ())) for check in CHECKS]
    return max(results, key=abs)


def tidy(_: list[str]) -> int:
    """Sort imports and format all code."""
    return install("dev") or run("-m", "ruff", "check", "--fix") or run("-m", "ruff", "format")


def readme(_: list[str]) -> int:
    """Bring the transcripts of the README and of the guide up to date."""
    return install("dev") or run("tools/readme.py")


def clean(_: list[str]) -> int:
    """Remove the environment and what the demo left."""
    for folder in (VENV, ROOT / "demo-library", ROOT / "build", ROOT / "dist"):
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def install(extra: str) -> int:
    """Make the environment and install the package with an extra ("render" or "dev"), unless that is done already."""
    stamp = VENV / f".installed-{extra}"
    # The development environment can do all that the other one can.
    if any(_says(one, _digest()) for one in (stamp, VENV / ".installed-dev")):
        return 0
    if not PYTHON.exists():
        print(f"Making an environment in {VENV.name} …", flush=True)
        if _call([sys.executable, "-m", "venv", str(VENV)]):
            hint = "On Debian and Ubuntu: apt install python3-venv"
            print(f"{sys.executable} could not make an environment. {hint}", file=sys.stderr)
            return 1
    what = f".[{extra}]"
    print(f"Installing modelhub with its {extra} tools …", flush=True)
    status = run("-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", "constraints.txt", "-e", what)
    if not status:
        stamp.write_text(_digest(), encoding="utf-8")
    return status


def run(*words: str) -> int:
    """Run the environment's Python in the repository's root."""
    return _call([str(PYTHON), *words])


def _call(words: list[str]) -> int:
    try:
        return subprocess.call(words, cwd=ROOT)
    except KeyboardInterrupt:
        return 130


def _digest() -> str:
    # Catalogs are compiled by the installation.
    catalogs = sorted((ROOT / "modelhub" / "locale").rglob("*.po"))
    content = b"".join(path.read_bytes() for path in (*(ROOT / name for name in _REQUIREMENTS), *catalogs))
    return hashlib.sha256(content + str(ROOT).encode()).hexdigest()


def _says(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == digest


_COMMANDS = {"demo": demo, "test": test, "format": tidy, "readme": readme, "clean": clean}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
