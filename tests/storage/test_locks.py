"""Lock files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modelhub.storage.errors import BusyError
from modelhub.storage.locks import LockOwner, file_lock, read_owner

HOLDER = """
import sys
from pathlib import Path
if sys.argv[2] == "claims":
    sys.modules["fcntl"] = sys.modules["msvcrt"] = None
from modelhub.storage.locks import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["system", "claims"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The system's file locks, or a drive without them."""
    if request.param == "claims":
        monkeypatch.setitem(sys.modules, "fcntl", None)
        monkeypatch.setitem(sys.modules, "msvcrt", None)
    return str(request.param)


def hold(path: Path, kind: str) -> subprocess.Popen[str]:
    """Start another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_learns_the_owner(tmp_path: Path, kind: str) -> None:
    """The message names the owner's process."""
    path = tmp_path / "new" / "библиотека.lock"
    with hold(path, kind) as process:
        with pytest.raises(BusyError, match=str(process.pid)), file_lock(path):
            pytest.fail("two holders")
        process.communicate()
    with file_lock(path):
        assert read_owner(path).pid == os.getpid()


def test_a_waiting_process_gets_the_lock_when_it_is_free(tmp_path: Path, kind: str) -> None:
    """It reports once for which owner it waits."""
    path = tmp_path / "lock"
    waited: list[LockOwner] = []
    with hold(path, kind) as process:

        def on_wait(owner: LockOwner) -> None:
            waited.append(owner)
            assert process.stdin is not None
            process.stdin.close()

        with file_lock(path, wait=None, on_wait=on_wait):
            assert read_owner(path).pid == os.getpid()
        process.wait()
    assert [owner.pid for owner in waited] == [process.pid]
    assert str(process.pid) in str(waited[0])


def test_a_killed_owner_leaves_no_lock(tmp_path: Path, kind: str) -> None:
    """After kill -9 the library is not locked."""
    path = tmp_path / "lock"
    with hold(path, kind) as process:
        process.kill()
        process.wait()
    with file_lock(path, wait=5):
        assert read_owner(path).pid == os.getpid()


def test_an_error_in_the_block_releases_the_lock(tmp_path: Path, kind: str) -> None:
    """The next process gets it at once."""
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), file_lock(path):
        raise ZeroDivisionError
    with file_lock(path):
        pass


def test_two_threads_do_not_hold_it_together(tmp_path: Path, kind: str) -> None:
    """The lock works within one process as well."""
    path = tmp_path / "lock"
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        with file_lock(path, wait=None):
            inside += 1
            most = max(most, inside)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_an_unreadable_owner_is_another_process(tmp_path: Path) -> None:
    """A lock file with other content is accepted."""
    path = tmp_path / "lock"
    path.write_bytes(b"\xff\xfe{")
    assert read_owner(path) == LockOwner()
    assert str(LockOwner()) == "another process"
