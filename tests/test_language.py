"""The language rules hold in the code, its messages and its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language import ROOT, classes_of_one_name, files, offences_in


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_keeps_to_the_language_rules(path: Path) -> None:
    """Messages are sentences, functions say what they do, and no name is a metaphor."""
    assert not [str(offence) for offence in offences_in(path)]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ('raise UsageError("that is no folder")', "is not a"),
        ('raise UsageError("it is not a folder")', "full stop"),
        ('def f():\n    """What is shown."""', "imperative"),
        ('def f():\n    """Lines of a table."""', "imperative"),
        ('class A:\n    """Which models are meant."""', "noun phrase"),
        ('def f():\n    """Open it. Raises UsageError."""', "`Raise …`"),
        ('class A:\n    """Reads tensors."""', "noun phrase"),
        ('"""From a path to a database."""', "noun phrase"),
        ("def tell(): ...", "metaphor"),
        ('"""How it works."""', "noun phrase"),
        ('x = "the file lies in a folder"', "is in"),
    ],
)
def test_each_kind_of_offence_is_found(text: str, instead: str) -> None:
    """A checker that finds nothing would pass everything."""
    assert any(instead in str(offence) for offence in offences_in(ROOT / "modelhub" / "example.py", text))


def test_plain_words_pass() -> None:
    """Names, messages and docstrings as the rules want them."""
    text = '"""Tables."""\n\ndef show():\n    """Print a table."""\n    raise UsageError(f"{path} is not a folder.")\n'
    assert not list(offences_in(ROOT / "modelhub" / "example.py", text))


def test_no_two_classes_have_one_name() -> None:
    """One word stands for one thing: a name says what a class is without its module."""
    assert not classes_of_one_name()
