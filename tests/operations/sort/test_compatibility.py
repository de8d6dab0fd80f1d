"""Runs in the journal that this version does not understand: they are left alone, and all other runs work."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog
from modelhub.errors import ModelhubError
from modelhub.operations.sort import run
from modelhub.operations.sort.journal import LeftAlone
from modelhub.operations.sort.rules import rules_for
from modelhub.testing.files import adapters, safetensors_file
from tests.operations.sort.sorting import aged, tree

# SQL that turns a sort into one of a newer version or damages it; what the sentence about it names.
CHANGES = {
    "an unknown action": ("UPDATE step SET action = 'teleport'", "teleport"),
    "an unknown action in a later step": (
        "UPDATE step SET action = 'teleport' WHERE id = (SELECT max(id) FROM step)",
        "teleport",
    ),
    "an unknown state": ("UPDATE step SET state = 'paused'", "paused"),
    "a detail that is not JSON": ("UPDATE step SET detail = '{'", "step that cannot be read"),
    "a detail that is not an object": ("UPDATE step SET detail = '[1]'", "step that cannot be read"),
    "a detail of other types": ('UPDATE step SET detail = \'{"size": "big"}\'', "step that cannot be read"),
    "locations of another form": ("UPDATE step SET detail = '{\"locations\": [7]}'", "step that cannot be read"),
    "a rewrite without content": ("UPDATE step SET action = 'rewrite'", "step that cannot be read"),
    "a deletion without its reason": ("UPDATE step SET action = 'unlink'", "step that cannot be read"),
    "parameters that are not JSON": ("UPDATE operation SET parameters = 'x'", "parameters"),
}


class World:
    """A catalog with one run, and a folder with a second model to sort."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.location = folder / "catalog.sqlite3"
        self.ui = folder / "ui"
        for name, seed in (("first", 1), ("second", 2)):
            safetensors_file.write(folder / name / f"{name}.safetensors", adapters.lora_sd1(4), seed=seed)
            aged(folder / name)
        self.sort("first")

    def sort(self, name: str) -> run.SortResult:
        """Sort one of the folders."""
        with Catalog.open(self.location) as catalog:
            rules = rules_for("a1111", self.ui)
            return run.sort([self.folder / name], rules, catalog=catalog, library=self.folder)

    def undo(self, number: int | None = None) -> None:
        """Undo a run."""
        with Catalog.open(self.location) as catalog:
            run.undo(number, catalog=catalog, library=self.folder)

    def execute(self, sql: str) -> None:
        """Change the catalog as another program would."""
        with sqlite3.connect(self.location) as database:
            database.execute(sql)
        database.close()

    def state(self) -> str:
        """Return the state of the first run."""
        with Catalog.open(self.location) as catalog:
            operation = catalog.operation(1)
        assert operation is not None
        return operation.state


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own."""
    return World(tmp_path)


@pytest.mark.parametrize("change", CHANGES)
def test_an_unfinished_run_that_is_not_understood_is_left_alone_and_named(world: World, change: str) -> None:
    """A later sort works, again and again; the run stays for the version that wrote it."""
    sql, words = CHANGES[change]
    world.execute(sql)
    world.execute("UPDATE operation SET state = 'running'")
    before = tree(world.ui)
    result = world.sort("second")
    assert [type(one) for one in result.recovered] == [LeftAlone]
    assert "Run 1" in result.recovered[0].message
    assert words in result.recovered[0].message
    assert len(result.moves) == 1
    assert set(before) < set(tree(world.ui))
    assert world.state() == "running"
    assert world.sort("second").moves == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_finished_run_that_is_not_understood_is_not_undone(world: World, change: str) -> None:
    """The error is a sentence that names the run; nothing is moved, and other runs can be undone."""
    sql, words = CHANGES[change]
    world.execute(sql)
    before = tree(world.folder / "ui")
    with pytest.raises(ModelhubError, match="Run 1") as caught:
        world.undo()
    assert words in caught.value.message
    assert tree(world.ui) == before
    world.sort("second")
    world.undo()
    assert tree(world.ui) == before


def test_undo_needs_a_number_while_a_run_is_unfinished(world: World) -> None:
    """What the unfinished run did is not known, so the last sort is not guessed; a number is not a guess."""
    world.execute("UPDATE step SET action = 'teleport', state = 'planned'")
    world.execute("UPDATE operation SET state = 'running'")
    world.sort("second")
    with pytest.raises(ModelhubError, match="Run 1"):
        world.undo()
    world.undo(2)
    assert (world.folder / "second" / "second.safetensors").is_file()
    with pytest.raises(ModelhubError, match="teleport"):
        world.undo(1)


def test_an_unfinished_run_of_an_unknown_kind_is_ignored(world: World) -> None:
    """Another command of a newer version has its own recovery."""
    world.execute("UPDATE operation SET state = 'running', kind = 'dedupe'")
    assert world.sort("second").recovered == []
    with pytest.raises(ModelhubError, match="dedupe"):
        world.undo(1)


def test_a_run_that_claims_to_undo_itself_ends(world: World) -> None:
    """The chain of undone runs is followed once around."""
    world.execute(f"UPDATE operation SET state = 'running', parameters = '{json.dumps({'of': 1})}'")
    assert len(world.sort("second").moves) == 1
    assert world.state() == "done"
