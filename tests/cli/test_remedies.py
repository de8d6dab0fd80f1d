"""Every remedy that the code names has words of the command line, and the words get the values that they need."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from modelhub.cli.remedies import WORDS, sentence
from modelhub.errors import Remedy

PACKAGE = Path(__file__).resolve().parents[2] / "modelhub"


def _named() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield place, key and names of the values of each `Remedy(text, key, {…})`; None where they are not literal."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Remedy" and len(node.args) > 1:
                key, values = node.args[1], node.args[2] if len(node.args) > 2 else ast.Dict(keys=[], values=[])
                assert isinstance(key, ast.Constant) and isinstance(key.value, str), f"{path}:{node.lineno}"
                literal = isinstance(values, ast.Dict) and all(isinstance(one, ast.Constant) for one in values.keys)
                names = {str(ast.literal_eval(one)) for one in values.keys if one} if literal else None  # type: ignore[attr-defined]
                yield f"{path.name}:{node.lineno}", key.value, names


def test_each_key_that_the_code_names_has_words() -> None:
    """A key without words would show the library's text, which names no command."""
    assert not [(place, key) for place, key, _ in _named() if key not in WORDS]


def test_each_row_is_used() -> None:
    """Words for a remedy that nothing names are dead."""
    assert not set(WORDS) - {key for _, key, _ in _named()}


def test_words_get_the_values_that_they_need() -> None:
    """A missing value would be a KeyError in front of the user."""
    for place, key, names in _named():
        needed = {field for _, field, _, _ in string.Formatter().parse(WORDS.get(key, "")) if field}
        assert names is None or needed - {"install"} <= names, place


def test_the_words_for_an_extra_have_a_command_to_paste() -> None:
    """The command is quoted as it is, not as one argument."""
    words = sentence(Remedy("Install the extra `render`.", "install-render"))
    assert words.startswith("Install it with `")
    assert words.endswith('[render]"`.')


def test_a_remedy_without_words_shows_its_text() -> None:
    """Most remedies are the same for every front end."""
    assert sentence(Remedy("Close the program that uses it.")) == "Close the program that uses it."
    assert sentence(Remedy("Try again when online.", "go-online")) == "Run again without `--offline`."
