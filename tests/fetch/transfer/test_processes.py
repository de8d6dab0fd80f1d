"""Processes that end at random points, and what they leave behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelhub.fetch.transfer.download import TransferSettings, download
from modelhub.testing.hubs.faulty import FaultyServer, serving
from tests.fetch.transfer.transfers import PIECE, content, published, remote, sha256

ROOT = Path(__file__).resolve().parents[3]
LONG = bool(os.environ.get("MODELHUB_LONG_TESTS"))
SMALL = 16 << 10
FILES = {name: content(20 * SMALL, seed) for seed, name in enumerate(("a.safetensors", "b.safetensors", "c.bin"))}

CHILD = """
import sys
from pathlib import Path
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.download import TransferSettings, download_many
folder, piece, request = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
words = [word.split("|") for word in sys.argv[4:]]
files = [RemoteFile(name=name, url=url, sha256=digest) for name, url, digest in words]
print("ready", flush=True)
try:
    done = download_many(files, folder, settings=TransferSettings(
        piece_bytes=piece, request_bytes=request, connections=4, backoff_seconds=0.01))
except KeyboardInterrupt:
    sys.exit(130)
for one in done:
    print(one.resumed_from, one.path)
"""
ENDS = [signal.SIGKILL] if sys.platform == "win32" else [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]


def start(folder: Path, files: dict[str, tuple[str, str]], *, piece: int, request: int) -> subprocess.Popen[str]:
    """Start a process that downloads `files`, a mapping of names to URL and hash."""
    words = [f"{name}|{url}|{digest}" for name, (url, digest) in files.items()]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(piece), str(request), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def started(child: subprocess.Popen[str]) -> None:
    """Wait until the process is past its imports."""
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
def test_the_next_run_finishes_what_a_signal_interrupted(tmp_path: Path) -> None:
    """No wrong file is under a final name, and the next run gets every file right."""
    runs, chance = (200 if LONG else 20), random.Random(6)
    with serving(FILES["a.safetensors"]) as a, serving(FILES["b.safetensors"]) as b, serving(FILES["c.bin"]) as c:
        servers = dict(zip(FILES, (a, b, c), strict=True))
        files = {name: (f"{servers[name].url}/{name}", sha256(data)) for name, data in FILES.items()}
        for run in range(runs):
            folder = tmp_path / str(run)
            for server in servers.values():
                server.rate = 1_500_000
            child = start(folder, files, piece=SMALL, request=SMALL)
            started(child)
            time.sleep(chance.uniform(0.0, 0.4))
            child.send_signal(chance.choice(ENDS))
            child.communicate(timeout=20)
            for path in folder.rglob("*"):
                if path.name in published(folder) and path.is_file():
                    assert path.read_bytes() == FILES[path.name]
            for server in servers.values():
                server.rate = 0
            remotes = [remote(servers[name].url, data, name=name) for name, data in FILES.items()]
            for one, data in zip(remotes, FILES.values(), strict=True):
                assert download(one, folder, settings=TransferSettings(piece_bytes=SMALL)).path.read_bytes() == data
            shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
def test_an_interrupted_process_ends_soon_and_quietly(tmp_path: Path) -> None:
    """Ctrl-C reaches the caller as KeyboardInterrupt, even while a server stalls."""
    data = content(40 * PIECE)
    with serving(data) as server:
        server.rate = 200_000
        child = start(tmp_path, {"m.bin": (f"{server.url}/m.bin", sha256(data))}, piece=PIECE, request=PIECE)
        started(child)
        while server.sent < PIECE:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
    assert (child.returncode, err) == (130, "")
    assert list(tmp_path.rglob("*.part"))


class Zeros(bytes):
    """A gigabyte that takes no memory: only requested slices are made."""

    size = 1 << 30

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, key: object) -> bytes:  # type: ignore[override]
        assert isinstance(key, slice)
        return bytes(max(0, key.indices(self.size)[1] - key.indices(self.size)[0]))


@pytest.mark.slow
def test_a_killed_download_of_a_gigabyte_loses_little(tmp_path: Path) -> None:
    """After kill -9, at most 8 MiB per connection are downloaded again."""
    with serving(Zeros()) as server:
        url = f"{server.url}/zeros.bin"
        digest = _digest_of_zeros(Zeros.size)
        child = start(tmp_path, {"zeros.bin": (url, digest)}, piece=2 << 20, request=8 << 20)
        started(child)
        while server.sent < 300 << 20:
            time.sleep(0.01)
        child.kill()
        child.communicate()
        sent = _settled(server)
        child = start(tmp_path, {"zeros.bin": (url, digest)}, piece=2 << 20, request=8 << 20)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    resumed, path = out.splitlines()[1].split(" ", 1)
    # The server counts what was still in the sockets' buffers, up to 6 MiB each, as sent.
    assert sent - int(resumed) <= 4 * ((8 << 20) + (6 << 20))
    assert Path(path).stat().st_size == Zeros.size


def _settled(server: FaultyServer) -> int:
    before = -1
    while before != server.sent:
        before = server.sent
        time.sleep(0.1)
    return before


def _digest_of_zeros(size: int) -> str:
    import hashlib

    digest, block = hashlib.sha256(), bytes(1 << 20)
    for _ in range(size >> 20):
        digest.update(block)
    return digest.hexdigest()
