"""Watch: what arrives is sorted once it has stopped growing; a real observer on a real folder, and a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelhub.operations.sort.watch import Arrivals, watch
from modelhub.testing.files import adapters, safetensors_file


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_ready_when_it_has_been_quiet_for_long_enough(tmp_path: Path) -> None:
    """Growth restarts the time; what vanishes is forgotten; other files do not count."""
    clock = Clock()
    arrivals = Arrivals(quiet=5, clock=clock)
    growing, gone, other = tmp_path / "a.safetensors", tmp_path / "b.pt", tmp_path / "c.txt"
    for path in (growing, gone, other):
        path.write_bytes(b"1")
        arrivals.note(path)
    gone.unlink()
    clock.now = 4
    growing.write_bytes(b"12")
    assert arrivals.ready() == []
    clock.now = 8
    assert arrivals.ready() == []
    clock.now = 9
    assert arrivals.ready() == [growing]
    assert arrivals.ready() == []


def test_what_arrives_without_a_suffix_is_taken_by_its_content(tmp_path: Path) -> None:
    """Pictures, texts and hidden files are not; an archive is, because it is then named."""
    clock = Clock()
    arrivals = Arrivals(quiet=1, clock=clock)
    model = safetensors_file.write(tmp_path / "130072", adapters.lora_sd1(4), seed=1)
    shutil.copy(model, tmp_path / "notes.txt")
    shutil.copy(model, tmp_path / "z.safetensors.part")
    shutil.copy(model, tmp_path / ".hidden")
    for name, content in (
        ("a.png", b"\x89PNG"),
        ("b", b"text"),
        ("c.docx", b"PK\x03\x04"),
        ("d.7z", b"7z\xbc\xaf\x27\x1c"),
    ):
        (tmp_path / name).write_bytes(content)
    for path in tmp_path.iterdir():
        arrivals.note(path)
    clock.now = 2
    assert [path.name for path in arrivals.ready()] == ["130072", "d.7z", "notes.txt"]


def test_files_and_whole_folders_that_arrive_are_found(tmp_path: Path) -> None:
    """Written there, renamed from a browser's partner file, and moved in as a folder."""
    folder, elsewhere = tmp_path / "downloads", tmp_path / "elsewhere"
    folder.mkdir()
    (elsewhere / "pack").mkdir(parents=True)
    (elsewhere / "pack" / "inner.safetensors").write_bytes(b"x")
    stop, seen = threading.Event(), set()

    def follow() -> None:
        for batch in watch(folder, stop=stop, quiet=0.5):
            seen.update(path.name for path in batch)

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.5)
    (folder / "plain.safetensors").write_bytes(b"x")
    (folder / "late.safetensors.crdownload").write_bytes(b"x")
    (folder / "late.safetensors.crdownload").rename(folder / "late.safetensors")
    shutil.move(elsewhere / "pack", folder / "pack")
    deadline = time.monotonic() + 20
    while len(seen) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    thread.join(20)
    assert seen == {"plain.safetensors", "late.safetensors", "inner.safetensors"}


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to one process is POSIX")
def test_the_command_sorts_what_is_there_and_what_comes_and_stops_cleanly(tmp_path: Path) -> None:
    """Ctrl-C ends it with exit code 0 and without a traceback."""
    folder, webui = tmp_path / "downloads", tmp_path / "webui"
    safetensors_file.write(folder / "first.safetensors", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(tmp_path / "second.safetensors", adapters.lora_sd1(4), seed=2)
    command = [sys.executable, "-m", "modelhub", "--library", str(tmp_path / "library"), "watch", str(folder)]
    command += ["--layout", "a1111", "--into", str(webui), "--quiet", "0.5"]
    environ = os.environ | {"MODELHUB_CONFIG": str(tmp_path / "none.toml")}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    place = webui / "models" / "Lora"
    _wait_for(place / "first.safetensors")
    time.sleep(1.0)
    shutil.copy(tmp_path / "second.safetensors", folder / "second.safetensors")
    _wait_for(place / "second.safetensors")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Stopped watching" in errors
    assert "Traceback" not in errors


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.1)
