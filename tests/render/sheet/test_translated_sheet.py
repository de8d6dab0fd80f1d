"""Contact sheets in another language: every word but names is translated, where the system can draw it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.language import current_language
from modelhub.render.sheet import fonts
from modelhub.render.sheet.sheet import language_of_sheet
from modelhub.render.verdicts import RenderVerdict
from tests.marked_language import marked_language
from tests.render.sheet.test_sheet import entry, green, page, red

__all__ = ["green", "red"]  # fixtures


@pytest.fixture(autouse=True)
def marked(tmp_path: Path) -> Iterator[None]:
    """A language whose translation of each sentence is that sentence in brackets."""
    with marked_language(tmp_path / "locale"):
        yield


def test_a_page_is_translated(tmp_path: Path, red: Path, green: Path) -> None:
    """Headings, filters, verdicts and notes; names, the values of details and short forms stay."""
    shown = page(
        tmp_path,
        entry("Tree", base=red, picture=green, verdict=RenderVerdict.OK, details=(("base", "Tree"), ("time", "1 s"))),
        entry("Tree", verdict=RenderVerdict.NAN_VAE, good=False, words="", warnings=("It works.",)),
        entry("Tree", base=red, picture=tmp_path / "gone.png", good=False),
        title="Tree",
    )
    hints = [
        value
        for _, all_ in shown.elements
        for name in ("title", "alt", "placeholder", "aria-label", "data-shown")
        if (value := all_.get(name))
    ]
    text = " ".join([shown.text, *hints])
    while "⟦" in text:
        text, count = re.subn(r"⟦[^⟦⟧]*⟧", " ", text)
        assert count
    assert {*re.findall(r"[A-Za-z][a-z]{2,}", text)} == {"Tree", "works"}
    assert shown.all("html")[0]["lang"] == "zh-Hans"


@pytest.mark.parametrize(("name", "language"), [("s.png", "en"), ("s.html", "zh_Hans")])
def test_a_picture_is_in_english_where_no_font_has_the_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, language: str
) -> None:
    """Nobody can read boxes in place of characters; a browser has fonts of its own."""
    monkeypatch.setattr(fonts, "has_wide_font", lambda: False)
    with language_of_sheet(tmp_path / name):
        assert current_language() == language
    assert current_language() == "zh_Hans"


def test_a_picture_is_translated_where_a_font_has_the_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is drawn with that font."""
    monkeypatch.setattr(fonts, "has_wide_font", lambda: True)
    with language_of_sheet(tmp_path / "s.png"):
        assert current_language() == "zh_Hans"
