"""No name of a folder becomes a command, a key or a setting in the texts of shortcuts, as their readers parse them."""

from __future__ import annotations

import json
import plistlib
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as Tree
from pathlib import Path

import pytest

from modelhub.desktop import linux, macos, windows
from modelhub.desktop.shortcut import Shortcut, click_command
from modelhub.errors import UsageError
from tests.desktop.test_shortcut import FakeRegistry, linux_writer, mac_writer, windows_writer

NAMES = (
    'x"; calc; "',
    "%u %F %i %c %k %% %PATH%",
    "a\nExec=calc\n[Desktop Action x]\nExec=calc",
    "$(calc) `calc` $HOME ${PATH} $env:PATH",
    "& calc | calc > x < y ^ calc ; calc",
    "'; Start-Process calc; '",
    "’; Start-Process calc; ‘",
    "\\\" \\' \\n \\\\",
    "<string>x</string></dict>&amp;<!--",
    "水墨画 🦊 русский",
    "\u202egnp.exe\u2066\u200b",
    "~!#*?[]{}()=,",
    "@shell32.dll,-1",
    "-e calc",
)
COMMAND = ["/opt/py/python", "-P", "-m", "modelhub"]

_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def made(tmp_path: Path, name: str) -> Shortcut:
    """Return a shortcut with this name, for folders of this name."""
    folder = tmp_path / name.replace("/", "|")
    targets = ("desktop", "menu", "filemanager", "sendto")
    return Shortcut(id="sort-it", name=name, folder=folder, layout="comfyui", into=folder, targets=targets)


def entries_of(text: str) -> dict[str, dict[str, str]]:
    """Parse a desktop entry by its specification: groups, and keys with unescaped values."""
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            assert line.endswith("]")
            assert line[1:-1] not in groups
            current = groups.setdefault(line[1:-1], {})
            continue
        key, separator, value = line.partition("=")
        assert separator
        assert re.fullmatch(r"[A-Za-z0-9-]+", key)
        assert key not in current
        current[key] = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), value)
    return groups


def arguments_of(line: str) -> list[str]:
    """Split the value of Exec by the Desktop Entry Specification; `%%` is a percent sign, field codes are kept."""
    words: list[str] = []
    position = 0
    while position < len(line):
        if line[position] == " ":
            position += 1
            continue
        if line[position] == '"':
            word, position = "", position + 1
            while line[position] != '"':
                if line[position] == "\\":
                    position += 1
                    assert line[position] in '"`$\\'
                else:
                    assert line[position] not in "`$"
                word += line[position]
                position += 1
            position += 1
        else:
            end = line.find(" ", position)
            word = line[position : end if end >= 0 else len(line)]
            assert not set(word) & set("\t\n\"'\\><~|&;$*?#()`")
            position += len(word)
        words.append(word.replace("%%", "%"))
    return words


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
@pytest.mark.parametrize("state", [name for name in NAMES if "\n" not in name and "\u202e" not in name])
def test_a_desktop_entry_runs_the_launcher_and_nothing_else(state: str, tmp_path: Path) -> None:
    """In each kind of entry; the folder of the launcher and the shortcut itself are hostile."""
    folder = tmp_path / state.replace("/", "|")
    launcher = folder / "shortcuts" / "sort-it.sh"
    pieces = linux_writer(tmp_path).pieces(made(tmp_path, state), COMMAND, folder)
    texts = [piece.data.decode() for piece in pieces if piece.place.endswith((".desktop", ".nemo_action"))]
    assert len(texts) == 6
    for text in texts:
        groups = entries_of(text)
        runs = [group["Exec"] for group in groups.values() if "Exec" in group]
        assert runs
        for line in runs:
            words = arguments_of(line)
            if words[0] == "/bin/sh":
                words = words[1:]
            assert words[0] == str(launcher)
            assert words[1:] in ([], ["%F"], ["--dry-run"], ["--undo"], ["--report"])
    (action,) = [piece for piece in pieces if piece.kind == "action"]
    entry = Tree.fromstring(action.data.decode())
    command = entry.findtext("command") or ""
    assert [word.replace("%%", "%") for word in shlex.split(command)] == [str(launcher), "%F"]
    assert [child.tag for child in entry].count("command") == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_name_adds_no_line_to_a_desktop_entry(name: str, tmp_path: Path) -> None:
    """The name and the description are one value each."""
    groups = entries_of(linux.desktop_entry(made(tmp_path, name), Path("/l.sh"), Path("/i.svg")))
    assert list(groups) == ["Desktop Entry", *(f"Desktop Action {key}" for key in ("dry-run", "undo", "report"))]
    assert groups["Desktop Entry"]["Exec"] == "/l.sh %F"
    assert "\n" not in groups["Desktop Entry"]["Name"]
    assert "\u202e" not in groups["Desktop Entry"]["Name"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
@pytest.mark.parametrize("state", ["a\nExec=calc", "a\x1b[2J", "a\rb", "a\x85b"])
def test_a_launcher_is_not_kept_below_a_name_with_control_characters(state: str, tmp_path: Path) -> None:
    """It would end a line of an entry, or make Thunar's file unreadable."""
    with pytest.raises(UsageError, match="control characters"):
        linux_writer(tmp_path).pieces(made(tmp_path, "x"), COMMAND, tmp_path / state)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_scripts_run_only_their_program(name: str, tmp_path: Path) -> None:
    """The launcher and macOS' scripts, by a real shell in which every command but the program is missing."""
    folder = tmp_path / name.replace("/", "|")
    folder.mkdir()
    program = folder / "program"
    program.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$OUT"\n')
    program.chmod(0o755)
    command = [str(program), "--library", name]
    shortcut = made(tmp_path, name)
    words = click_command(shortcut, command)
    for text, ending in (
        (linux.launcher_script(shortcut, command), ["--", "-x"]),
        (macos.script(words, ' -- "$@"'), ["--", "-x"]),
        (macos.script(words), []),
    ):
        script = tmp_path / "script.sh"
        script.write_text(text)
        heard = tmp_path / "heard"
        empty = tmp_path / "empty"
        empty.mkdir(exist_ok=True)
        before = sorted(empty.iterdir())
        environ = {"PATH": str(empty), "OUT": str(heard)}
        subprocess.run(["/bin/sh", str(script), "-x"], check=True, cwd=empty, env=environ, capture_output=True)
        assert heard.read_text().split("\0")[:-1] == [*words[1:], *ending]
        assert sorted(empty.iterdir()) == before


def powershell_tokens(script: str) -> list[str]:
    """Return a script with each string in single quotes replaced by its number, and the strings after it.

    PowerShell counts typographic quotes as quotes; a doubled one stands for itself.
    """
    quotes = "'‘’‚‛"
    shape, strings, position = "", [], 0
    while position < len(script):
        if script[position] not in quotes:
            shape += script[position]
            position += 1
            continue
        text, position = "", position + 1
        while True:
            if script[position] in quotes:
                if position + 1 < len(script) and script[position + 1] in quotes:
                    text += script[position]
                    position += 2
                    continue
                position += 1
                break
            text += script[position]
            position += 1
        strings.append(text)
        shape += f"<{len(strings)}>"
    return [shape, *strings]


@pytest.mark.parametrize("name", NAMES)
def test_a_powershell_script_has_the_same_commands_for_every_name(name: str, tmp_path: Path) -> None:
    """Only the strings differ, and each is the text that it was made of."""
    piece = windows.link_piece(Path("x.lnk"), [name, "-m", name, "--library", name], made(tmp_path, name))
    values = json.loads(piece.data)
    shape, *strings = powershell_tokens(windows.link_script(f"C:\\{name}.lnk", values))
    plain = windows.link_script("C:\\x.lnk", dict.fromkeys(values, "x"))
    assert shape == powershell_tokens(plain)[0]
    assert strings[1] == f"C:\\{name}.lnk"
    assert strings[2:5] == [values["target"], values["arguments"], values["description"]]
    assert "\n" not in values["description"]


def windows_arguments(line: str) -> list[str]:
    """Split a command line as CommandLineToArgvW does."""
    words: list[str] = []
    word, is_quoted, has_word, backslashes = "", False, False, 0
    for character in [*line, " "]:
        if character == "\\":
            backslashes += 1
            has_word = True
            continue
        if character == '"':
            word += "\\" * (backslashes // 2)
            if backslashes % 2:
                word += '"'
            else:
                is_quoted = not is_quoted
            backslashes, has_word = 0, True
            continue
        word += "\\" * backslashes
        backslashes = 0
        if character in " \t" and not is_quoted:
            if has_word:
                words.append(word)
            word, has_word = "", False
        else:
            word += character
            has_word = True
    assert not is_quoted
    return words


@pytest.mark.parametrize("name", [name for name in NAMES if "\n" not in name])
def test_windows_command_lines_are_split_into_the_same_words(name: str, tmp_path: Path) -> None:
    """Those of links and of the registry, in which Explorer fills in percent codes first."""
    command = [r"C:\py\python.exe", "-m", "modelhub", "--library", name]
    registry = FakeRegistry()
    shortcut = made(tmp_path, name)
    pieces = windows_writer(tmp_path, registry).pieces(shortcut, command, tmp_path)
    links = [json.loads(piece.data) for piece in pieces if piece.kind == "link"]
    assert links
    for link in links:
        words = windows_arguments(link["arguments"])
        assert words[: len(command) + 2] == [*command[1:], "shortcut", "click", "sort-it"]
    lines = [piece.data.decode() for piece in pieces if piece.place.endswith(r"\command")]
    assert lines
    for line in lines:
        words = windows_arguments(line)
        assert [word.replace("%%", "%") for word in words[: len(command)]] == command
        assert not re.search(r"(?<!%)(?:%%)*%(?!%)(?![1V])", line)
        assert words[-1] in ("%1", r"%V\.")
    titles = [
        piece.data.decode() for piece in pieces if piece.kind == "registry" and not piece.place.endswith("command")
    ]
    assert all("\u202e" not in title and "\n" not in title and not title.startswith("@") for title in titles)


@pytest.mark.parametrize("name", NAMES)
def test_property_lists_hold_the_name_as_text(name: str, tmp_path: Path) -> None:
    """Parsed again they have the same keys for every name."""
    command = [*COMMAND, "--library", name.replace("\n", " ")]

    def lists(shortcut: Shortcut) -> list[dict[str, object]]:
        pieces = mac_writer(tmp_path).pieces(shortcut, command, tmp_path)
        return [plistlib.loads(piece.data) for piece in pieces if piece.place.endswith((".plist", ".wflow"))]

    found = lists(made(tmp_path, name))
    assert [sorted(one) for one in found] == [sorted(one) for one in lists(made(tmp_path, "plain"))]
    script = found[-1]["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]  # type: ignore[index]
    assert shlex.split(script) == ["exec", *command, "shortcut", "click", "sort-it", "--", "$@"]
