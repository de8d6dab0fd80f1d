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


def test_a_hint_that_all_files_share_is_printed_once(tmp_path: Path, downloads: Path) -> None:
    """Duplicates get one hint below them; files of the same name are told apart by their paths."""
    words = ("--layout", "comfyui", "--into", str(tmp_path / "ComfyUI"))
    other = messy(tmp_path / "other")
    modelhub("sort", str(downloads), *words, "--mode", "copy", home=tmp_path)
    text = modelhub("sort", str(downloads), str(other), *words, "--dry-run", home=tmp_path).stdout
    assert text.count("The same content is at") > 1
    assert text.count("`--duplicates trash` moves such copies to the trash.") == 1
    assert str(downloads / "half.pt") in text
    assert str(other / "half.pt") in text


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
    unknown = modelhub("undo", "99", home=tmp_path)
    assert unknown.returncode == 2
    assert "There is no run 99." in unknown.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sort", "."), "--layout"),
        (("sort", ".", "--layout", "a1111"), "--into"),
        (("sort", ".", "--layout", "nope", "--into", "x"), "comfyui"),
        (("sort", ".", "--layout", "a1111", "--into", "x", "--mode", "teleport"), "reflink"),
        (("sort", ".", "--layout", "a1111", "--into", "x", "--by", "color"), "architecture"),
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


def test_undo_of_copies_reports_deletions(tmp_path: Path, downloads: Path) -> None:
    """No arrow is printed: nothing has moved back."""
    ui = tmp_path / "ui"
    modelhub("sort", str(downloads), "--layout", "a1111", "--into", str(ui), "--mode", "copy", home=tmp_path)
    before = tree(downloads)
    undone = modelhub("undo", home=tmp_path)
    assert undone.returncode == 0
    assert "→" not in undone.stdout
    assert undone.stdout.count("deleted  ") == 8
    assert "Deleted 8 copies. Redo with `modelhub undo 2`." in undone.stderr
    assert tree(downloads) == before
    redone = modelhub("undo", "2", home=tmp_path)
    assert "Copied 8 files. Undo with `modelhub undo 3`." in redone.stderr


def test_undo_of_links_reports_deletions(tmp_path: Path, downloads: Path) -> None:
    """A link is not a copy."""
    ui = tmp_path / "ui"
    modelhub("sort", str(downloads), "--layout", "a1111", "--into", str(ui), "--mode", "symlink", home=tmp_path)
    assert "Deleted 8 links." in modelhub("undo", home=tmp_path).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sort", "{folder}"),
        ("watch", "{folder}"),
        ("shortcut", "install", "--folder", "{folder}", "--target", "menu"),
    ],
)
@pytest.mark.parametrize(
    ("rule", "valid"),
    [(("--by", "color"), "architecture"), (("--duplicates", "shred"), "trash"), (("--layout", "nope"), "comfyui")],
)
def test_every_command_that_sorts_refuses_the_same_words(
    tmp_path: Path, downloads: Path, words: tuple[str, ...], rule: tuple[str, str], valid: str
) -> None:
    """Exit code 2 at once, with the valid words; nothing is written and nothing is watched."""
    filled = [word.format(folder=downloads) for word in words]
    layout = () if rule[0] == "--layout" else ("--layout", "a1111")
    done = modelhub(*filled, *layout, "--into", str(tmp_path / "ui"), *rule, home=tmp_path)
    assert done.returncode == 2
    assert valid in done.stderr
    assert not list(tmp_path.rglob("*.desktop"))


@pytest.mark.parametrize("words", [("watch", "{folder}"), ("shortcut", "install", "--folder", "{folder}")])
def test_what_registers_models_is_refused_where_folders_are_sorted(
    tmp_path: Path, downloads: Path, words: tuple[str, ...]
) -> None:
    """`watch` and shortcuts state why they cannot serve InvokeAI, and which command can."""
    filled = [word.format(folder=downloads) for word in words]
    done = modelhub(*filled, "--layout", "invokeai", "--into", "http://127.0.0.1:9", home=tmp_path)
    assert done.returncode == 2
    assert "InvokeAI has no model folders" in done.stderr
    assert "modelhub sort FOLDER --layout invokeai" in done.stderr


def test_a_report_that_would_overwrite_a_file_stops_the_sort_before_it_begins(tmp_path: Path, downloads: Path) -> None:
    """A slip in the report's name must not be found out when the models have moved."""
    before = tree(downloads)
    model = next(path for path in sorted(downloads.rglob("*")) if path.is_file())
    words = ("sort", str(downloads), "--layout", "comfyui", "--into", str(tmp_path / "ui"), "--report", str(model))
    for extra in ((), ("--dry-run",)):
        refused = modelhub(*words, *extra, home=tmp_path)
        assert refused.returncode == 2
        assert "not a page that modelhub wrote" in refused.stderr
        assert tree(downloads) == before
