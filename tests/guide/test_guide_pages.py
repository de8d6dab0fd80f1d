"""The pages of the guide are true: their commands parse, and their transcripts are what a newcomer sees."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from modelhub.cli.app import build
from tests.conftest import ROOT
from tools.readme import GUIDES, commands_of, newcomers_session, refreshed

_TEXTS = {language: page.read_text(encoding="utf-8") for language, page in GUIDES.items()}


@pytest.mark.parametrize(
    ("language", "line"), [(language, line) for language, text in _TEXTS.items() for line in commands_of(text)]
)
def test_every_command_line_of_the_pages_parses(language: str, line: str) -> None:
    """Command and options are known, and arguments are of the right number and kind."""
    words = shlex.split(line)[1:]
    root = build()
    with root.make_context("modelhub", words) as context:
        name, command, rest = root.resolve_command(context, words)
        assert command.make_context(name, rest, parent=context).command is command


@pytest.mark.skipif(sys.platform == "win32", reason="the transcripts are those of a POSIX terminal")
@pytest.mark.parametrize("language", GUIDES)
def test_the_pages_show_what_the_commands_print(language: str, tmp_path: Path) -> None:
    """The transcripts are true; after a change of output run: python tools/dev.py readme."""
    text = _TEXTS[language]
    assert refreshed(text, newcomers_session(text, language, tmp_path)) == text


def test_both_pages_go_through_the_same_statements() -> None:
    """Each page has as many sections and commands as the other."""
    english, chinese = _TEXTS.values()
    for pattern in (r"^#+ ", r"^```console$", r"^\$ modelhub \w+"):
        found = [re.findall(pattern, text, re.MULTILINE) for text in (english, chinese)]
        assert found[0] == found[1]


def test_links_of_the_pages_lead_to_files_that_are_there() -> None:
    """The pages lead to each other, and the README to both."""
    for page in GUIDES.values():
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        assert links and all((page.parent / link).exists() for link in links)
        assert f"(docs/{page.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
