"""What import-linter cannot check: circles of two files, the size of rooms and modules, docstrings of modules."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "modelhub").rglob("*.py"))
}


def _imports(name: str) -> Iterator[str]:
    """Yield every module of the package that `name` imports, lazily or not."""
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def test_no_two_files_import_each_other() -> None:
    """Shared values stand in a file of their own; a package may re-export what is inside it."""
    arrows = {(name, other) for name in MODULES for other in _imports(name) if other != name}
    files = {(a, b) for a, b in arrows if "__init__" not in (MODULES.get(a, ROOT).stem, MODULES.get(b, ROOT).stem)}
    assert not sorted((a, b) for a, b in files if a < b and (b, a) in files)


def test_a_room_is_small_enough_to_look_around_in() -> None:
    """Commands are one file each, however many there are."""
    sizes = Counter(path.parent for path in MODULES.values())
    assert not {room: size for room, size in sizes.items() if size > 25 and room.name != "commands"}


def test_a_module_is_at_most_300_lines_long() -> None:
    """A longer one holds more than one idea."""
    lengths = {name: path.read_text("utf-8").count("\n") for name, path in MODULES.items()}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_every_module_states_what_it_holds() -> None:
    """The first line of each file answers a newcomer who looks for something."""
    silent = [name for name, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert not silent
