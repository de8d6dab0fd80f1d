"""`modelhub link` as a user runs it: files, flags, JSON, exit codes."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.test_app import modelhub


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """ComfyUI's folder."""
    folder = tmp_path / "ComfyUI"
    folder.mkdir()
    (folder / "main.py").touch()
    return folder


def test_link_writes_reports_and_removes(tmp_path: Path, comfy: Path) -> None:
    """A table of what leads where; the second time nothing is done; `--remove` leaves no trace."""
    options = ("link", "--layout", "ComfyUI", "--into", str(comfy))
    done = modelhub(*options, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "checkpoints" in done.stdout and "Written: " in done.stdout
    assert "Restart ComfyUI" in done.stderr
    file = comfy / "extra_model_paths.yaml"
    assert yaml.safe_load(file.read_text("utf-8"))["modelhub"]["checkpoints"] == "base"
    assert "Already linked" in modelhub(*options, home=tmp_path).stdout
    done = modelhub(*options, "--remove", home=tmp_path)
    assert done.returncode == 0 and "it held only the link" in done.stdout
    assert os.listdir(comfy) == ["main.py"]
    assert "has no link to the library" in modelhub(*options, "--remove", home=tmp_path).stdout


def test_link_prints_and_changes_nothing(tmp_path: Path, comfy: Path) -> None:
    """With the UI's folder the whole file as it would be, without it our lines."""
    (comfy / "extra_model_paths.yaml").write_text("mine:\n    vae: /v\n", "utf-8")
    done = modelhub("link", "--layout", "comfyui", "--into", str(comfy), "--print", home=tmp_path)
    assert set(yaml.safe_load(done.stdout)) == {"mine", "modelhub"}
    done = modelhub("link", "--layout", "comfyui", "--print", home=tmp_path)
    assert set(yaml.safe_load(done.stdout)) == {"modelhub"}
    done = modelhub("link", "--layout", "fooocus", "--print", home=tmp_path)
    assert set(json.loads(done.stdout)) == {"path_checkpoints", "path_loras"}
    assert (comfy / "extra_model_paths.yaml").read_text("utf-8") == "mine:\n    vae: /v\n"
    assert len(os.listdir(comfy)) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--layout", "comfyui", "--into", "ComfyUI"),
        ("--layout", "comfyui", "--into", "ComfyUI", "--remove"),
        ("--layout", "sdnext", "--into", "ComfyUI", "--print"),
        ("--layout", "sdnext", "--print"),
        ("--layout", "a1111"),
        ("--layout", "forge", "--remove"),
    ],
)
def test_link_answers_in_one_shape(tmp_path: Path, comfy: Path, words: tuple[str, ...]) -> None:
    """`--json` has the same keys for every UI and every option."""
    asked = [str(comfy) if word == "ComfyUI" else word for word in words]
    done = modelhub("link", *asked, "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"modelhub", "layout", "file", "backup", "changed", "folders", "lines", "notes"}
    assert document["layout"] == words[1]
    assert all(isinstance(folder, str) for row in document["folders"].values() for folder in row)


def test_link_shows_flags_for_both_kinds_of_start_files(tmp_path: Path) -> None:
    """A1111 and Forge take no file of folders."""
    done = modelhub("link", "--layout", "a1111", home=tmp_path)
    assert done.returncode == 0
    assert "webui-user.sh:" in done.stdout and "webui-user.bat:" in done.stdout
    line = next(line.strip() for line in done.stdout.splitlines() if line.strip().startswith("export"))
    assert "--lora-dir" in shlex.split(line)[1]
    assert "replace the UI's own folders" in done.stderr


def test_link_says_what_is_wrong(tmp_path: Path, comfy: Path) -> None:
    """Exit 2 for words, 3 for a folder that is not there, 1 for a broken file; never a traceback."""
    rows = [
        (2, "--layout", ()),
        (2, "--into", ("--layout", "comfyui")),
        (2, "modelhub sort", ("--layout", "stability-matrix", "--into", str(comfy))),
        (2, "a1111, forge", ("--layout", "sworm", "--into", str(comfy))),
        (3, "is not a folder", ("--layout", "comfyui", "--into", str(comfy / "none"))),
    ]
    for code, words, options in rows:
        done = modelhub("link", *options, home=tmp_path)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
    (comfy / "extra_model_paths.yaml").write_text("a: [1\n", "utf-8")
    done = modelhub("link", "--layout", "comfyui", "--into", str(comfy), home=tmp_path)
    assert done.returncode == 1 and "extra_model_paths.yaml, line" in done.stderr
