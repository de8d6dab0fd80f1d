"""The command line in another language: everything that people read, and nothing that programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from modelhub.cli.app import run
from modelhub.cli.registry import COMMANDS
from modelhub.language import catalog, translation
from modelhub.testing.files import adapters, hostile, safetensors_file
from tools.translations import current_template

_MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
_COMMAND = re.compile(
    r"`[^`]*`|\b[\w-]+(?:\|[\w-]+)+|--?[a-z][a-z-]*|\S*[/\\]\S*|\S+\.[a-z]\w+\S*|\w+=\S*|\w+:\S+|<[^>]*>"
    r"|\b[0-9a-f]{8,}\b"
)
_WORD = re.compile(r"[A-Za-z][a-z]{2,}")


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language whose translation of each sentence is that sentence in brackets."""
    translations = Catalog(locale="zh_Hans")
    for message in current_template():
        if isinstance(message.id, tuple):
            translations.add(message.id, (f"⟦{message.id[-1]}⟧",))
        elif message.id:
            translations.add(message.id, f"⟦{message.id}⟧")
    file = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "modelhub.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        write_mo(stream, translations)
    monkeypatch.setattr(catalog, "locale_folder", lambda: tmp_path / "locale")
    monkeypatch.setenv("MODELHUB_LANGUAGE", "zh")
    for cached in (translation._catalog, translation._recognizer):
        cached.cache_clear()
    yield
    for cached in (translation._catalog, translation._recognizer):
        cached.cache_clear()


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


def _english(text: str) -> list[str]:
    """Return the English words that are outside of every translated sentence."""
    while _MARKED.search(text):
        text = _MARKED.sub(" ", text)
    return _WORD.findall(_COMMAND.sub(" ", text))


# Commands below `shortcut` and `config`.
_BELOW = ("install", "list", "remove", "show", "path", "init")


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("name", [*COMMANDS, ""])
def test_no_help_escapes_translation(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help is translated: what it does, its options and its arguments."""
    run([name, "--help"] if name else ["--help"])
    assert {*_english(capsys.readouterr().out)} - {"modelhub", "render", *COMMANDS, *_BELOW} == set()


@pytest.mark.usefixtures("marked")
def test_documents_and_the_catalog_stay_in_english(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What programs read is the same in every language: `--json`, and what the catalog stores."""
    run(["add", str(place)])
    capsys.readouterr()
    for line in ("list --json", "show dress --json", "verify --json", "inspect models --json", "doctor --json"):
        run(line.split())
        shown = capsys.readouterr().out
        json.loads(shown)
        assert "⟦" not in shown, line
