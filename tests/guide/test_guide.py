"""Each statement of a newcomer's guide is answered on the command line, in English and in Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from modelhub.cli.output import width
from tests.guide.rows import ROWS, Row
from tests.screen import ESCAPES
from tools.guide_session import COLUMNS, LOCALES, Answer, newcomer

Answers = Mapping[str, Mapping[str, Answer]]
# What stays as it is in Chinese: commands, paths, names and values. Words in a row are a sentence.
_ENGLISH_SENTENCE = re.compile(r"(?:\b[a-z]{2,} ){4,}")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What a newcomer gets for every row, by language and command line."""
    found: dict[str, Mapping[str, Answer]] = {}
    for language in LOCALES:
        with newcomer(tmp_path_factory.mktemp(language), language) as answer:
            found[language] = {row.line: answer(row.line) for row in ROWS}
    return found


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("row", ROWS, ids=[row.line for row in ROWS])
def test_a_statement_of_the_guide_is_answered(answers: Answers, row: Row, language: str) -> None:
    """The command is understood, and its answer has the essence, in the language of the system."""
    answer = answers[language][row.line]
    assert answer.code == row.code, answer.text
    for words in row.english if language == "en" else row.chinese:
        assert words in answer.flat


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("row", ROWS, ids=[row.line for row in ROWS])
def test_an_answer_fits_a_terminal_of_80_columns(answers: Answers, row: Row, language: str) -> None:
    """Nothing goes on past the edge but an address that is copied whole, and nothing is a bug of ours."""
    written = ESCAPES.sub("", answers[language][row.line].written)
    too_long = [line for line in re.split("[\r\n]", written) if width(line.rstrip()) > COLUMNS]
    assert not [line for line in too_long if " " in line.strip()]
    assert "Traceback" not in written and "unexpected" not in written


@pytest.mark.parametrize("row", ROWS, ids=[row.line for row in ROWS])
def test_no_english_sentence_is_left_in_chinese(answers: Answers, row: Row) -> None:
    """Names, commands and values stay; sentences are Chinese."""
    text = re.sub(r"`[^`]*`", "", answers["zh_Hans"][row.line].flat)
    assert not _ENGLISH_SENTENCE.search(text)


def test_each_answer_differs_from_language_to_language(answers: Answers) -> None:
    """Each language is really used: no answer is the same in both."""
    assert [row.line for row in ROWS if answers["en"][row.line].text == answers["zh_Hans"][row.line].text] == []
