"""sort, undo and history as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_app import modelhub
from tests.operations.sort.sorting import messy, tree


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A messy folder."""
    return messy(tmp_path / "down loads")


def test_a_dry_run_shows_the_plan_and_the_run_carries_it_out(tmp_path: Path, downloads: Path) -> None:
    """The same moves and the same reasons, as JSON and as text."""
    words = ("sort", str(downloads), "--layout", "comfyui", "--into", str(tmp_path / "ComfyUI"))
    before = tree(downloads)
    planned = json.loads(modelhub(*words, "--dry-run", "--json", home=tmp_path).stdout)
    assert tree(downloads) == before
    text = modelhub(*words, "--dry-run", home=tmp_path)
    assert "loras/" in text.stdout
    assert "left in place: dangerous" in text.stdout
    assert "5 models would be moved. 2 left in place (2 need your attention)." in text.stderr
    done = json.loads(modelhub(*words, "--json", home=tmp_path).stdout)
    assert done["moves"] == planned["moves"]
    assert done["stays"] == planned["stays"]
    assert planned["run"] is None
    assert done["run"] == 1
    assert (tmp_path / "ComfyUI" / "models" / "loras" / "mychar-000010.safetensors").is_file()


def test_undo_and_history_say_what_was_done(tmp_path: Path, downloads: Path) -> None:
    """Numbers in the history are what undo takes; undone twice is an error with the next step."""
    before = tree(downloads)
    modelhub("sort", str(downloads), "--layout", "a1111", "--into", str(tmp_path / "ui"), home=tmp_path)
    undone = modelhub("undo", home=tmp_path)
    assert undone.returncode == 0
    assert "Run 1 undone." in undone.stderr
    assert tree(downloads) == before
    rows = json.loads(modelhub("history", "--json", home=tmp_path).stdout)
    assert [(row["run"], row["what"], row["state"]) for row in rows] == [(2, "undo", "done"), (1, "sort", "undone")]
    again = modelhub("undo", home=tmp_path)
    assert again.returncode == 2
    assert "modelhub history" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sort", "."), "--layout"),
        (("sort", ".", "--layout", "a1111"), "--into"),
        (("sort", ".", "--layout", "nope", "--into", "x"), "comfyui"),
        (("sort", ".", "--layout", "a1111", "--into", "x", "--mode", "teleport"), "reflink"),
        (("sort", ".", "--layout", "a1111", "--into", "x", "--by", "colour"), "architecture"),
        (("undo", "99"), "history"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, no traceback."""
    done = modelhub(*words, home=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_layout_and_target_may_stand_in_the_configuration(tmp_path: Path, downloads: Path) -> None:
    """Also a layout of the user's own."""
    config = tmp_path / "my config.toml"
    config.write_text(
        f'[sort]\nlayout = "mine"\ninto = \'{tmp_path / "models"}\'\n[layout.mine]\nlora = "LoRA/{{architecture}}"\n',
        encoding="utf-8",
    )
    done = modelhub("sort", str(downloads), "--config", str(config), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "LoRA" / "sd1" / "mychar-000010.safetensors").is_file()
