"""The main job from nothing: a hub on 127.0.0.1, small models of true layout, and the real command line.

`make demo` runs it. All its files are in ./demo-library, which is rebuilt each time; your own library,
settings and tokens are not touched, and nothing leaves this machine.

    python tools/demo.py [--folder DIR] [--record FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from modelhub.testing.hubs.hub import Hub  # noqa: E402 - the repository's root must be on the path first
from tools.demo_models import downloads, messy, repositories  # noqa: E402
from tools.demo_shapes import shapes  # noqa: E402

WIDTH = 110
MARK = ".made-by-the-demo"
CONFIG = "config.toml"
PROMPT = "a red circle on the left, white background"
COMFY = ("sort", "messy", "--layout", "comfyui", "--into", "ComfyUI", "--by", "architecture")
SHEET = ("render-test", "--stale", "--prompt", PROMPT, "--sheet", "shapes.png")


@dataclass(frozen=True)
class Step:
    """A command line, the reason to show it, and its expected exit code."""

    title: str
    words: tuple[str, ...]
    code: int = 0


STEPS: tuple[Step, ...] = (
    Step(
        "A repository holds many files. Which one is chosen, and why? (This repository has moved as well.)",
        ("pull", "runwayml/stable-diffusion-v1-5", "--dry-run"),
    ),
    Step("Pull it.", ("pull", "runwayml/stable-diffusion-v1-5")),
    Step("A VAE, a LoRA, an embedding.", ("pull", "stabilityai/sd-vae-ft-mse-original")),
    Step("", ("pull", "painter/red-dress-lora")),
    Step("", ("pull", "painter/soft-light")),
    Step(
        "A pickle that would run a command when it is loaded is refused and quarantined.",
        ("pull", "stranger/free-upgrade", "--allow-pickle"),
        code=4,
    ),
    Step(
        "A folder of downloads with unhelpful names, identified by content. Exit code 4 warns of the dangerous file.",
        ("add", "downloads"),
        code=4,
    ),
    Step("Inspect a file before it is moved anywhere.", ("inspect", "downloads/New folder/speed_boost.pt")),
    Step("", ("inspect", "incoming/mix-final-7.safetensors", "--why")),
    Step("What is it, and how do we know?", ("show", "model (1)", "--why")),
    Step("How is it used?", ("show", "red-dress")),
    Step(
        "Convert a pickle to safetensors without running it; here only its EMA weights.",
        ("convert", "model (1)", "--variant", "emaonly"),
    ),
    Step("Which models share weights, in whatever file?", ("list", "--duplicates", "--level", "vae")),
    Step("Find things again.", ("list", "--type", "lora")),
    Step("", ("search", "mychar")),
    Step("Your edits override detection.", ("set", "model (1)", "name=SD 1.5 for training")),
    Step("Is every file unchanged since it was recorded, and harmless?", ("verify",), code=4),
    Step("The catalog.", ("list",)),
    Step(
        "Sort a messy folder into the folders that A1111 reads. Uncertain and unsafe files stay.",
        ("sort", "messy", "--layout", "a1111", "--into", "webui", "--report", "sorted.html"),
    ),
    Step("Every step is in a journal.", ("undo",)),
    Step("Sort it for ComfyUI, with a folder for each architecture.", COMFY),
    Step("", ("history",)),
    Step(
        "Which of these work? A trained miniature family, and four copies that are broken in different ways.",
        ("add", "shapes"),
    ),
    Step(
        "Render with each; then look at shapes.html or shapes.png.",
        ("render-test", "shapes", "--prompt", PROMPT, "--sheet", "shapes.html"),
        code=1,
    ),
    Step("Tested models are not tested again; a contact sheet can be drawn at any time.", SHEET),
    Step("", ("show", "burnt-vae")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every step and return 0 when each ended with its expected exit code."""
    parser = argparse.ArgumentParser(description="Show the main job on this machine.")
    parser.add_argument("--folder", type=Path, default=ROOT / "demo-library", help="rebuilt each time")
    parser.add_argument("--record", type=Path, help="write what each command printed, as JSON, instead of showing it")
    options = parser.parse_args(arguments)
    home = options.folder.resolve()
    if home.exists() and not (home / MARK).is_file():
        parser.error(f"{home} is not the folder of a demo; it would be removed")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="modelhub-demo-") as made, Hub(repositories(Path(made))) as hub:
        prepare(home)
        if options.record:
            return record(options.record, home, hub.url)
        say(f"A model hub is running on {hub.url}; the library is {home.name}/models.")
        wrong = [step for step in STEPS if not show(step, home, environment(home, hub.url))]
    for step in wrong:
        say(f"not as expected: {line(step.words)}")
    if not wrong:
        say(f"Done in {time.monotonic() - started:.0f} s. Look around in {home.name}/, or: make test")
    return 1 if wrong else 0


def prepare(home: Path) -> None:
    """Make the folder, with an empty configuration file and some downloads in it."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARK).touch()
    # An empty file stands for the user's own configuration, which must not change what is shown.
    (home / CONFIG).touch()
    downloads(home / "downloads")
    messy(home / "messy")
    shapes(home / "shapes")


def show(step: Step, home: Path, environ: Mapping[str, str]) -> bool:
    """Print and run one command; return whether it ended with its expected exit code."""
    if step.title:
        say(step.title)
    print(paint(f"$ {line(step.words)}", "1"), flush=True)
    code = subprocess.run(_command(step), cwd=home, env=environ, check=False, stderr=subprocess.STDOUT).returncode
    print(paint(f"[exit code {code}]", "2") + "\n" if code else "", flush=True)
    return code == step.code


def record(target: Path, home: Path, hub: str) -> int:
    """Write `{command line: output}`, with fixed names for paths and addresses that differ from run to run."""
    outputs, wrong = {}, 0
    for step in STEPS:
        done = subprocess.run(
            _command(step),
            cwd=home,
            env=environment(home, hub) | {"COLUMNS": str(WIDTH)},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        text = done.stdout.replace(str(home), "~").replace(hub, "http://127.0.0.1")
        outputs[line(step.words)] = text.rstrip()
        if done.returncode != step.code:
            wrong += 1
            print(f"{line(step.words)} ended with {done.returncode}, not {step.code}:\n{text}", file=sys.stderr)
    target.write_text(json.dumps(outputs, ensure_ascii=False, indent=1), encoding="utf-8")
    return 1 if wrong else 0


def _command(step: Step) -> list[str]:
    return [sys.executable, "-m", "modelhub", *step.words]


def environment(home: Path, hub: str) -> dict[str, str]:
    """Return the caller's environment, with the demo's own settings in place of those of modelhub and the hubs."""
    ours = ("MODELHUB_", "TRANSFORMERS_OFFLINE", "HF_", "HUGGING_FACE_", "CIVITAI_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    return kept | {
        "HF_ENDPOINT": hub,
        "HF_HOME": str(home / "huggingface"),
        "MODELHUB_CONFIG": str(home / CONFIG),
        "MODELHUB_LIBRARY": str(home / "models"),
        "PYTHONUTF8": "1",
        "COLUMNS": str(width),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def line(words: tuple[str, ...]) -> str:
    """Return a command as a user would type it."""
    return " ".join(["modelhub", *(f'"{word}"' if " " in word or "(" in word else word for word in words)])


def say(text: str) -> None:
    """Print a heading."""
    print(paint(f"\n# {text}\n", "36"), flush=True)


def paint(text: str, code: str) -> str:
    """Color text on terminals that support it."""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


if __name__ == "__main__":
    sys.exit(main())
