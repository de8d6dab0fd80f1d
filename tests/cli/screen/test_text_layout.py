"""Texts are measured, cut and wrapped by the columns that they take on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.cli.screen.text_layout import (
    letters,
    pad,
    shorten,
    shorten_apart,
    shorten_end,
    shorten_start,
    width,
    wrap,
)

CUTS = (shorten, shorten_end, shorten_start)
TEXTS = st.text(alphabet="abz09 -_./麦橘写实，。é\u0301\U0001f600「」", max_size=60)


@given(TEXTS, st.integers(1, 40), st.sampled_from(CUTS))
def test_a_cut_text_fits_and_keeps_whole_characters(text: str, columns: int, cut: object) -> None:
    """Wide characters count twice, and an accent stays with its letter."""
    short = cut(text, columns)  # type: ignore[operator]
    assert width(short) <= columns
    assert set(letters(short)) <= {*letters(text), "…"}


@given(TEXTS, st.integers(10, 60), st.integers(0, 8))
def test_wrapping_loses_nothing_but_spaces(text: str, columns: int, indent: int) -> None:
    """Every character is still there, in its order."""
    lines = wrap(text, columns, indent)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("columns", range(6, 19))
@pytest.mark.parametrize("cut", CUTS)
def test_texts_that_differ_are_cut_so_that_they_differ(columns: int, cut: object) -> None:
    """The part by which they differ is shown."""
    names = ("v1-5-pruned", "v1-5-pruned-emaonly", "v1-5-pruned-emaonly-fp16", "v1-5-pruned-emaonly-fp32")
    shown = shorten_apart(names, columns, cut)  # type: ignore[arg-type]
    assert len(set(shown.values())) == len(names)
    assert all(width(text) <= columns for text in shown.values())


def test_cuts_are_made_between_the_parts_of_a_name() -> None:
    """No word is cut in its middle where a border is near, nor is a number."""
    assert shorten("v1-5-pruned-emaonly", 16) == "v1-5…emaonly"
    assert shorten_start("pruned-emaonly", 8) == "…emaonly"
    assert shorten_end("sd1 or sd2 or sdxl", 12) == "sd1 or sd2…"
    assert shorten("add_detail_with_many_parts-v2.0-final", 24) == "add_detail…v2.0-final"


def test_lines_break_between_chinese_characters_but_not_before_punctuation() -> None:
    """A closing mark stays with the word before it, an opening one with the word after it."""
    text = "它是一个压缩文件，里面没有模型。请先解压（或者直接添加），再试一次。"
    for columns in range(10, 40):
        lines = wrap(text, columns, 2)
        assert all(line.strip()[0] not in "，。）" for line in lines)
        assert all(line[-1] not in "（" for line in lines)
        assert all(width(line) <= columns for line in lines)


@pytest.mark.parametrize(
    "whole",
    [
        "`modelhub pull stabilityai/sd-turbo --allow-pickle`",
        "/home/me/My Models/a b.safetensors",
        "~/模型/麦橘写实 v7.safetensors",
        "C:\\Users\\me\\My Models\\a.safetensors",
        "https://example.org/a/b/c?d=e",
        "红裙-正式版.safetensors",
    ],
)
@pytest.mark.parametrize(
    "text", ["{whole} could not be read.", "Look at {whole} for more.", "请看 {whole}，然后再试。"]
)
def test_what_is_copied_stays_whole(whole: str, text: str) -> None:
    """Commands, paths and addresses are on one line at every width."""
    for columns in range(12, 80):
        assert any(whole in line for line in wrap(text.format(whole=whole), columns, 2)), columns


def test_colors_take_no_columns() -> None:
    """A colored text is padded and wrapped as the same text without color."""
    assert width("\x1b[31m红裙\x1b[0m") == 4
    assert width(pad("\x1b[31mok\x1b[0m", 6)) == 6
    assert [width(line) for line in wrap("\x1b[31mword\x1b[0m word word", 9, 0)] == [9, 4]
