"""Resuming interrupted downloads, and several downloads at once."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, NetworkError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer import positioned_file
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.download import TransferSettings, download, download_many, probe
from modelhub.fetch.transfer.part_file import PartFile, RemoteFacts
from modelhub.storage import free_space
from modelhub.storage.errors import DiskFullError
from modelhub.testing.hubs.faulty import Fault, FaultyServer, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, Watch, content, published, remote, sha256

DATA = content()
ROOT = Path(__file__).resolve().parents[3]
IMPATIENT = replace(QUICK, retries=0)

CHILD = """
import sys
from pathlib import Path
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.download import TransferSettings, download
url, digest, folder, piece = sys.argv[1:]
got = download(
    RemoteFile(name="model.safetensors", url=url, sha256=digest or None), Path(folder),
    settings=TransferSettings(piece_bytes=int(piece), connections=4, stall_seconds=5, backoff_seconds=0.01),
)
print(got.resumed_from, got.path)
"""


def start(server: FaultyServer, folder: Path, *, digest: str = "", piece: int = PIECE) -> subprocess.Popen[str]:
    """Start a process that downloads."""
    words = [sys.executable, "-c", CHILD, f"{server.url}/model.safetensors", digest, str(folder), str(piece)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def break_off(server: FaultyServer, folder: Path, *, after: int, **more: object) -> None:
    """Download until the server breaks off."""
    server.faults = [Fault(drop_after=after)]
    with pytest.raises(NetworkError):
        download(remote(server.url, **more), folder, settings=replace(IMPATIENT, connections=1))  # type: ignore[arg-type]


def test_a_later_run_resumes(tmp_path: Path) -> None:
    """Finished pieces are not requested again, and If-Range names the version of the file."""
    with serving(DATA) as server:
        break_off(server, tmp_path, after=5 * PIECE)
        server.requests.clear()
        watch = Watch()
        got = download(remote(server.url), tmp_path, settings=replace(QUICK, connections=1), progress=watch)
        assert server.requests[0].headers["If-Range"] == server.etag
        assert server.requests[0].start >= 4 * PIECE
    assert got.resumed_from >= 4 * PIECE
    assert got.path.read_bytes() == DATA
    assert watch.count == len(DATA)
    assert watch.notes[0] == f"Resuming model.safetensors: {got.resumed_from:,} bytes were downloaded before."


def test_a_changed_file_is_not_mixed(tmp_path: Path) -> None:
    """A file that was replaced between two runs is downloaded from the start."""
    with serving(DATA) as server:
        break_off(server, tmp_path, after=5 * PIECE)
        server.content, server.etag = content(seed=9), '"two"'
        got = download(remote(server.url), tmp_path, settings=QUICK)
        assert got.path.read_bytes() == server.content


def test_no_resume_without_proof(tmp_path: Path) -> None:
    """Without a strong ETag or a stated hash, nothing proves that the rest belongs to the start."""
    with serving(DATA) as server:
        server.etag = 'W/"weak"'
        break_off(server, tmp_path, after=5 * PIECE)
        server.content = content(seed=9)
        got = download(remote(server.url), tmp_path, settings=QUICK)
        assert got.path.read_bytes() == server.content
        assert got.resumed_from == 0


def test_a_stated_hash_is_proof_enough(tmp_path: Path) -> None:
    """With a SHA-256, a download without an ETag resumes; a wrong hash afterwards would start it over."""
    with serving(DATA) as server:
        server.etag = None
        break_off(server, tmp_path, after=5 * PIECE, data=DATA)
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).resumed_from >= 4 * PIECE


def test_lost_bytes_are_downloaded_again(tmp_path: Path) -> None:
    """Neither a torn line of the journal nor one whose bytes never reached the disk is trusted."""
    with serving(DATA) as server:
        break_off(server, tmp_path, after=5 * PIECE)
        part = next(tmp_path.rglob("*.part"))
        with part.open("r+b") as file:
            file.seek(PIECE + 7)
            file.write(b"\0" * 100)
        with next(tmp_path.rglob(".journal")).open("ab") as journal:
            journal.write(b"7 655")
        got = download(remote(server.url), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


def test_kill_at_random_points_costs_little(tmp_path: Path) -> None:
    """After each SIGKILL, the next run resumes, and the hash is right."""
    data = content(size=96 * PIECE)
    with serving(data) as server:
        server.rate = 500_000
        for _ in range(3):
            before = server.sent
            child = start(server, tmp_path, digest=sha256(data))
            while server.sent < before + 8 * PIECE and child.poll() is None:
                time.sleep(0.02)
            child.kill()
            child.communicate()
            assert child.returncode == -9, "the download was over before the kill"
        server.rate = 0
        child = start(server, tmp_path, digest=sha256(data))
        out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    resumed, _, path = out.strip().partition(" ")
    assert Path(path).read_bytes() == data
    assert int(resumed) > 0
    # Per kill at most a piece for each connection, and two writes of the server in the buffer of its socket.
    assert server.sent - len(data) < 3 * 4 * (PIECE + 2 * 65536)


def test_interruptions_at_seeded_points_end_well(tmp_path: Path) -> None:
    """After random drops and refusals, the next run ends with the right file."""
    runs = int(os.environ.get("MODELHUB_INTERRUPTIONS", "40"))
    chance = random.Random(20)
    for run in range(runs):
        folder = tmp_path / str(run)
        with serving(DATA) as server:
            for _ in range(chance.randint(1, 4)):
                server.faults = [
                    Fault(drop_after=chance.randrange(len(DATA)), whole=chance.random() < 0.1),
                    Fault(status=chance.choice([500, 503, 429])),
                ]
                settings = replace(IMPATIENT, connections=chance.choice([1, 4]))
                try:
                    download(remote(server.url, DATA), folder, settings=settings)
                except ModelhubError:
                    assert published(folder) == []
            server.faults = []
            got = download(remote(server.url, DATA), folder, settings=QUICK)
        assert got.path.read_bytes() == DATA
        shutil.rmtree(folder)


def test_of_two_processes_one_downloads(tmp_path: Path) -> None:
    """The other one waits and takes the complete file."""
    data = content(size=40 * PIECE)
    with serving(data) as server:
        server.rate = 4_000_000
        children = [start(server, tmp_path, digest=sha256(data)) for _ in range(2)]
        outputs = [child.communicate(timeout=40) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert sorted(int(out.split()[0]) for out, _ in outputs) == [0, len(data)]
    paths = [Path(out.split()[1]) for out, _ in outputs]
    assert paths[0] != paths[1], "each may move its own without taking it from the other"
    assert paths[0].samefile(paths[1])


def test_several_files_arrive_in_order(tmp_path: Path) -> None:
    """Equal names never collide, and the results are in the order of the requests."""
    with serving(DATA) as server:
        files = [replace_url(server, f"/{number}/model.safetensors") for number in range(6)]
        got = download_many(files, tmp_path, settings=QUICK)
    assert len({each.path for each in got}) == 6
    assert [each.final_url for each in got] == [file.url for file in files]


def replace_url(server: FaultyServer, path: str) -> RemoteFile:
    """Return a remote file at another path."""
    return replace(remote(server.url), url=f"{server.url}{path}")


def test_one_failure_ends_the_others_resumably(tmp_path: Path) -> None:
    """The first error is raised; the received bytes of the other file are kept."""
    with serving(DATA) as server, serving(DATA) as gone:
        gone.always = Fault(status=404)
        server.always = Fault(stall_after=3 * PIECE)
        with pytest.raises(ModelhubError, match="404"):
            download_many(
                [remote(server.url, DATA), remote(gone.url, DATA, name="b.safetensors")],
                tmp_path,
                settings=replace(QUICK, stall_seconds=30),
            )
        server.always = None
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA


def test_a_full_disk_is_noticed_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needed and free sizes are in the message."""
    monkeypatch.setattr(free_space, "free_bytes", lambda folder: 1000)
    with serving(DATA) as server, pytest.raises(DiskFullError, match=r"Not enough space: .* needed, 1\.0 kB free on /"):
        download(remote(server.url, DATA), tmp_path, settings=QUICK)


def test_a_disk_that_fills_up_keeps_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC during a write is reported as such, and the next run resumes."""
    real = positioned_file.PositionedFile.write_at

    def full(self: positioned_file.PositionedFile, offset: int, data: bytes) -> None:
        if offset >= 6 * PIECE:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, offset, data)

    with serving(DATA) as server:
        with monkeypatch.context() as patch:
            patch.setattr(positioned_file.PositionedFile, "write_at", full)
            with pytest.raises(DiskFullError, match="disk is full"):
                download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, connections=1))
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.resumed_from >= 5 * PIECE
    assert got.path.read_bytes() == DATA


def test_a_staging_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "staging").write_text("x")
    with serving(DATA) as server, pytest.raises(ModelhubError, match="staging"):
        download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK)


def test_the_portable_calls_write_the_same(tmp_path: Path) -> None:
    """Without pwrite, pread and fallocate, as on Windows, each thread still writes at its own offset."""
    part = PartFile(tmp_path / "x.part", piece_bytes=1000, portable=True)
    part.begin(RemoteFacts(size=10_000, etag=None))
    blocks = BlockPool(1000, limit=10)

    def filled(number: int) -> Block:
        block = blocks.acquire(number * 1000, lambda: None)
        block.memory[:] = bytes([number]) * 1000
        block.length = 1000
        return block

    threads = [threading.Thread(target=part.write, args=(filled(number),)) for number in reversed(range(10))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"".join(part.read_at(n * 1000, 1000) for n in range(10)) == b"".join(bytes([n]) * 1000 for n in range(10))
    part.close()


def test_a_rate_limit_leaves_the_content_unchanged(tmp_path: Path) -> None:
    """The file arrives as without a limit."""
    with serving(DATA) as server:
        got = download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, limit_rate=3_000_000))
    assert got.path.read_bytes() == DATA


def test_a_probe_returns_size_name_and_ranges() -> None:
    """It makes one request, for one byte."""
    with serving(DATA) as server:
        server.always = Fault(headers={"Content-Disposition": 'attachment; filename="n.ckpt"'})
        found = probe(remote(server.url), settings=QUICK)
        assert (found.size, found.name, found.accepts_ranges, found.etag) == (len(DATA), "n.ckpt", True, '"one"')
        assert server.requests[0].headers["Range"] == "bytes=0-0"


def test_the_defaults_are_the_documented_ones() -> None:
    """They are eight connections, and requests of 8 MiB in pieces of 2 MiB."""
    assert (TransferSettings().connections, TransferSettings().request_bytes, TransferSettings().piece_bytes) == (
        8,
        8 << 20,
        2 << 20,
    )
