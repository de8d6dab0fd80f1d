"""Commands that people type and modelhub calls otherwise: the answer is the command to type, with their arguments."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.cli.arguments.pointers import HELP_WORDS, POINTERS, PointerRow
from modelhub.cli.registry import COMMANDS
from modelhub.errors import Exit
from modelhub.words import fold
from tests.cli.test_app import modelhub


def test_no_word_stands_for_two_commands_or_for_one_that_exists() -> None:
    """Each word is written once, and none hides a command."""
    counts = Counter(fold(word) for words in (*(row.words for row in POINTERS), HELP_WORDS) for word in words)
    assert not {word for word, count in counts.items() if count > 1}
    assert not counts.keys() & {fold(name) for name in COMMANDS}


@pytest.mark.parametrize("row", POINTERS, ids=lambda row: row.words[0])
def test_every_pointer_leads_to_a_command_that_exists(row: PointerRow, capsys: pytest.CaptureFixture[str]) -> None:
    """The command of each row has a help page with its options."""
    command = [row.command, *row.begin]
    assert run([*command, "--help"]) == Exit.OK
    shown = capsys.readouterr().out
    assert all(word in shown for word in command if word.startswith("--") and word != "--version")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("download anything-v5 --for train", "modelhub pull anything-v5 --for train"),
        ("get x", "modelhub pull x"),
        ("install x", "modelhub pull x"),
        ("Download x", "modelhub pull x"),
        ("dwonload x", "modelhub pull x"),
        ("info 'red dress'", "modelhub show 'red dress'"),
        ("delete a b", "modelhub rm a b"),
        ("remove a", "modelhub rm a"),
        ("del a", "modelhub rm a"),
        ("uninstall a", "modelhub rm a"),
        ("find anime", "modelhub search anime"),
        ("ls type:lora", "modelhub list type:lora"),
        ("move . --layout webui", "modelhub sort . --layout webui"),
        ("organize .", "modelhub sort ."),
        ("update", "modelhub outdated"),
        ("upgrade red", "modelhub pull --update red"),
        ("test --all", "modelhub render-test --all"),
        ("render x", "modelhub render-test x"),
        ("check", "modelhub verify"),
        ("scan-folder", "modelhub scan"),
        ("ui", "modelhub link"),
        ("version", "modelhub --version"),
        ("vae", "modelhub explain vae"),
        ("anime", "modelhub explain anime"),
        ("下载 x", "modelhub pull x"),
        ("列表", "modelhub list"),
        ("搜索 red", "modelhub search red"),
        ("删除 x", "modelhub rm x"),
        ("整理 .", "modelhub sort ."),
        ("查看 x", "modelhub show x"),
        ("解释 vae", "modelhub explain vae"),
    ],
)
def test_a_command_that_people_type_points_on(line: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer carries the user's own arguments, and the exit code is that of wrong usage."""
    word, *_ = shlex.split(line)
    assert run(shlex.split(line)) == Exit.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"There is no command `{word}`." in printed.err
    assert f"`{command}`" in printed.err


def test_the_command_that_is_named_can_be_pasted(tmp_path: Path) -> None:
    """What the answer names is understood, quotes included: `download` of nothing becomes a `pull` of nothing."""
    done = modelhub("download", "no such; model", home=tmp_path)
    assert done.returncode == Exit.USAGE
    (command,) = re.findall(r"Use `(.*)` instead\.", done.stderr)
    again = modelhub(*shlex.split(command)[1:], home=tmp_path)
    assert "`no such; model`" in again.stderr
    assert "There is no command" not in again.stderr


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        ("help", "modelhub [OPTIONS] COMMAND"),
        ("帮助", "modelhub [OPTIONS] COMMAND"),
        ("help help", "modelhub [OPTIONS] COMMAND"),
        ("help pull", "modelhub pull "),
        ("help download", "modelhub pull "),
        ("帮助 列表", "modelhub list "),
        ("help config show", "modelhub config show "),
    ],
)
def test_help_shows_help(line: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As a command, in English and Chinese, alone or with the command that help is wanted for."""
    assert run(shlex.split(line)) == Exit.OK
    assert usage in capsys.readouterr().out.splitlines()[0]


def test_help_for_a_term_points_to_its_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    """A term is not a command, but `explain` has it."""
    assert run(["help", "vae"]) == Exit.USAGE
    assert "`modelhub explain vae`" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["lst", "xyzzy"])
def test_a_word_that_stands_for_nothing_is_no_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest command is named, where there is one."""
    assert run([word]) == Exit.USAGE
    printed = capsys.readouterr().err
    assert f"`{word}`" in printed
    assert ("Did you mean `modelhub list`?" in printed) is (word == "lst")
