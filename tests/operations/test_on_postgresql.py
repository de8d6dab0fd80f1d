"""Operations on a catalog in PostgreSQL: what works on a SQLite file works there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog, RenderRun
from modelhub.catalog.query_parser import parse_query
from modelhub.cli.app import run
from modelhub.errors import Exit
from modelhub.testing.files import adapters, safetensors_file
from tests.postgresql import PostgresqlServer


@pytest.fixture
def location(postgresql: PostgresqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database, which the settings name."""
    address = postgresql.new_database(empty=True)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("MODELHUB_CATALOG", address)
    return address


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with two small models, one of them with a name that is not UTF-8."""
    folder = tmp_path / "downloads"
    safetensors_file.write(folder / "easy.safetensors", adapters.embedding(), seed=1)
    safetensors_file.write(folder / os.fsdecode(b"gr\xfcn.safetensors"), adapters.embedding(), seed=2)
    return folder


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """Return what `list --json` prints."""
    capsys.readouterr()
    assert run(["list", *arguments, "--json"]) == Exit.OK
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_add_list_set_scan_and_remove(
    location: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Added models are listed, edited, found missing, and removed."""
    assert run(["list"]) == Exit.NOT_FOUND
    assert run(["add", str(models)]) == Exit.OK
    assert len(listed(capsys, "type:embedding")) == 2
    assert run(["set", "easy", "style=anime", "notes=好看"]) == Exit.OK
    assert [model["name"] for model in listed(capsys, "好看", "style:anime")] == ["easy"]
    (models / "easy.safetensors").unlink()
    run(["scan"])
    assert [model["name"] for model in listed(capsys, "state:missing")] == ["easy"]
    assert run(["rm", "state:missing", "--yes"]) == Exit.OK
    assert [model["path"] for model in listed(capsys)] == [str(models / os.fsdecode(b"gr\xfcn.safetensors"))]
    assert run(["doctor"]) == Exit.OK
    assert not (tmp_path / "library" / "catalog.sqlite3").exists()


def test_sort_and_undo(location: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The journal in PostgreSQL puts everything back, and the catalog follows both ways."""
    assert run(["add", str(models)]) == Exit.OK
    before = [model["path"] for model in listed(capsys)]
    target = tmp_path / "webui"
    assert run(["sort", str(models), "--layout", "comfyui", "--into", str(target)]) == Exit.OK
    moved = [model["path"] for model in listed(capsys)]
    assert all(Path(path).is_file() and target in Path(path).parents for path in moved)
    assert len(moved) == 2
    assert run(["undo"]) == Exit.OK
    assert [model["path"] for model in listed(capsys)] == before
    assert all(Path(path).is_file() for path in before)


def test_render_runs_are_kept(location: str, models: Path) -> None:
    """The latest run of a model is the one that queries and listings see."""
    assert run(["add", str(models / "easy.safetensors")]) == Exit.OK
    with Catalog.open(location) as catalog:
        (model,) = catalog.records(parse_query("rendered:never"))
        for verdict in ("noise", "ok"):
            catalog.add_render_run(
                RenderRun(model_id=model.id, verdict=verdict, words="", recipe={"seed": 1}, metrics={"x": 0.5})
            )
        assert [found.verdict for found in catalog.render_runs(model.id)] == ["ok", "noise"]
        assert catalog.ids(parse_query("rendered:ok")) == [model.id]
        assert catalog.last_render_runs()[model.id].recipe == {"seed": 1}
