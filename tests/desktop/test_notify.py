"""Notifications and opening files, with programs of our own on PATH that write down what they were asked."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.desktop import notify as module
from modelhub.desktop.notify import notify, open_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts that Windows does not run")

Program = Callable[..., Path]
_RECORD = """#!{python}
import json, os, sys, time
with open({log!r}, "a", encoding="utf-8") as log:
    environ = {{k: v for k, v in os.environ.items() if k.startswith("MODELHUB_TOAST")}}
    log.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], environ]) + "\\n")
time.sleep({seconds})
sys.exit({code})
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Make a program on a PATH that holds nothing else; it records its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("SystemRoot", str(tmp_path / "Windows"))
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    def make(name: str, *, code: int = 0, seconds: float = 0, folder: Path = folder) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        log = str(tmp_path / "log.jsonl")
        path.write_text(_RECORD.format(python=sys.executable, log=log, code=code, seconds=seconds), "utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Force the kind of desktop."""
    return lambda name: monkeypatch.setattr(module, "desktop_kind", lambda: name)


def calls(tmp_path: Path) -> list[tuple[str, list[str], dict[str, str]]]:
    """Return what was run: name, arguments, our variables."""
    log = tmp_path / "log.jsonl"
    return [tuple(json.loads(line)) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def test_linux_asks_notify_send_with_harmless_words(
    tmp_path: Path, program: Program, on: Callable[[str], None]
) -> None:
    """Markup and backslashes of a name are shown as they are, a leading dash is not an option, the report is named."""
    on("linux")
    program("notify-send")
    assert notify("--help", "红裙 <b>&\\n.pt\x1b moved", open=tmp_path / "report.html")
    ((name, words, _),) = calls(tmp_path)
    assert name == "notify-send"
    assert words[-3:] == ["--", "--help", f"红裙 &lt;b&gt;&amp;\\\\n.pt· moved\n{tmp_path / 'report.html'}"]


def test_linux_goes_on_to_the_next_program(tmp_path: Path, program: Program, on: Callable[[str], None]) -> None:
    """notify-send without a session bus fails; gdbus gets the same words as GVariant texts."""
    on("linux")
    program("notify-send", code=1)
    program("gdbus")
    assert notify('say "hi"', "two words")
    (_, words, _) = calls(tmp_path)[1]
    assert [name for name, _, _ in calls(tmp_path)] == ["notify-send", "gdbus"]
    assert words[-8:] == ['"modelhub"', "0", '"modelhub"', '"say \\"hi\\""', '"two words"', "[]", "{}", "8000"]


def test_windows_hands_the_words_over_beside_a_constant_script(
    tmp_path: Path, program: Program, on: Callable[[str], None]
) -> None:
    """PowerShell is run from Windows' own folder, never from PATH, and no word of ours is in what it runs."""
    on("windows")
    program("powershell.exe")
    title = "'); Remove-Item C:\\ #’"
    assert not notify(title, "text")
    program("powershell.exe", folder=tmp_path / "Windows" / "System32" / "WindowsPowerShell" / "v1.0")
    assert notify(title, "文 text", open=tmp_path / "a b.html")
    ((name, words, environ),) = calls(tmp_path)
    script = base64.b64decode(words[words.index("-EncodedCommand") + 1]).decode("utf-16-le")
    assert name == "powershell.exe"
    assert "Remove-Item" not in script and "$env:MODELHUB_TOAST_TITLE" in script
    assert environ == {
        "MODELHUB_TOAST_TITLE": title,
        "MODELHUB_TOAST_TEXT": "文 text",
        "MODELHUB_TOAST_OPEN": (tmp_path / "a b.html").as_uri(),
    }


def test_macos_hands_the_words_to_a_constant_script(
    tmp_path: Path, program: Program, on: Callable[[str], None]
) -> None:
    """The words are arguments, so that quotes in them end no text."""
    on("macos")
    program("osascript")
    assert notify('" & quit & "', "text")
    ((_, words, _),) = calls(tmp_path)
    assert words[-3:] == ["--", '" & quit & "', "text"]
    assert words[0] == "-e" and "quit" not in words[1]


@pytest.mark.parametrize("system", ["linux", "windows", "macos"])
def test_without_any_program_the_answer_is_no(program: Program, on: Callable[[str], None], system: str) -> None:
    """A headless machine is a fine place to sort files."""
    on(system)
    assert not notify("title", "text")


@pytest.mark.parametrize("words", ["", "\0", "half \udcff", "x" * 100_000, "two\nlines"])
def test_no_text_is_too_odd(program: Program, on: Callable[[str], None], tmp_path: Path, words: str) -> None:
    """Empty, with NUL, not valid Unicode, very long: shown as far as it can be."""
    on("linux")
    program("notify-send")
    assert notify(words, words)
    ((_, shown, _),) = calls(tmp_path)
    assert len(shown[-1]) <= 400


def test_a_program_that_cannot_be_run_is_no_program(program: Program, on: Callable[[str], None]) -> None:
    """An interpreter that is not there, a file that is not a program."""
    on("linux")
    program("notify-send").write_text("#!/nowhere/at/all\n")
    program("gdbus").write_bytes(b"\x7fELF")
    assert not notify("title", "text")


def test_a_program_that_hangs_is_ended_in_time(
    tmp_path: Path, program: Program, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sort is done; nobody waits for its notification, and no later program gets more time."""
    on("linux")
    monkeypatch.setattr(module, "TIME_LIMIT", 0.5)
    program("notify-send", seconds=60)
    program("gdbus")
    assert not notify("title", "text")
    assert "gdbus" not in [name for name, _, _ in calls(tmp_path)]


@pytest.mark.parametrize(("system", "name"), [("linux", "xdg-open"), ("macos", "open")])
def test_opening_a_file_names_it_in_full(
    tmp_path: Path,
    program: Program,
    on: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    name: str,
) -> None:
    """A relative name that begins with a dash must not be an option."""
    on(system)
    program(name)
    (tmp_path / "-报告 1.html").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert open_file(Path("-报告 1.html"))
    ((_, words, _),) = calls(tmp_path)
    assert words == [str(tmp_path / "-报告 1.html")]


def test_gio_opens_where_xdg_open_fails(tmp_path: Path, program: Program, on: Callable[[str], None]) -> None:
    """xdg-open ends with 3 where it knows no program."""
    on("linux")
    program("xdg-open", code=3)
    program("gio")
    assert open_file(tmp_path)
    assert calls(tmp_path)[1][:2] == ("gio", ["open", str(tmp_path)])


def test_a_browser_that_stays_open_counts_as_opened(
    tmp_path: Path, program: Program, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """xdg-open waits for the browser that it starts; we do not wait for it, nor end it."""
    on("linux")
    monkeypatch.setattr(module, "TIME_LIMIT", 0.5)
    program("xdg-open", seconds=2)
    program("gio")
    assert open_file(tmp_path)
    assert "gio" not in [name for name, _, _ in calls(tmp_path)]


def test_nothing_is_opened_without_a_display(
    tmp_path: Path, program: Program, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """xdg-open would start a browser for terminals, which waits for ever."""
    on("linux")
    monkeypatch.delenv("DISPLAY")
    program("xdg-open")
    assert not open_file(tmp_path)
    assert calls(tmp_path) == []


def test_a_file_that_is_not_there_is_not_opened(tmp_path: Path, program: Program, on: Callable[[str], None]) -> None:
    """No program is troubled with it."""
    on("linux")
    program("xdg-open")
    assert not open_file(tmp_path / "none.html")
    assert calls(tmp_path) == []


def test_windows_opens_through_the_system(
    tmp_path: Path, on: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`os.startfile` where there is one; its refusal is an answer."""
    on("windows")
    opened: list[str] = []

    def start(path: str) -> None:
        if path.endswith(".odd"):
            raise OSError("no program for this")
        opened.append(path)

    monkeypatch.setattr(os, "startfile", start, raising=False)
    assert open_file(tmp_path / "a.html")
    assert not open_file(tmp_path / "a.odd")
    assert opened == [str(tmp_path / "a.html")]
    monkeypatch.delattr(os, "startfile")
    assert not open_file(tmp_path / "a.html")
