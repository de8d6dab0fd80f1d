"""kill -9 anywhere: no byte is lost, every file is in one of its two places, and the next start settles the run."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from modelhub.catalog import Catalog
from modelhub.operations.library.add import add
from modelhub.operations.sort import run
from modelhub.operations.sort.journal import recover
from modelhub.operations.sort.rules import rules_for
from modelhub.storage import rename
from tests.operations.sort.sorting import contents, messy, tree
from tests.operations.sort.test_sort import across

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to die in the middle")
POINTS = 200
_WATCHED = ("/modelhub/operations/", "/modelhub/storage/", "/modelhub/catalog/")


def killed_after(lines: int, work: Callable[[], None]) -> bool:
    """Do the work in a child process that gets SIGKILL after so many lines of our code; whether it was killed."""
    child = os.fork()
    if child == 0:
        left = [lines]

        def count(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "call":
                return count if any(part in frame.f_code.co_filename for part in _WATCHED) else None
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return count

        try:
            sys.settrace(count)
            work()
            sys.settrace(None)
        except BaseException:  # noqa: BLE001 - the child must never return into pytest
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def lines_of(work: Callable[[], None]) -> int:
    """Return how many lines of our code the work runs."""
    low, high = 1, 1 << 21
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "call":
                return count if any(part in frame.f_code.co_filename for part in _WATCHED) else None
            seen[0] += 1
            return count

        sys.settrace(count)
        work()
        sys.settrace(None)
        os.write(write, str(seen[0]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    found = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert low < found < high
    return found


class World:
    """A messy folder with its catalog, a target, and the files that must never be lost."""

    def __init__(self, folder: Path) -> None:
        self.downloads = messy(folder / "downloads")
        self.webui = folder / "webui"
        self.location = folder / "catalog.sqlite3"
        self.library = folder
        with Catalog.open(self.location) as catalog:
            list(add([self.downloads], catalog=catalog))
        self.before = tree(self.downloads)

    def sort(self) -> None:
        """Sort with a connection of its own."""
        with Catalog.open(self.location) as catalog:
            run.sort([self.downloads], rules_for("a1111", self.webui), catalog=catalog, library=self.library)

    def undo(self) -> None:
        """Undo the last sort."""
        with Catalog.open(self.location) as catalog:
            run.undo(catalog=catalog, library=self.library)

    def settled_and_undone(self) -> None:
        """Recover as the next start does, and check that undo restores everything."""
        with Catalog.open(self.location) as catalog:
            recover(catalog)
            assert catalog.unfinished() == []
            assert catalog.check() == []
            known = {place.path for record in _records(catalog) for place in record.main.locations}
            assert all(path.is_file() for path in known)
            for operation in catalog.operations():
                if operation.kind == "sort" and operation.state in ("done", "partly undone"):
                    assert run.undo(operation.id, catalog=catalog, library=self.library).refused == []
        assert tree(self.downloads) == self.before
        assert [path for path in self.webui.rglob("*") if path.is_file()] == []


def _records(catalog: Catalog) -> list[Any]:
    from modelhub.catalog import ModelQuery

    return list(catalog.records(ModelQuery()))


def weights(found: dict[str, str]) -> set[str]:
    """Return the models among the files of a tree; sidecars may be rewritten."""
    return {digest for name, digest in found.items() if not name.endswith((".json", ".png", ".txt"))}


@pytest.mark.parametrize("device", ["same", "another"])
@pytest.mark.parametrize("work", ["sort", "undo"])
def test_nothing_is_lost_wherever_it_is_killed(
    tmp_path: Path, work: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of the points each: sort and undo, on one drive and across two. The seed is fixed."""
    if device == "another":
        across(monkeypatch)
    world = World(tmp_path / "first")
    rehearsal = World(tmp_path / "rehearsal")
    if work == "undo":
        rehearsal.sort()
    total = lines_of(getattr(rehearsal, work))
    chance = random.Random(f"{work} {device}")
    killed = 0
    for _ in range(POINTS // 4):
        if work == "undo":
            world.sort()
        killed += killed_after(chance.randrange(1, total), getattr(world, work))
        here = contents(world.downloads, world.webui)
        missing = weights(world.before) - set(here)
        assert missing == set()
        if device == "same" and rename._exclusive_rename() is not None:
            assert {digest: here[digest] for digest in weights(world.before)} == dict.fromkeys(weights(world.before), 1)
        world.settled_and_undone()
    assert killed > POINTS // 5
