"""Shortcuts in another language: all that a desktop shows of them is translated, and any language removes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.desktop import install
from modelhub.desktop.install import install_shortcut, remove_shortcut
from modelhub.desktop.shortcut import PlatformWriter
from tests.desktop.test_shortcut import linux_writer, mac_writer, shortcut, windows_writer
from tests.marked_language import marked_language

TARGETS = ("desktop", "menu", "filemanager")
WRITERS = (linux_writer, mac_writer, windows_writer)
ACTIONS = ("⟦Dry run⟧", "⟦Undo last⟧", "⟦Open report⟧")


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[None]:
    """A language whose translation of each sentence is that sentence in brackets."""
    with marked_language(tmp_path / "locale"):
        yield


@pytest.mark.usefixtures("marked")
def test_a_desktop_entry_is_translated(tmp_path: Path) -> None:
    """The comment, the titles of the actions and the names of file types are in the language of the user."""
    pieces = linux_writer(tmp_path).pieces(shortcut(tmp_path, *TARGETS), ["modelhub"], tmp_path)
    texts = [piece.data.decode() for piece in pieces]
    entry = next(text for text in texts if "Categories=" in text)
    assert re.findall(r"^Name=(.*)$", entry, re.MULTILINE)[1:] == [*ACTIONS]
    assert "\nComment=⟦Sort " in entry
    assert "<comment>⟦safetensors model⟧</comment>" in "".join(texts)
    assert "<description>⟦Sort for comfyui⟧</description>" in "".join(texts)
    assert "⟦modelhub is gone. Remove this shortcut and install it again.⟧" in "".join(texts)


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("writer", [mac_writer, windows_writer])
def test_the_entries_of_a_menu_are_named_in_the_language(
    tmp_path: Path, writer: Callable[[Path], PlatformWriter]
) -> None:
    """Where each action is a file of its own, its title is in the file's name."""
    places = [piece.place for piece in writer(tmp_path).pieces(shortcut(tmp_path, *TARGETS), ["modelhub"], tmp_path)]
    for title in ACTIONS:
        assert any(f"Sort it - {title}." in place for place in places), places


@pytest.mark.parametrize("writer", WRITERS)
def test_a_shortcut_is_removed_in_another_language(tmp_path: Path, writer: Callable[[Path], PlatformWriter]) -> None:
    """The manifest remembers what was written; the language of the run that removes it does not matter."""
    made = writer(tmp_path)
    with marked_language(tmp_path / "locale"):
        done = install_shortcut(
            shortcut(tmp_path, *TARGETS), writer=made, command=["modelhub"], state=tmp_path / "state"
        )
    removal = remove_shortcut("sort-it", state=tmp_path / "state", writer=made)
    assert len(removal.removed) == len(done.paths)
    assert not removal.kept


@pytest.mark.usefixtures("marked")
def test_a_shortcut_keeps_the_language_that_was_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--lang`, its clicks speak that language; the language of the system needs no option."""
    for name in ("CONFIG", "LIBRARY", "STATE"):
        monkeypatch.setenv(f"MODELHUB_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("MODELHUB_LANGUAGE", "en")
    monkeypatch.setattr(install, "writer_for", lambda: linux_writer(tmp_path))
    (tmp_path / "in").mkdir()
    words = ["shortcut", "install", "--folder", str(tmp_path / "in"), "--layout", "comfyui"]
    words += ["--into", str(tmp_path / "ui"), "--target", "desktop", "--json"]
    kept = []
    for language in ("zh", "en"):
        assert run(["--lang", language, *words]) == 0
        script = next(Path(file) for file in json.loads(capsys.readouterr().out)["files"] if file.endswith(".sh"))
        kept.append(" --lang zh_Hans " in script.read_text())
    assert kept == [True, False]
