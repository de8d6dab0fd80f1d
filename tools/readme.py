"""Keep the README's transcripts true: each `$ modelhub …` of its console blocks is followed by what the demo printed.

python tools/dev.py readme
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


# Figures that differ from run to run and from machine to machine.
_MEASURED = re.compile(
    r"-?\d+(?:\.\d+)? ?%|(?:\d+ (?:h|min) )*\d+(?:\.\d+)? (?:min|s)(?=\))|correlation -?\d\.\d\d|\(torch [^)]*\)"
)


def without_figures(text: str) -> str:
    """Return a transcript without its measured figures, for comparing two of them."""
    return _MEASURED.sub("#", text)


def main() -> int:
    """Run the demo and rewrite the README's console blocks."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(refreshed(text, recorded(Path(folder))), encoding="utf-8")
    return 0


def recorded(folder: Path) -> dict[str, str]:
    """Return what each command of the demo prints, by command line. Raise CalledProcessError when one fails."""
    target = folder / "recorded.json"
    demo = [sys.executable, str(ROOT / "tools" / "demo.py"), "--folder", str(folder / "demo"), "--record", str(target)]
    subprocess.run(demo, check=True, cwd=ROOT)
    found: dict[str, str] = json.loads(target.read_text(encoding="utf-8"))
    return found


def refreshed(text: str, outputs: Mapping[str, str]) -> str:
    """Return a page with the outputs of its console blocks replaced. Raise KeyError for an unknown command."""

    def block(match: re.Match[str]) -> str:
        commands = [line[2:] for line in match[0].splitlines() if line.startswith("$ ")]
        return "\n\n".join(f"$ {command}\n{outputs[command]}" for command in commands) + "\n"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    sys.exit(main())
