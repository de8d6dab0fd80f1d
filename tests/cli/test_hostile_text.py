"""No command lets text of a file, a hub or an argument control the terminal, forge a line or hide in one."""

from __future__ import annotations

import io
import json
import logging
import re
import shlex
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.cli import errors
from modelhub.cli.app import run
from modelhub.cli.model_arguments import is_harmless_to_shells
from modelhub.cli.progress import JsonProgress, TerminalProgress
from modelhub.cli.quoting import quote_argument
from modelhub.cli.remedies import WORDS, sentence
from modelhub.errors import ModelhubError, Remedy
from modelhub.printable import printable
from modelhub.testing.files import adapters, hostile, safetensors_file

# A link and a text for the clipboard (OSC 8, OSC 52), a cleared screen, a line that looks like ours, C1 controls,
# reordering, invisible characters, Unicode's line ends, and a byte that is not UTF-8.
HOSTILE = (
    "x\x1b]8;;http://evil\x07a\x1b]52;c;Y2FsYw==\x07\x1b[2J\x1b[31m\b\r\nmodelhub: forged\n\x9b1A"
    "\u202egpj\u2066\u200b\u2028\u2029\x85\x7f\u00ad\u3164\udcff"
)
FILE_NAME = HOSTILE.replace("/", "|")
COLORS = re.compile(r"\x1b\[[0-9;]+m")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")


def assert_clean(text: str) -> None:
    """Fail unless each line is printable, and none was started by a foreign text."""
    for line in text.split("\n"):
        assert printable(line) == line, ascii(line)
        assert not line.lstrip().startswith("modelhub: forged")


def lora(path: Path) -> None:
    """Write a LoRA whose name and metadata are hostile."""
    metadata = adapters.lora_metadata("x", "x", rank=4) | {
        "ss_output_name": HOSTILE[:-1],
        "ss_tag_frequency": json.dumps({f"5_{HOSTILE[:-1]}": {HOSTILE[:-1]: 50}}),
        "ss_training_comment": HOSTILE[:-1],
        "ss_sd_model_name": HOSTILE[:-1],
        "modelspec.title": HOSTILE[:-1],
        "modelspec.architecture": HOSTILE[:-1],
        "modelspec.trigger_phrase": HOSTILE[:-1],
        "modelspec.tags": HOSTILE[:-1],
    }
    safetensors_file.write(path, adapters.lora_sd1(4), metadata=metadata, seed=1)
    for suffix in (".json", ".civitai.info"):
        notes = {"activation text": HOSTILE[:-1], "notes": HOSTILE[:-1], "trainedWords": [HOSTILE[:-1]]}
        path.with_name(path.stem + suffix).write_text(json.dumps(notes | {"model": {"name": HOSTILE[:-1]}}))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose folder of models has hostile names and contents."""
    for name, value in {"CONFIG": tmp_path / "config.toml", "LIBRARY": tmp_path / "library"}.items():
        monkeypatch.setenv(f"MODELHUB_{name}", str(value))
    monkeypatch.setenv("MODELHUB_STATE", str(tmp_path / "state"))
    models = tmp_path / "models"
    lora(models / f"{FILE_NAME}.safetensors")
    lora(models / "copies" / f"{FILE_NAME}.safetensors")
    hostile.checkpoint(models / "trap.pt").rename(models / f"trap{FILE_NAME}.pt")
    hostile.lying_header(models / f"short{FILE_NAME}.safetensors")
    return tmp_path


Command = Callable[..., str]


@pytest.fixture(params=["pipe", "terminal"])
def command(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run a command in this process, check all that it prints, and return its standard output."""
    if request.param == "terminal":
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "300")

    def call(*arguments: str) -> str:
        capsys.readouterr()
        run(list(arguments))
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        assert "unexpected" not in printed.err, printed.err
        for text in printed:
            assert_clean(COLORS.sub("", text))
        return printed.out

    return call


@posix
def test_no_command_prints_foreign_text_as_it_is(place: Path, command: Command) -> None:
    """Names, metadata, trigger words, tags, notes, findings and problems, in tables, lines, errors and JSON."""
    models, library = str(place / "models"), place / "library"
    command("inspect", "--why", *map(str, (place / "models").rglob("*.*")))
    command("add", models)
    for row in json.loads(command("list", "--json")):
        command("tag", str(row["id"]), HOSTILE[:-1])
        command("set", str(row["id"]), f"notes={HOSTILE[:-1]}", f"triggers={HOSTILE[:-1]}", f"name={HOSTILE[:-1]}")
    (place / "models" / "trigger.txt").write_text(HOSTILE[:-1])
    safetensors_file.write(place / "models" / "copies" / "second.safetensors", adapters.embedding(), seed=3)
    for arguments in (
        ("scan",),
        ("list",),
        ("list", "--duplicates"),
        ("list", f"tag:{HOSTILE[:-1]}"),
        ("list", HOSTILE),
        ("search", "x"),
        ("show", "--why", "1"),
        ("show", HOSTILE),
        ("show", "nothing" + HOSTILE),
        ("show", HOSTILE[:-1]),
        ("explain", "lora"),
        ("explain", HOSTILE),
        ("verify",),
        ("verify", "--deep"),
        ("fingerprint", str(place / "models" / f"{FILE_NAME}.safetensors")),
        ("inspect", models + HOSTILE),
        ("convert", "1", "--precision", "fp16"),
        ("export", "-"),
        ("config", "show"),
        ("config", "path"),
        ("doctor",),
        ("pull", f"https://127.0.0.1:9/{HOSTILE}", "--offline"),
        ("pull", f"someone/{HOSTILE}", "--offline"),
        (HOSTILE,),
        ("list", f"--{HOSTILE}"),
        ("list", "--type", HOSTILE),
        ("shortcut", "install", "--folder", f"{models}/copies", "--layout", HOSTILE, "--into", models),
        ("shortcut", "list"),
        ("shortcut", "remove", HOSTILE),
        ("link", "--layout", "comfyui", "--print", "--library", str(place / HOSTILE.replace("/", "|"))),
        ("rm", "--yes", "--keep-files", HOSTILE),
        ("history",),
        (),
    ):
        command(*arguments)
    command("sort", models, "--layout", "comfyui", "--into", str(library / "ui"), "--dry-run")
    command("sort", models, "--layout", "comfyui", "--into", str(library / HOSTILE.replace("/", "|")), "--mode", "copy")
    for arguments in (("history",), ("undo",), ("undo", "77"), ("rm", "--yes", "--keep-files", "1")):
        command(*arguments)


@posix
def test_json_is_ascii(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a name or a text holds is escaped, so that no terminal acts on it."""
    models = str(place / "models")
    for arguments in (
        ("inspect", models),
        ("add", models),
        ("list",),
        ("show", "1"),
        ("verify",),
        ("sort", models, "--layout", "comfyui", "--into", str(place / "ui"), "--dry-run"),
        ("export", "-"),
    ):
        capsys.readouterr()
        run([*arguments, "--json"] if "export" not in arguments else list(arguments))
        printed = capsys.readouterr().out
        assert printed.isascii()
        assert_clean(printed)
        assert json.loads(printed)


def _progress(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> list[TerminalProgress | JsonProgress]:
    monkeypatch.setattr(sys, "stderr", stream)
    return [TerminalProgress(bars=True), TerminalProgress(bars=False), JsonProgress(stream)]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_progress_shows_labels_and_notes_in_one_line(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are names of files, and notes quote them; only the bars' own controls are in the text."""
    stream = io.StringIO()
    progress = _progress(stream, monkeypatch)[kind]
    with progress.task(HOSTILE, total=2) as task:
        task.describe(HOSTILE)
        task.advance(1)
        progress.note(HOSTILE)
    for text in re.split(r"\r|\n|\x1b\[A", stream.getvalue()):
        assert printable(text) == text
        assert not text.lstrip().startswith("modelhub: forged")


def test_errors_and_logs_stay_on_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages, details, remedies, unexpected exceptions and records of any library."""

    def fail(error: Exception) -> None:
        raise error

    for error in (
        ModelhubError(HOSTILE, HOSTILE, details=[HOSTILE]),
        RuntimeError(HOSTILE),
        OSError(5, HOSTILE, HOSTILE),
    ):
        errors.run_guarded(lambda error=error: fail(error))  # type: ignore[misc]
        assert_clean(capsys.readouterr().err)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "found %s", (HOSTILE,), None)
    assert_clean(errors.LineFormatter("%(name)s: %(message)s").format(record))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 国风 👩\u200d🎨 ❤\ufe0f 1\ufe0f\u20e3 می\u200cخواهم", None),
        ("a\u200db", "a·b"),
        ("a\u200cb", "a·b"),
        ("a\ufe0fb", "a·b"),
        ("a\U000e0041b", "a·b"),
        ("a\u034f\u2800\u3164b", "a···b"),
        ("a" + "\u0301" * 20, "a" + "\u0301" * 8 + "·" * 12),
        ("a\x1b[1mb\x9bc\x7f", "a·[1mb·c·"),
        ("\udcff", "\ufffd"),
    ],
)
def test_what_scripts_need_is_shown_and_what_hides_is_not(text: str, shown: str | None) -> None:
    """Joiners and variation selectors belong to scripts and emoji; after a Latin letter they only deceive."""
    assert printable(text) == (shown or text)
    assert printable(printable(text)) == printable(text)


NAMES = (
    "plain.safetensors",
    "two words.safetensors",
    "x'; touch pwned; echo '.safetensors",
    '$(touch pwned)`touch pwned`".safetensors',
    "*?[a]{b,c}~!#&|<>.safetensors",
    "-rf",
    "",
    "back\\slash\\",
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "key", sorted(key for key, words in WORDS.items() if "{" in words and "{install}" not in words)
)
def test_a_copied_command_gets_the_name_as_one_argument(key: str, name: str, tmp_path: Path) -> None:
    """Each command of a remedy is given to a real shell, which prints its words."""
    fields = [field for _, field, _, _ in string.Formatter().parse(WORDS[key]) if field]
    values = dict.fromkeys(fields, name)
    words = sentence(Remedy("", key, values))
    template = WORDS[key].split("`")[1::2]
    commands = words.split("`")[1::2] if "`" not in name else [quote_argument(name)]
    for part, text in zip(template, commands, strict=False):
        if "{" not in part:
            continue
        done = subprocess.run(
            ["sh", "-c", f"show() {{ printf '%s\\0' \"$@\"; }}; show {text}"],
            capture_output=True,
            cwd=tmp_path,
            check=True,
        )
        assert name.encode() in done.stdout.split(b"\0")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_windows_shells_get_one_word_and_nothing_to_run(name: str) -> None:
    """In double quotes cmd acts on `%` and `"`, PowerShell on `$`, backticks and quotes: none of them is inside."""
    quoted = quote_argument(name, windows=True)
    if quoted == name:
        assert re.fullmatch(r"[A-Za-z0-9_@+=:./\\-]+", quoted)
        return
    assert quoted[0] == quoted[-1] == '"'
    assert not set(quoted[1:-1]) & set('"$`%!“”„')
    assert (len(quoted[:-1]) - len(quoted[:-1].rstrip("\\"))) % 2 == 0
    assert "".join("?" if c in '"$`%!' else c for c in name) == quoted[1:-1].replace("\\\\", "\\")


def test_completion_leaves_out_what_a_shell_could_run() -> None:
    """Zsh's completion evaluates the words that it is given."""
    for word in (HOSTILE, "$(x)", "`x`", "a;b", "a'b", 'a"b', "a\nb", "a|b", "a&b"):
        assert not is_harmless_to_shells(word)
    for word in ("red dress", "1girl", "style (anime)", "水墨", "a:b"):
        assert is_harmless_to_shells(word)
    assert shlex.split(quote_argument("a b", windows=False)) == ["a b"]
