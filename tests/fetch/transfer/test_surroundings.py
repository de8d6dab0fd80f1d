"""Failures around a transfer: disks, clocks, proxies, caches, limits."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, NetworkError
from modelhub.fetch.http import bounded_session
from modelhub.fetch.http.networks import Network
from modelhub.fetch.sources.url_fetcher import PlainHttp
from modelhub.fetch.transfer import positioned_file
from modelhub.fetch.transfer.download import download, download_many
from modelhub.fetch.transfer.staging_cleanup import clean_staging
from modelhub.storage.errors import DiskFullError
from modelhub.storage.locks import file_lock
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, published, remote

DATA = content()
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such permissions")


def is_root() -> bool:
    """Return whether permissions do not bind this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@POSIX
def test_a_read_only_target_is_reported(tmp_path: Path) -> None:
    """The folder's name is in the message, and the server gets no request."""
    with contextlib.ExitStack() as stack:
        if is_root():  # permissions mean nothing to root, a read-only file system does
            folder = stack.enter_context(small_disk(tmp_path / "disk", "1m"))
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        else:
            folder = tmp_path / "disk"
            folder.mkdir(mode=0o555)
        server = stack.enter_context(serving(DATA))
        with pytest.raises(ModelhubError, match=str(folder)):
            download(remote(server.url, DATA), folder / "staging", settings=QUICK)
        assert server.requests == []


def test_a_drive_that_becomes_read_only_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EROFS during a write is an error that names the file, and what was written stays."""
    real = positioned_file.PositionedFile.write_at

    def refuse(self: positioned_file.PositionedFile, offset: int, data: bytes) -> None:
        if offset >= 4 * PIECE:
            raise OSError(errno.EROFS, "Read-only file system")
        real(self, offset, data)

    with serving(DATA) as server:
        with monkeypatch.context() as patch:
            patch.setattr(positioned_file.PositionedFile, "write_at", refuse)
            with pytest.raises(ModelhubError, match=r"model\.safetensors"):
                download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, connections=1))
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).resumed_from >= 3 * PIECE


@POSIX
def test_a_target_removed_during_a_download_is_reported(tmp_path: Path) -> None:
    """When the staging folder is deleted, the error has a remedy, and the next run works."""
    target = tmp_path / "staging"
    with serving(DATA) as server:
        server.rate = 400_000

        def remove() -> None:
            while server.sent < 2 * PIECE:
                time.sleep(0.01)
            shutil.rmtree(target, ignore_errors=True)

        thread = threading.Thread(target=remove)
        thread.start()
        with pytest.raises(ModelhubError) as caught:
            download(remote(server.url, DATA), target, settings=QUICK)
        thread.join()
        server.rate = 0
        assert caught.value.remedy.text
        assert download(remote(server.url, DATA), target, settings=QUICK).path.read_bytes() == DATA


def test_parts_of_another_file_are_never_mixed_in(tmp_path: Path) -> None:
    """A server that ignores If-Range sends a 206 of its new file; only the ETag shows it."""
    new = content(seed=7)
    with serving(DATA) as server:
        server.faults = [Fault(drop_after=4 * PIECE)]
        with pytest.raises(NetworkError):
            download(remote(server.url), tmp_path, settings=replace(QUICK, connections=1, retries=0))
        server.content, server.etag, server.respects_if_range = new, '"two"', False
        got = download(remote(server.url), tmp_path, settings=QUICK)
        assert [each for each in server.requests if each.start], "no part was requested"
    assert got.path.read_bytes() == new


@pytest.mark.parametrize("heeds", [True, False])
def test_caches_with_etags_of_their_own_do_no_harm(heeds: bool, tmp_path: Path) -> None:
    """Each node of a delivery network sends its own ETag for the same bytes; the stated hash decides."""
    with serving(DATA) as server:
        server.respects_if_range = heeds
        server.etags = ['"a"', '"b"', '"c"']
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
        assert server.sent <= 5 * len(DATA)  # a whole body for each node that does not know the other's ETag, no more
    assert got.path.read_bytes() == DATA


def test_another_file_than_the_stated_hash_is_refused(tmp_path: Path) -> None:
    """Parts that do not belong together have the wrong hash; it is reported after one fresh start."""
    with serving(content(seed=8)) as server:
        server.respects_if_range, server.etags = False, ['"a"', '"b"']
        with pytest.raises(NetworkError, match=r"wrong"):
            download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert published(tmp_path) == []


@pytest.mark.parametrize("stated", [True, False])
def test_a_range_of_an_unknown_total_is_understood(stated: bool, tmp_path: Path) -> None:
    """With `Content-Range: bytes 0-99/*`, the size is known from the source, or the whole file is requested."""
    with serving(DATA) as server:
        server.hides_total = True
        file = remote(server.url, DATA) if stated else remote(server.url)
        assert download(file, tmp_path, settings=QUICK).path.read_bytes() == DATA


def test_a_redirect_into_the_private_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public server redirects to an address of this network, which gets no request."""
    with serving(DATA) as public, serving(DATA) as inner:
        public.always = Fault(status=302, headers={"Location": f"{inner.url.replace('127.0.0.1', 'localhost')}/x"})
        # The test's "public" server is on this machine too.
        monkeypatch.setattr(bounded_session, "peer_network", lambda response: Network.PUBLIC)
        with pytest.raises(NetworkError, match="private network"):
            download(remote(public.url, DATA), tmp_path, settings=QUICK)
        assert inner.requests == []


def test_the_rate_limit_is_kept(tmp_path: Path) -> None:
    """All connections together stay below the limit, by the server's count."""
    limit = 1_000_000
    with serving(DATA) as server:
        begun = time.monotonic()
        download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, limit_rate=limit))
        took = time.monotonic() - begun
        assert server.sent <= limit * took + 4 * 65536


def test_a_jumping_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps by hours, both ways; waits and stalls are measured without it."""
    chance, real = random.Random(3), time.time
    monkeypatch.setattr(time, "time", lambda: real() + chance.choice([-7200.0, 7200.0, 1e9, -1e9]))
    with serving(DATA) as server:
        server.faults = [Fault(drop_after=PIECE), Fault(status=429, headers={"Retry-After": "1"})]
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


def test_the_proxy_from_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole URL, whose host need not resolve here."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(DATA) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        got = download(remote("http://models.invalid", DATA), tmp_path, settings=QUICK)
        assert {each.path for each in proxy.requests} == {"http://models.invalid/model.safetensors"}
    assert got.path.read_bytes() == DATA


@pytest.mark.parametrize("faults", [[], [Fault(drop_after=3 * PIECE)], [Fault(whole=True, chunked=True)]])
def test_a_download_works_with_portable_calls_alone(
    faults: list[Fault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs neither pwrite, pread, preadv, fdatasync nor fallocate, which Windows lacks."""
    for name in ("pwrite", "pread", "preadv", "fdatasync", "posix_fallocate"):
        monkeypatch.delattr(os, name, raising=False)
    with serving(DATA) as server:
        server.faults = list(faults)
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system; skip where that is not allowed."""
    folder.mkdir()
    made = is_root() and sys.platform == "linux" and shutil.which("mount")
    if not made or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "x", folder], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_too_small_is_noticed_before_the_download(tmp_path: Path) -> None:
    """Most of the file is never sent."""
    data = content(6 << 20)
    with small_disk(tmp_path / "disk", "4m") as disk, serving(data) as server:
        with pytest.raises(DiskFullError):
            download(remote(server.url, data), disk, settings=QUICK)
        assert server.sent <= len(data) // 2


def test_a_disk_filled_by_another_program_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write itself fails, and with space the next run resumes."""
    data = content(3 << 20)
    monkeypatch.setattr("modelhub.fetch.transfer.attempts._RESERVE", 0)
    monkeypatch.setattr(
        "modelhub.fetch.transfer.positioned_file.PositionedFile.reserve", lambda self, start, count: None
    )
    with small_disk(tmp_path / "disk", "4m") as disk, serving(data) as server:
        server.rate = 4_000_000
        hog = disk / "hog"

        def fill() -> None:
            while server.sent < 4 * PIECE:
                time.sleep(0.005)
            with contextlib.suppress(OSError):  # as much as there was
                hog.write_bytes(bytes(4 << 20))

        thread = threading.Thread(target=fill)
        thread.start()
        with pytest.raises(DiskFullError):
            download(remote(server.url, data), disk, settings=QUICK)
        thread.join()
        hog.unlink()
        server.rate = 0
        got = download(remote(server.url, data), disk, settings=QUICK)
        assert got.path.read_bytes() == data
        assert got.resumed_from > 0


def test_staging_is_cleaned_once_the_file_was_moved(tmp_path: Path) -> None:
    """The folder of a moved file goes; one that still has its file, or a part, stays."""
    staging = tmp_path / "staging"
    with serving(DATA) as server:
        moved, kept = (download(remote(server.url, DATA, name=n), staging, settings=QUICK) for n in ("a.bin", "b.bin"))
        server.faults = [Fault(drop_after=3 * PIECE)]
        with pytest.raises(NetworkError):
            download(remote(server.url, DATA, name="c.bin"), staging, settings=replace(QUICK, retries=0, connections=1))
    moved.path.rename(tmp_path / "a.bin")
    clean_staging(staging)
    assert not moved.path.parent.exists()
    assert kept.path.is_file()
    assert list(staging.rglob("c.bin.part"))


@pytest.mark.parametrize(("age", "goes"), [(60.0, False), (200_000.0, True)])
def test_the_link_of_a_killed_process_is_removed_later(tmp_path: Path, age: float, goes: bool) -> None:
    """It stays as long as the process may still be at work."""
    with serving(DATA) as server:
        got = download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK)
    own = got.path.parent / "4711"
    own.mkdir()
    (own / got.path.name).write_bytes(DATA)
    os.utime(own, (time.time() - age, time.time() - age))
    got.path.rename(tmp_path / "published.safetensors")
    clean_staging(tmp_path / "staging")
    assert got.path.parent.exists() is not goes
    assert (own / got.path.name).exists() is not goes


def test_a_file_that_another_process_placed_is_not_downloaded_again(tmp_path: Path) -> None:
    """After the wait for the other process, `still_needed` decides."""
    with serving(DATA) as server:
        first = download(remote(server.url, DATA), tmp_path, settings=QUICK)
        first.path.rename(tmp_path / "published.safetensors")
        server.requests.clear()
        results = []
        folder = first.path.parent
        # clean_staging() would remove the folder of the moved file: while it is locked it stays.
        with file_lock(folder / ".lock"):
            thread = threading.Thread(
                target=lambda: results.append(
                    download_many([remote(server.url, DATA)], tmp_path, settings=QUICK, still_needed=lambda file: False)
                )
            )
            thread.start()
            time.sleep(0.5)
        thread.join(10)
        assert results == [(None,)]
        assert server.requests == []


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("?download=1&file=a%20b.bin", "?download=1&file=a%20b.bin"),
        ("?id=7&token=abc", "?id=7"),
        ("?X-Amz-Signature=1&X-Amz-Date=2&version=3", "?version=3"),
        ("?sv=2024&sig=x%2By", "?sv=2024"),
        ("?a=eyJhbGciOiJIUzI1NiJ9.x.y", ""),
        ("?api_key=1&Expires=2&Key-Pair-Id=3&Policy=4&Signature=5", ""),
    ],
)
def test_a_reference_keeps_its_query_but_no_secrets(query: str, kept: str) -> None:
    """The parameters that name the file stay, so that it can be pulled again; tokens and signatures go."""
    with serving(DATA) as server:
        found = PlainHttp(settings=QUICK).resolve(f"{server.url}/x.bin{query}")
        assert found.reference == f"{server.url}/x.bin{kept}"
        assert found.page == f"{server.url}/x.bin"
