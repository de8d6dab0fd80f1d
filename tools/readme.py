"""Keep transcripts true: each `$ modelhub …` in the console blocks of a page is followed by what it printed.

The README shows the demo, the pages of the guide show a newcomer at a terminal of 80 columns.

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
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

README = ROOT / "README.md"
# The pages of the guide, by the language of their transcripts.
GUIDES: Mapping[str, Path] = {"en": ROOT / "docs" / "guide.md", "zh_Hans": ROOT / "docs" / "guide.zh-CN.md"}
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


# Figures that differ from run to run and from machine to machine.
_MEASURED = re.compile(
    r"-?\d+(?:\.\d+)? ?%|(?:\d+ (?:h|min) )*\d+(?:\.\d+)? (?:min|s)(?=\))|correlation -?\d\.\d\d|\(torch [^)]*\)"
)


def without_figures(text: str) -> str:
    """Return a transcript without its measured figures, for comparing two of them."""
    return _MEASURED.sub("#", text)


def main() -> int:
    """Run the demo and the commands of the guide, and rewrite the console blocks of every page."""
    from tools.translations import main as update_translations

    if update_translations(("compile",)):
        return 1
    for language, page in GUIDES.items():
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(refreshed(text, newcomers_session(text, language, Path(folder))), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(refreshed(text, recorded(Path(folder))), encoding="utf-8")
    return 0


def commands_of(text: str) -> list[str]:
    """Return the command lines in the console blocks of a page, in their order."""
    return [line[2:] for block in _BLOCK.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def newcomers_session(text: str, language: str, folder: Path) -> dict[str, str]:
    """Run the commands of a page one after the other, and return what each of them shows."""
    from tools.guide_session import newcomer  # needs the development tools, as the demo does not

    with newcomer(folder, language) as answer:
        return {line: answer(line).text for line in commands_of(text)}


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
        commands = commands_of(f"```console\n{match[0]}```")
        return "\n\n".join(f"$ {command}\n{outputs[command]}" for command in commands) + "\n"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    sys.exit(main())
