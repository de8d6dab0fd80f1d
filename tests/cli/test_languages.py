"""The command line in another language: everything that people read, and nothing that programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.cli.registry import COMMANDS
from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.marked_language import english_words, marked_language


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


# Commands below `shortcut` and `config`.
_BELOW = ("install", "list", "remove", "show", "path", "init")


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("name", [*COMMANDS, ""])
def test_no_help_escapes_translation(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help is translated: what it does, its options and its arguments."""
    run([name, "--help"] if name else ["--help"])
    assert {*english_words(capsys.readouterr().out)} - {"modelhub", "render", *COMMANDS, *_BELOW} == set()


@pytest.mark.usefixtures("marked")
def test_documents_and_the_catalog_stay_inenglish_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What programs read is the same in every language: `--json`, and what the catalog stores."""
    run(["add", str(place)])
    assert "⟦" in capsys.readouterr().out
    for line in ("list --json", "show dress --json", "verify --json", "inspect models --json", "doctor --json"):
        run(line.split())
        shown = capsys.readouterr().out
        json.loads(shown)
        assert "⟦" not in shown, line
