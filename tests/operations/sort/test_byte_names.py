"""File names that are not UTF-8 survive sort, journal, catalog, sidecars, report and JSON byte for byte."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.operations.library.add import add
from modelhub.operations.link import carry_out, plan_link
from modelhub.operations.sort import run
from modelhub.operations.sort.click import dropped_paths
from modelhub.operations.sort.rules import rules_for
from modelhub.testing.files import adapters, safetensors_file
from tests.cli.test_app import modelhub
from tests.operations.sort.sorting import aged, tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are Unicode")
NAME = os.fsdecode(b"r\xe9d dress")
FOLDER = os.fsdecode(b"T\xe9l\xe9chargements")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A folder with a model and a sidecar that holds its path."""
    folder = tmp_path / FOLDER
    model = folder / f"{NAME}.safetensors"
    safetensors_file.write(model, adapters.lora_sd1(4), seed=1)
    text = json.dumps({"file_path": str(model), "name": "红"}, ensure_ascii=True)
    (folder / f"{NAME}.metadata.json").write_text(text, "ascii")
    aged(folder)
    return folder


def test_a_sort_moves_them_and_undo_restores_them(tmp_path: Path, downloads: Path) -> None:
    """The catalog has the very path, and the sidecar the path as Python and its managers read it."""
    before = tree(downloads)
    ui = tmp_path / os.fsdecode(b"\xfci")
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        list(add([downloads], catalog=catalog))
        result = run.sort([downloads], rules_for("a1111", ui), catalog=catalog, library=tmp_path)
        target = ui / "models" / "Lora" / f"{NAME}.safetensors"
        assert [move.target for move in result.moves] == [target]
        assert target.is_file()
        assert [record.path for record in catalog.records(ModelQuery())] == [target]
        sidecar = json.loads(target.with_name(f"{NAME}.metadata.json").read_bytes())
        assert sidecar == {"file_path": str(target), "name": "红"}
        assert run.undo(catalog=catalog, library=tmp_path).refused == []
        assert [record.path for record in catalog.records(ModelQuery())] == [downloads / f"{NAME}.safetensors"]
    assert tree(downloads) == before


def test_json_and_report_name_them(tmp_path: Path, downloads: Path) -> None:
    """JSON escapes the bytes, so that a program gets back the name that it can open; the page can be written."""
    report = tmp_path / "report.html"
    done = modelhub(
        "sort", str(downloads), "--layout", "a1111", "--into", str(tmp_path / "ui"), "--report", str(report), "--json",
        home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (move,) = json.loads(done.stdout)["moves"]
    assert move["source"] == str(downloads / f"{NAME}.safetensors")
    assert Path(move["target"]).is_file()
    assert "safetensors" in report.read_text("utf-8")
    undone = json.loads(modelhub("undo", "--json", home=tmp_path).stdout)
    assert move["source"] in [file["target"] for file in undone["files"]]
    history = json.loads(modelhub("history", "--json", home=tmp_path).stdout)
    assert [row["state"] for row in history] == ["done", "undone"]


def test_they_can_be_dropped_on_a_shortcut(downloads: Path) -> None:
    """File managers pass URLs, whose escapes are bytes."""
    model = downloads / f"{NAME}.safetensors"
    assert dropped_paths([model.as_uri()]) == [model]
    assert dropped_paths([str(model)]) == [model]


def test_json_settings_hold_a_library_of_such_a_name(tmp_path: Path) -> None:
    """The path is escaped, also beside text that is not ASCII."""
    library, root = tmp_path / FOLDER, tmp_path / "sdnext"
    library.mkdir()
    root.mkdir()
    (root / "config.json").write_text('{"名": 1}', "utf-8")
    carry_out(plan_link("sdnext", root, library=library))
    settings = json.loads((root / "config.json").read_text("utf-8"))
    assert settings["ckpt_dir"] == str(library / "base")
    assert settings["名"] == 1
