"""The command line in another language: everything that people read, and nothing that programs read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.cli.registry import COMMANDS
from modelhub.cli.topics.registry import TOPICS
from modelhub.config_keys import KEYS
from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.marked_language import english_words, marked_language

# Commands below `shortcut` and `config`.
_BELOW = ("install", "list", "remove", "show", "path", "init")
COMMAND_LINES = (
    "",
    "add models",
    "add models",
    "add nowhere",
    "add --copy --move models",
    "",
    "list",
    "list --missing",
    "list nothing-like-this",
    "list --duplicates",
    "list --report page.html",
    "search dress",
    "show dress --why",
    "show trap --why",
    "show cut",
    "inspect models --why",
    "inspect models --deep",
    "verify",
    "verify --deep",
    "scan",
    "doctor",
    "known anything",
    "known nosuch",
    "explain",
    "explain lora",
    "explain ckpt",
    "explain nosuch",
    "config show",
    "history",
    "sort models --layout comfyui --into ui --dry-run",
    "sort models --layout comfyui --into ui",
    "history",
    "undo",
    "undo",
    "shortcut list",
    "tag dress fav",
    "tag dress",
    "tag dress --remove fav",
    "set dress style=anime",
    "set dress style=",
    "set dress style=nosuch",
    "set dress nosuch=1",
    "render-test trap",
    "render-test --failed",
    "outdated",
    "export list.json",
    "import list.json",
    "import nowhere.json",
    "link --layout comfyui",
    "rm trap --yes --keep-files",
    "rm cut --yes",
    "pull nosuch",
    "pull a/b --offline",
    "show nosuch",
    "list tpye:lora",
    "list type:lroa",
    "list --typ lora",
    "list --type lroa",
    "list --limit 0",
    "pull --limit-rate fast x",
    "download x",
    "dwnload x",
    "nosuch",
    "fingerprint models/dress.safetensors",
    "convert dress --precision fp12",
    "convert models",
)
# Names of the files above, names of products, and values that are typed as they are.
NAMES = frozenset(
    (
        *("dress", "red", "trap", "cut", "models", "copies", "nosuch", "nowhere", "fav", "tpye", "library", "lroa"),
        *("modelhub", "safetensors", "torch", "numpy", "pillow", "python", "zip", "lora", "comfyui", "Comfy", "Forge"),
        *("unet", "vae", "text", "sha", "autov", "blake", "crc", "Anything", "Ink", "sdxl"),
        *COMMANDS,
    )
)
# What one command alone shows as it is typed.
NAMES_OF = {
    "explain": frozenset(word for topic in TOPICS for word in topic.word.replace("-", " ").split()),
    "config": frozenset(("auto", "false", "render", "Hans", *(word for key in KEYS for word in key.name.split("_")))),
}


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[None]:
    """A language whose translation of each sentence is that sentence in brackets."""
    with marked_language(tmp_path / "locale"):
        yield


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a few models, one of them a copy, one dangerous and one cut."""
    for name in ("CONFIG", "LIBRARY", "STATE"):
        monkeypatch.setenv(f"MODELHUB_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    models = tmp_path / "models"
    metadata = adapters.lora_metadata("red_dress", "red dress", rank=4)
    safetensors_file.write(models / "dress.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=1)
    safetensors_file.write(models / "copies" / "dress2.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=1)
    hostile.checkpoint(models / "trap.pt")
    cut = models / "cut.safetensors"
    safetensors_file.write(cut, adapters.lora_sd1(4), seed=2)
    cut.write_bytes(cut.read_bytes()[:-1000])
    return models


@pytest.mark.usefixtures("marked", "place")
def test_no_sentence_escapes_translation(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command prints is a translated sentence, but for names, values and commands."""
    escaped = {}
    for line in COMMAND_LINES:
        run(shlex.split(line))
        shown = capsys.readouterr()
        names = NAMES | NAMES_OF.get(line.partition(" ")[0], frozenset())
        if words := sorted({*english_words(shown.out + shown.err)} - names):
            escaped[line] = words
    assert escaped == {}


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("name", [*COMMANDS, ""])
def test_no_help_escapes_translation(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help is translated: what it does, its options and its arguments."""
    run([name, "--help"] if name else ["--help"])
    assert {*english_words(capsys.readouterr().out)} - {"modelhub", "render", *COMMANDS, *_BELOW} == set()


@pytest.mark.usefixtures("marked")
def test_documents_and_the_catalog_stay_in_english(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What programs read is the same in every language: `--json`, and what the catalog stores."""
    run(["add", str(place)])
    assert "⟦" in capsys.readouterr().out
    for line in ("list --json", "show dress --json", "verify --json", "inspect models --json", "doctor --json"):
        run(line.split())
        shown = capsys.readouterr().out
        json.loads(shown)
        assert "⟦" not in shown, line


@pytest.mark.usefixtures("marked", "place")
def test_events_stay_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs that read the events of a download find the same sentences in every language."""
    run(["pull", "no/such", "no/other", "--offline", "--progress", "json"])
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events
    assert "⟦" not in json.dumps(events, ensure_ascii=False)
