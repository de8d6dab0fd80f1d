"""Plug-ins: rows of installed distributions, and broken ones that concern nobody else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.config_keys import Key
from modelhub.plugins import load_plugins

GROUP = "modelhub.keys"


def install(folder: Path, name: str, entry_points: str, **modules: str) -> None:
    """Write a distribution as an installer does: its modules and its metadata."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder from which Python imports; its modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_rows_come_with_the_distribution_that_brings_them(folder: Path) -> None:
    """A good entry point is loaded and named."""
    source = "from modelhub.config_keys import Key\nROW = Key('a.b', 'text', '', 'About.')\n"
    install(folder, "good-keys", f"[{GROUP}]\nmine = good_keys:ROW\n", good_keys=source)
    found = load_plugins(GROUP, Key)
    assert [(each.name, each.distribution, each.row.name) for each in found.loaded] == [("mine", "good-keys", "a.b")]
    assert not found.problems


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_missing", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise GeneratorExit", "GeneratorExit."),
        ("class Odd(BaseException): ...\nraise Odd('two\\nlines.')", "Odd: two lines."),
        ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd", "Odd."),
        ("def", "SyntaxError"),
        ("OTHER = 1", "AttributeError"),
        ("ROW = 'text'", "is a str, not a Key"),
        ("from modelhub.config_keys import Key\nROW = Key('taken', 'text', '', '')", "`taken` exists already"),
        ("from modelhub.config_keys import Key\nROW = Key('wrong', 'text', '', '')", "It is wrong."),
    ],
)
def test_a_broken_plugin_is_a_problem_and_no_more(folder: Path, source: str, reason: str) -> None:
    """Whatever is wrong with one, it has a reason, and the others are loaded."""
    good = "from modelhub.config_keys import Key\nROW = Key('good', 'text', '', '')\n"
    install(folder, "good-keys", f"[{GROUP}]\nzz = good_keys:ROW\n", good_keys=good)
    install(folder, "broken-keys", f"[{GROUP}]\nbad = broken_keys:ROW\n", broken_keys=source)
    found = load_plugins(
        GROUP,
        Key,
        taken=["taken"],
        name_of=lambda key: key.name,
        check=lambda key: "It is wrong." if key.name == "wrong" else "",
    )
    assert [key.name for key in found.rows] == ["good"]
    (problem,) = found.problems
    assert (problem.group, problem.distribution) == (GROUP, "broken-keys")
    assert reason in problem.reason


def test_entry_points_that_cannot_be_read_are_a_problem_and_no_more(folder: Path) -> None:
    """The distributions beside the broken one are loaded."""
    good = "from modelhub.config_keys import Key\nROW = Key('good', 'text', '', '')\n"
    install(folder, "good-keys", f"[{GROUP}]\nzz = good_keys:ROW\n", good_keys=good)
    install(folder, "torn-keys", f"[{GROUP}]\nnot an entry point\n")
    found = load_plugins(GROUP, Key)
    assert [key.name for key in found.rows] == ["good"]
    (problem,) = found.problems
    assert (problem.distribution, problem.reason[:34]) == (
        "torn-keys-1.0.dist-info",
        "Its entry points cannot be read: T",
    )


def test_two_plugins_of_one_name_are_one_and_a_problem(folder: Path) -> None:
    """The first in alphabetical order of their values is used."""
    source = "from modelhub.config_keys import Key\nROW = Key('same', 'text', '', '')\n"
    install(folder, "a-keys", f"[{GROUP}]\nmine = a_keys:ROW\n", a_keys=source)
    install(folder, "b-keys", f"[{GROUP}]\nmine = b_keys:ROW\n", b_keys=source)
    found = load_plugins(GROUP, Key, name_of=lambda key: key.name)
    assert [each.distribution for each in found.loaded] == ["a-keys"]
    assert [each.distribution for each in found.problems] == ["b-keys"]
