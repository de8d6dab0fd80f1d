"""The README is true: its commands parse, its tables are complete, its keys and codes are the program's."""

from __future__ import annotations

import re
import shlex

import pytest

from modelhub.cli.app import build
from modelhub.cli.registry import COMMANDS
from modelhub.documents.inspection import HashesDocument, InspectionDocument
from modelhub.errors import Exit
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
_COMMAND_LINES = sorted(set(re.findall(r"^(?:\$ )?(modelhub [^#\n|]+)", README, re.MULTILINE)) - {"modelhub pulls"})


@pytest.mark.parametrize("line", [line.strip() for line in _COMMAND_LINES if line.split()[1] in COMMANDS])
def test_every_command_line_of_the_readme_parses(line: str) -> None:
    """Command and options are known, and arguments are of the right number and kind."""
    words = shlex.split(line)[1:]
    root = build()
    with root.make_context("modelhub", words) as context:
        name, command, rest = root.resolve_command(context, words)
        assert command.make_context(name, rest, parent=context).command is command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readmes_table(name: str) -> None:
    """No command goes undocumented."""
    assert re.search(rf"^\| `modelhub {name}\b", README, re.MULTILINE)


def test_the_table_of_commands_names_no_command_that_is_not_there() -> None:
    """No row is about a command of the past or the future."""
    assert set(re.findall(r"^\| `modelhub ([\w-]+)", README, re.MULTILINE)) == set(COMMANDS)


def test_every_option_in_the_readme_exists() -> None:
    """Each `--option` of the text belongs to some command."""
    root = build()
    with root.make_context("modelhub", ["list"]) as context:
        commands = [root, *(root.get_command(context, name) for name in COMMANDS)]
        commands += [inner for group in commands for inner in getattr(group, "commands", {}).values()]
    known = {option for command in commands for param in command.params for option in param.opts} | {"--help"}
    text = README.replace("mypy --strict", "")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)) <= known


def test_the_keys_of_the_readme_are_those_of_inspect() -> None:
    """`inspect --json` prints exactly the documented keys."""
    section = README.split("<!-- keys of inspect --json -->")[1].split("<!-- end -->")[0]
    assert sorted(re.findall(r"`(\w+)`", section)) == sorted(InspectionDocument.__struct_fields__)


def test_the_exit_codes_of_the_readme_are_the_programs() -> None:
    """The table lists every code, and no other."""
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)] == [int(code) for code in Exit]


def test_the_hashes_of_the_readme_are_those_of_inspect() -> None:
    """The section Hashes defines every hash that is printed."""
    section = README.split("## Hashes")[1].split("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows))) == set(
        HashesDocument.__struct_fields__
    )


def test_links_of_the_readme_lead_to_files_that_are_there() -> None:
    """No dead link inside the repository."""
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
