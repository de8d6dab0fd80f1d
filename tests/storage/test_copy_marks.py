"""The mark of a copy is taken off a name, and nothing else is."""

from __future__ import annotations

import pytest

from modelhub.storage.copy_marks import has_copy_mark, without_copy_mark


@pytest.mark.parametrize(
    "name",
    [
        "x (1)",
        "x(12)",
        "x（3）",
        "x - Copy",
        "x - Copy (2)",
        "x - 副本",
        "x - 副本 (2)",
        "x 副本",
        "x 副本 2",
        "x的副本",
        "x copy",
        "x copy 2",
        "x (copy)",
        "x (another copy)",
        "x (3rd copy)",
        "x (副本)",
        "x (另一个副本)",
        "x (第 3 个副本)",
        "x - Kopie",
        "x - コピー",
        "Copy of x",
        "复件 x",
        "复件 (2) x",
        "x - Copy (1) (2)",
        "x - 副本 - 副本",
    ],
)
def test_a_copy_has_the_name_of_what_it_was_made_from(name: str) -> None:
    """Windows, macOS, Linux, browsers and hubs mark copies, in several languages."""
    assert without_copy_mark(name) == "x"
    assert has_copy_mark(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "(1)",
        " - Copy",
        "副本",
        "copy",
        "Copy of",
        "photocopy",
        "copycat",
        "x_copy",
        "x v1.5",
        "x (v2)",
        "x (2023)",
        "x (pruned)",
        "万象熔炉",
        "x-1",
        "x 2",
    ],
)
def test_other_names_stay_as_they_are(name: str) -> None:
    """A version, a year and a word are not marks, and a name is never empty."""
    assert without_copy_mark(name) == name
    assert not has_copy_mark(name)


def test_a_long_name_is_answered_at_once() -> None:
    """Names are foreign text: blanks and brackets by the thousand cost nothing, and the name stays as it is."""
    for text in (" " * 50_000, "(1" * 30_000, " - copy" * 10_000, "x (1)" * 10_000, "第 1" * 20_000):
        assert without_copy_mark(text) == text
