"""A journal that somebody has forged or damaged moves, rewrites and deletes nothing of the user's."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog, NewStep
from modelhub.errors import ModelhubError
from modelhub.operations.sort import run
from modelhub.operations.sort.actions import facts_of
from modelhub.operations.sort.journal import LeftAlone
from modelhub.storage import safe_names


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of the user's with files that a library has nothing to do with."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh" / "id").write_text("private key")
    (folder / ".bashrc").write_text("# as the system gave it\n")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Return every file and folder below, with the content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"/" for path in folder.rglob("*")
    }


def encoded(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


def forged(home: Path, library: Path) -> dict[str, list[NewStep]]:
    """Return runs that would do harm."""
    model = library / "model.safetensors"
    model.write_bytes(b"model")
    key, bashrc = home / ".ssh" / "id", home / ".bashrc"
    facts = facts_of(key)
    (library / "copy").write_text(key.read_text())
    (library / "link").symlink_to(key)

    def step(action: str, source: Path | str, target: Path | str, **detail: Any) -> list[NewStep]:
        return [NewStep(action=action, source=str(source), target=str(target), detail={"bundle": 0, **detail})]

    return {
        "a move without facts": step("move", library / "taken", key),
        "a move with a size alone": step("move", library / "taken", key, size=facts["size"]),
        "a copy of which the user's file is the copy": step("copy", library / "copy", key),
        "a copy with other facts": step("copy", model, key, **facts_of(model)),
        "a trash without facts": step("trash", key, ""),
        "a new start-up file": step(
            "rewrite", bashrc, bashrc, before=encoded("evil"), after=encoded(bashrc.read_text()), mtime_ns=1
        ),
        "a sidecar with another content": step(
            "rewrite", home / "x.json", home / "x.json", before=encoded("evil"), after=encoded("old"), mtime_ns=1
        ),
        "a path with dots": step("move", library / "taken", f"{library}/../home/.ssh/id", **facts),
        "a relative path": step("move", library / "taken", os.path.relpath(key), **facts),
        "a NUL": step("move", library / "taken", f"{key}\0", **facts),
        "a folder elsewhere": step("rmdir", "", home / "new") + step("move", model, library / "m", **facts_of(model)),
        "a name of 300 bytes": step("move", library / "taken", home / ("n" * 300), **facts),
    }


KINDS = (
    "a move without facts",
    "a move with a size alone",
    "a copy of which the user's file is the copy",
    "a copy with other facts",
    "a trash without facts",
    "a new start-up file",
    "a sidecar with another content",
    "a path with dots",
    "a relative path",
    "a NUL",
    "a folder elsewhere",
    "a name of 300 bytes",
)


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of POSIX")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["done", "planned"])
def test_a_forged_run_changes_nothing(kind: str, state: str, home: Path, tmp_path: Path) -> None:
    """Neither by an undo of it, nor when it is settled as interrupted; other runs can still be undone."""
    library = tmp_path / "library"
    library.mkdir()
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        steps = forged(home, library)[kind]
        (library / "moved.safetensors").write_bytes(b"sound")
        facts = facts_of(library / "moved.safetensors")
        sound = NewStep(
            action="move", source=str(library / "was.safetensors"), target=str(library / "moved.safetensors"),
            detail={"bundle": 0, **facts},
        )  # fmt: skip
        first = catalog.begin("sort", {})
        catalog.mark_steps([one.id for one in catalog.plan_steps(first, [sound])], "done")
        catalog.finish(first)
        operation = catalog.begin("sort", {})
        planned = catalog.plan_steps(operation, steps)
        if state == "done":
            catalog.mark_steps([one.id for one in planned], "done")
            catalog.finish(operation)
        before = content(home)
        try:
            result = run.undo(operation.id, catalog=catalog, library=library)
        except ModelhubError as exc:
            assert str(operation.id) in exc.message
        else:
            assert result.refused or result.recovered or not result.steps
        assert content(home) == before
        assert not (library / "taken").exists()
        recovered = run.undo(first.id, catalog=catalog, library=library)
        assert (library / "was.safetensors").read_bytes() == b"sound"
        assert all(isinstance(one, LeftAlone) for one in recovered.recovered)
        assert content(home) == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_is_deleted_only_if_it_leads_to_its_original(home: Path, tmp_path: Path) -> None:
    """An undo of a sort by links finds another link of the user's in the place."""
    library = tmp_path / "library"
    library.mkdir()
    original = library / "model.safetensors"
    original.write_bytes(b"model")
    link = home / "model.safetensors"
    link.symlink_to(home / ".bashrc")
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        operation = catalog.begin("sort", {})
        detail = {"bundle": 0, **facts_of(original)}
        step = NewStep(action="symlink", source=str(original), target=str(link), detail=detail)
        catalog.mark_steps([one.id for one in catalog.plan_steps(operation, [step])], "done")
        catalog.finish(operation)
        result = run.undo(operation.id, catalog=catalog, library=library)
        assert [refused.path for refused in result.refused] == [link]
        assert link.is_symlink()
        link.unlink()
        link.symlink_to(original)
        assert not run.undo(operation.id, catalog=catalog, library=library).refused
        assert not link.is_symlink()


@pytest.mark.parametrize("name", ["CON", "nul.safetensors", "a:b", "com1.txt", "x\0y", "a?b"])
def test_windows_devices_and_streams_are_not_file_names(name: str) -> None:
    """A step with such a path is refused on Windows."""
    assert not safe_names.is_windows_name(name)
    assert safe_names.is_windows_name("model v1.safetensors")
