"""What may go wrong around a transfer: disks, clocks, proxies, caches, limits."""

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
from modelhub.fetch.sources.url_fetcher import PlainHttp
from modelhub.fetch.transfer import positioned_file, redirects
from modelhub.fetch.transfer.download import download, download_many
from modelhub.fetch.transfer.staging_cleanup import clean_staging
from modelhub.storage.errors import DiskFullError
from modelhub.storage.locks import file_lock
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, published, remote

DATA = content()
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such permissions")


def is_root() -> bool:
    """Whether permissions mean nothing to this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@POSIX
def test_a_read_only_target_is_said(tmp_path: Path) -> None:
    """The folder's name is in the message, and nothing is asked of the server."""
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
        assert server.asked == []


def test_a_drive_that_turns_read_only_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EROFS in mid-write is a clear error that names the file, and what was written stays."""
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
def test_a_target_removed_in_mid_download_is_said(tmp_path: Path) -> None:
    """Somebody deletes the staging folder: an error with a next step, and the next run works."""
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
    """A server that ignores If-Range answers 206 of its new file; only the ETag tells."""
    new = content(seed=7)
    with serving(DATA) as server:
        server.faults = [Fault(drop_after=4 * PIECE)]
        with pytest.raises(NetworkError):
            download(remote(server.url), tmp_path, settings=replace(QUICK, connections=1, retries=0))
        server.content, server.etag, server.heeds_if_range = new, '"two"', False
        got = download(remote(server.url), tmp_path, settings=QUICK)
        assert [each for each in server.asked if each.start], "no part was asked for"
    assert got.path.read_bytes() == new


@pytest.mark.parametrize("heeds", [True, False])
def test_caches_with_etags_of_their_own_do_no_harm(heeds: bool, tmp_path: Path) -> None:
    """Each node of a network of caches gives another ETag for the same bytes; the promised hash decides."""
    with serving(DATA) as server:
        server.heeds_if_range = heeds
        server.etags = ['"a"', '"b"', '"c"']
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
        assert server.sent <= 5 * len(DATA)  # a whole body for each node that does not know the other's ETag, no more
    assert got.path.read_bytes() == DATA


def test_another_file_behind_a_promised_hash_is_found_out(tmp_path: Path) -> None:
    """Parts that do not belong together have the wrong hash; after one fresh start that is said."""
    with serving(content(seed=8)) as server:
        server.heeds_if_range, server.etags = False, ['"a"', '"b"']
        with pytest.raises(NetworkError, match=r"wrong"):
            download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert published(tmp_path) == []


@pytest.mark.parametrize("promised", [True, False])
def test_a_range_of_an_unknown_total_is_understood(promised: bool, tmp_path: Path) -> None:
    """`Content-Range: bytes 0-99/*`: the size is known from the source, or the whole is asked for."""
    with serving(DATA) as server:
        server.hides_total = True
        file = remote(server.url, DATA) if promised else remote(server.url)
        assert download(file, tmp_path, settings=QUICK).path.read_bytes() == DATA


def test_a_redirect_into_the_private_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """End to end: a public server sends us to an address of this network; that one is never asked."""
    with serving(DATA) as public, serving(DATA) as inner:
        public.always = Fault(status=302, headers={"Location": f"{inner.url.replace('127.0.0.1', 'localhost')}/x"})
        # The test's "public" server is on this machine too: only its own address counts as public here.
        real = redirects.is_private
        monkeypatch.setattr(redirects, "is_private", lambda url: "127.0.0.1" not in url and real(url))
        with pytest.raises(NetworkError, match="private network"):
            download(remote(public.url, DATA), tmp_path, settings=QUICK)
        assert inner.asked == []


def test_the_rate_limit_is_kept(tmp_path: Path) -> None:
    """All connections together stay below the limit: the server's own count over its own clock."""
    limit = 1_000_000
    with serving(DATA) as server:
        begun = time.monotonic()
        download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, limit_rate=limit))
        took = time.monotonic() - begun
        assert server.sent <= limit * took + 4 * 65536


def test_a_jumping_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock leaps by hours, both ways; waits and stalls are measured without it."""
    chance, real = random.Random(3), time.time
    monkeypatch.setattr(time, "time", lambda: real() + chance.choice([-7200.0, 7200.0, 1e9, -1e9]))
    with serving(DATA) as server:
        server.faults = [Fault(drop_after=PIECE), Fault(status=429, headers={"Retry-After": "1"})]
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the address need not even resolve here; the proxy is asked with the whole address."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(DATA) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        got = download(remote("http://models.invalid", DATA), tmp_path, settings=QUICK)
        assert {each.path for each in proxy.asked} == {"http://models.invalid/model.safetensors"}
    assert got.path.read_bytes() == DATA


@pytest.mark.parametrize("faults", [[], [Fault(drop_after=3 * PIECE)], [Fault(whole=True, chunked=True)]])
def test_a_whole_download_goes_the_portable_way(
    faults: list[Fault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pwrite, pread, preadv, fdatasync and fallocate, as on Windows."""
    for name in ("pwrite", "pread", "preadv", "fdatasync", "posix_fallocate"):
        monkeypatch.delattr(os, name, raising=False)
    with serving(DATA) as server:
        server.faults = list(faults)
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips where that is not allowed."""
    folder.mkdir()
    made = is_root() and sys.platform == "linux" and shutil.which("mount")
    if not made or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "x", folder], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_too_small_is_known_before_the_download(tmp_path: Path) -> None:
    """A real small disk: needed and free bytes are said before the file is fetched."""
    data = content(6 << 20)
    with small_disk(tmp_path / "disk", "4m") as disk, serving(data) as server:
        with pytest.raises(DiskFullError):
            download(remote(server.url, data), disk, settings=QUICK)
        assert server.sent <= len(data) // 2


def test_a_disk_filled_by_others_in_mid_write_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real small disk without reserved room: the write itself fails, and with room the next run goes on."""
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


def test_staging_is_tidied_once_the_file_was_moved(tmp_path: Path) -> None:
    """The folder of a file that was taken goes; one that still holds its file, or a part, stays."""
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
def test_a_killed_process_own_name_for_a_file_goes_in_time(tmp_path: Path, age: float, goes: bool) -> None:
    """A process that waited and was killed before it moved the file: not as long as it may still be at work."""
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


def test_what_another_process_published_is_not_fetched_again(tmp_path: Path) -> None:
    """Once the one that was waited for is done, the caller is asked whether the file is still needed."""
    with serving(DATA) as server:
        first = download(remote(server.url, DATA), tmp_path, settings=QUICK)
        first.path.rename(tmp_path / "published.safetensors")
        server.asked.clear()
        asked = []
        folder = first.path.parent
        # clean_staging() would remove the folder of the moved file: while it is locked it stays.
        with file_lock(folder / ".lock"):
            thread = threading.Thread(
                target=lambda: asked.append(
                    download_many([remote(server.url, DATA)], tmp_path, settings=QUICK, still_needed=lambda file: False)
                )
            )
            thread.start()
            time.sleep(0.5)
        thread.join(10)
        assert asked == [(None,)]
        assert server.asked == []


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
    """What names the file stays, so that it can be pulled again; tokens and signatures go."""
    with serving(DATA) as server:
        found = PlainHttp(settings=QUICK).resolve(f"{server.url}/x.bin{query}")
        assert found.reference == f"{server.url}/x.bin{kept}"
        assert found.page == f"{server.url}/x.bin"
