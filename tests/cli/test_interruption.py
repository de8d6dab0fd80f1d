"""What commands answer to a no, to Ctrl-C and to wrong usage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelhub.testing.files import adapters, safetensors_file
from modelhub.testing.hubs.faulty import serving
from tests.cli.test_app import modelhub

needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user with a library of one embedding."""
    safetensors_file.write(tmp_path / "models" / "easy.safetensors", adapters.embedding(), seed=2)
    assert modelhub("add", str(tmp_path / "models"), home=tmp_path).returncode == 0
    return tmp_path


def at_terminal(home: Path, *arguments: str, keys: bytes) -> tuple[int, str]:
    """Run a command whose standard input is a terminal, type the keys at its question; return exit code and stderr."""
    import pty

    master, slave = pty.openpty()
    environ = {**os.environ, "MODELHUB_CONFIG": str(home / "config.toml"), "MODELHUB_LIBRARY": str(home / "library")}
    process = subprocess.Popen(
        [sys.executable, "-m", "modelhub", *arguments],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(slave)
    assert process.stderr is not None
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(process.stderr.fileno(), 1)
    os.write(master, keys)
    _, rest = process.communicate(timeout=30)
    os.close(master)
    return process.returncode, (seen + rest).decode()


def _take_terminal() -> None:
    """Make standard input the terminal of the process, so that Ctrl-C reaches it as a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@needs_terminal
@pytest.mark.parametrize("keys", [b"n\n", b"\n", b"\x04", b"\x03"], ids=["no", "return", "end of input", "Ctrl-C"])
def test_rm_answered_no_removes_nothing_and_says_so(home: Path, keys: bytes) -> None:
    """Everything that is not a yes is a no; nothing is promised about resuming."""
    code, err = at_terminal(home, "rm", "easy", keys=keys)
    assert code == 1
    assert err.splitlines()[-1].endswith("Nothing was removed.")
    assert "again" not in err
    assert (home / "models" / "easy.safetensors").exists()
    assert modelhub("show", "easy", home=home).returncode == 0


@needs_terminal
@pytest.mark.parametrize("word", ["y", "YES", "是"])
def test_rm_answered_yes_removes(home: Path, word: str) -> None:
    """A yes is understood in English and Chinese."""
    code, err = at_terminal(home, "rm", "easy", "--keep-files", keys=f"{word}\n".encode())
    assert code == 0
    assert "Delete 1 model from the catalog? [y/N]" in err
    assert modelhub("show", "easy", home=home).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("list", "--typ", "lora"), "`modelhub list` has no option `--typ`.", "Did you mean `--type`?"),
        (("pull", "--zoom", "x"), "`modelhub pull` has no option `--zoom`.", "`modelhub pull --help` shows"),
        (("rm", "--keep", "x"), "`modelhub rm` has no option `--keep`.", "Did you mean `--keep-files`?"),
        (("convert",), "`modelhub convert` needs MODEL.", "`modelhub convert --help` shows what it takes."),
        (("list", "--limit"), "`--limit` needs a value.", "`modelhub list --help` shows what it takes."),
        (("list", "--limit", "many"), "`--limit` needs a whole number, not `many`.", "`modelhub list --help`"),
        (("list", "--limit", "0"), "`--limit` must be at least 1, not 0.", "`modelhub list --help`"),
        (("render-test", "--steps", "0"), "`--steps` must be from 1 to", "`modelhub render-test --help`"),
        (("render-test", "--guidance", "x"), "`--guidance` needs a number, not `x`.", "`modelhub render-test --help`"),
        (("doctor", "now", "please"), "`modelhub doctor` has no place for `now please`.", "`modelhub doctor --help`"),
        (("config",), "`modelhub config` needs a command after it.", "`modelhub config --help` shows what it takes."),
        (("list", "--missing=yes"), "`--missing` takes no value.", "`modelhub list --help` shows what it takes."),
        (("shortcut", "instal"), "`modelhub shortcut` has no command `instal`.", "Did you mean `modelhub shortcut"),
        (("inspect", ""), "The value of `PATH...` is not valid. The path is empty.", "`modelhub inspect --help`"),
    ],
)
def test_wrong_usage_is_answered_in_the_form_of_all_errors(
    arguments: tuple[str, ...], message: str, hint: str, tmp_path: Path
) -> None:
    """What is wrong, what to do, and an example: exit 2."""
    done = modelhub(*arguments, home=tmp_path)
    assert done.returncode == 2
    first, second, *rest = done.stderr.splitlines()
    assert first.startswith(f"modelhub: {message}")
    assert second.startswith(f"  → {hint}")
    if arguments[0] != "shortcut":
        assert rest == [line for line in rest if line.startswith(f"  Example: modelhub {arguments[0]}")]
        assert len(rest) == 1
    assert "Usage:" not in done.stderr
    assert "Error" not in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("verify", "modelhub: Stopped. Nothing was changed.\n"),
        ("render-test", "modelhub: Stopped. The results so far are kept; `modelhub render-test` tests the rest.\n"),
        ("rm", "modelhub: Stopped. Nothing more was removed.\n"),
        ("config", "modelhub: Stopped.\n"),
    ],
)
def test_ctrl_c_states_what_is_true_for_the_command(
    command: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only a command that resumes promises to resume."""
    from modelhub.cli import app
    from modelhub.cli.session import Session

    monkeypatch.setenv("MODELHUB_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setattr(Session, "settings", property(_interrupt))
    arguments = {"rm": ["rm", "x", "--yes"], "config": ["config", "show"]}.get(command, [command])
    assert app.run(arguments) == 130
    assert capsys.readouterr().err == words


def _interrupt(_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
def test_ctrl_c_in_pull_keeps_the_download_and_says_how_to_resume(tmp_path: Path) -> None:
    """The same command then resumes where it stopped."""
    source = tmp_path / "source.safetensors"
    safetensors_file.write(source, adapters.lora_sd1(128), seed=3)
    environ = {**os.environ, "MODELHUB_CONFIG": str(tmp_path / "none"), "MODELHUB_LIBRARY": str(tmp_path / "library")}
    with serving(source.read_bytes()) as server:
        server.rate = 3_000_000
        command = [sys.executable, "-m", "modelhub", "pull", f"{server.url}/a.safetensors"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True)
        deadline = time.monotonic() + 30
        while server.sent < 2_000_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert err.endswith("modelhub: Stopped. What was downloaded is kept; run the same command again to resume.\n")
        assert list((tmp_path / "library").rglob("*.part"))
        server.rate = 0
        again = subprocess.run(command, capture_output=True, env=environ, check=False)
        assert again.returncode == 0, again.stderr
        assert any(request.start > 0 for request in server.requests)
