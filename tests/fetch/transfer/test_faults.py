"""Faults of servers, on a real server."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.transfer.download import download
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, Watch, content, published, remote, sha256

DATA = content()

PASSING = {
    "a connection dropped before a byte": [Fault(drop_after=0)],
    "a connection dropped at the first byte": [Fault(drop_after=1)],
    "connections dropped at odd bytes": [
        Fault(drop_after=PIECE + 1),
        Fault(drop_after=77),
        Fault(drop_after=PIECE - 1),
    ],
    "a wrong Content-Range": [Fault(shift=3)],
    "a wrong Content-Range in mid-file": [Fault(drop_after=PIECE * 2), Fault(shift=1)],
    "200 in reply to a Range": [Fault(drop_after=PIECE * 2 + 5), Fault(whole=True)],
    "no ranges at all": [Fault(whole=True)],
    "no ranges and a drop": [Fault(whole=True, drop_after=3 * PIECE), Fault(whole=True)],
    "another ETag in mid-file": [Fault(drop_after=PIECE + 5), Fault(etag='"two"')],
    "429 without Retry-After": [Fault(status=429)],
    "429 with Retry-After": [Fault(status=429, headers={"Retry-After": "1"})],
    "429 with a ratelimit": [Fault(status=429, headers={"ratelimit": '"api";r=0;t=1'})],
    "a burst of 500, 502, 503": [Fault(status=500), Fault(status=502), Fault(status=503)],
    "a burst in mid-file": [Fault(drop_after=PIECE), Fault(status=503), Fault(status=500)],
    "a stall": [Fault(stall_after=PIECE // 2 + 65536)],
    "a slow drip": [Fault(drip=True)],
    "chunked without length": [Fault(whole=True, chunked=True)],
    "no length, ended by closing": [Fault(whole=True, no_length=True)],
    "a chunked body that breaks off": [Fault(whole=True, chunked=True, drop_after=3 * PIECE)],
    "416 in mid-file": [Fault(drop_after=PIECE), Fault(status=416, headers={"Content-Range": "bytes */5"})],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize("connections", [1, 4])
def test_a_download_survives_a_passing_fault(faults: list[Fault], connections: int, tmp_path: Path) -> None:
    """The complete file arrives with the right hashes, and the progress adds up."""
    watch = Watch()
    with serving(DATA) as server:
        server.faults = list(faults)
        got = download(
            remote(server.url, DATA),
            tmp_path,
            settings=replace(QUICK, connections=connections),
            progress=watch,
        )
    assert got.path.read_bytes() == DATA
    assert got.hashes.sha256 == sha256(DATA)
    assert (got.size, watch.count) == (len(DATA), len(DATA))


@pytest.mark.parametrize("size", [1, 9, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
@pytest.mark.parametrize("fault", [Fault(), Fault(whole=True), Fault(whole=True, chunked=True)])
def test_every_size_arrives(size: int, fault: Fault, tmp_path: Path) -> None:
    """Sizes around that of a piece arrive with ranges, without ranges, and without a length."""
    data = content(max(10, size))[:size]
    with serving(data) as server:
        server.always = fault
        got = download(remote(server.url), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == data


@pytest.mark.parametrize("fault", [Fault(), Fault(whole=True), Fault(whole=True, chunked=True)])
def test_an_empty_response_for_a_model_is_refused(fault: Fault, tmp_path: Path) -> None:
    """It is a failed transfer, of which nothing is kept."""
    with serving(b"") as server:
        server.always = fault
        with pytest.raises(NetworkError) as caught:
            download(remote(server.url), tmp_path, settings=QUICK)
    assert str(caught.value) == "The server sent an empty file. Try again later."
    assert published(tmp_path) == []
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("name", "stated"), [("notes.txt", {}), ("model.safetensors", {"size": 0}), ("model.bin", {"sha256": sha256(b"")})]
)
def test_an_empty_file_arrives_where_it_is_expected(name: str, stated: dict[str, object], tmp_path: Path) -> None:
    """The source states its size or hash, or the name is not that of a model."""
    with serving(b"") as server:
        got = download(remote(server.url, name=name, **stated), tmp_path, settings=QUICK)
    assert (got.size, got.path.read_bytes()) == (0, b"")


@pytest.mark.parametrize(
    ("fault", "proven"),
    [
        (Fault(), True),
        (Fault(whole=True), True),
        (Fault(whole=True, chunked=True), True),
        (Fault(whole=True, no_length=True), False),
        (Fault(whole=True, no_length=True, drop_after=3 * PIECE), False),
    ],
)
def test_a_size_is_proven_unless_the_connection_just_closed(fault: Fault, proven: bool, tmp_path: Path) -> None:
    """Without length and chunks, a file that was cut short looks like a complete one."""
    with serving(DATA) as server:
        server.always = fault
        got = download(remote(server.url), tmp_path / "a", settings=QUICK)
        assert got.is_size_proven is proven
        again = download(remote(server.url), tmp_path / "a", settings=QUICK)
        assert again.is_size_proven is proven
        if not fault.drop_after:
            assert download(remote(server.url, DATA), tmp_path / "b", settings=QUICK).is_size_proven


BAD = {
    "a wrong hash": (Fault(body=content(seed=2), headers={}), NetworkError, "wrong SHA-256"),
    "a longer body": (Fault(whole=True, chunked=True, extra=b"x"), NetworkError, "more than"),
    "a longer body, stated": (Fault(whole=True, extra=b"x"), NetworkError, "655,483 were stated"),
    "a shorter body, stated": (Fault(body=DATA[:-1]), NetworkError, "655,483 were stated"),
    "a shorter body": (Fault(body=DATA[:-1], chunked=True), NetworkError, "broke off"),
    "a gzip body": (Fault(headers={"Content-Encoding": "gzip"}), NetworkError, "encoded as gzip"),
    "401": (Fault(status=401, body=b'{"message":"Log in first"}'), AccessError, "Log in first"),
    "403": (Fault(status=403, body=b"<title>Early access</title>"), AccessError, "Early access"),
    "404": (Fault(status=404), NotFoundError, "404"),
    "410": (Fault(status=410), NotFoundError, "410"),
    "503 without end": (Fault(status=503), NetworkError, "answered 503"),
    "a wait without end": (Fault(status=429, headers={"Retry-After": "9999"}), NetworkError, "a pause of 2 h 47 min"),
    "a redirect loop": (Fault(status=302, headers={"Location": "/model.safetensors"}), NetworkError, "loop"),
    "a redirect to a file": (Fault(status=302, headers={"Location": "file:///etc/passwd"}), NetworkError, "`file:`"),
    "a redirect to ftp": (Fault(status=302, headers={"Location": "ftp://a.example/x"}), NetworkError, "`ftp:`"),
}


@pytest.mark.parametrize(("fault", "kind", "words"), BAD.values(), ids=BAD.keys())
def test_a_lasting_fault_is_reported(fault: Fault, kind: type[ModelhubError], words: str, tmp_path: Path) -> None:
    """Each has an error of its own, and there is no file under its final name."""
    with serving(DATA) as server:
        server.always = fault
        with pytest.raises(kind) as caught:
            download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert words in caught.value.message
    assert "model.safetensors" in caught.value.message
    assert published(tmp_path) == []


def test_a_wrong_hash_is_named_and_the_file_removed(tmp_path: Path) -> None:
    """The message has both hashes; nothing stays that a later run could resume."""
    other = content(seed=2)
    with serving(other) as server, pytest.raises(NetworkError) as caught:
        download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert sha256(DATA) in caught.value.message
    assert sha256(other) in caught.value.message
    assert not list(tmp_path.rglob("*.part"))


def test_a_wrong_git_hash_is_refused(tmp_path: Path) -> None:
    """Small files of a git repository are checked by their blob id."""
    data = b'{"a": 1}'
    blob = hashlib.sha1(b"blob 8\0" + data).hexdigest()
    with serving(data) as server:
        good = remote(server.url, name="config.json", git_sha1=blob)
        assert download(good, tmp_path, settings=QUICK).path.read_bytes() == data
        with pytest.raises(NetworkError, match="git hash"):
            download(remote(server.url, name="config.json", git_sha1="0" * 40), tmp_path, settings=QUICK)


PAGES = [
    (b"<!DOCTYPE html><html><title>Log in &amp; go on</title></html>", "Log in & go on"),
    (b"\n  <HTML><body>Sorry", "Sorry"),
    (b'{"error": "Model not found"}', "Model not found"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-lfs pointer"),
    (b'<?xml version="1.0"?><Error><Message>Expired</Message></Error>', "Expired"),
]


@pytest.mark.parametrize(("page", "words"), PAGES)
def test_a_page_instead_of_a_model_is_refused(page: bytes, words: str, tmp_path: Path) -> None:
    """A page with status 200 is not a model; its message is shown."""
    with serving(page) as server, pytest.raises(NetworkError) as caught:
        download(remote(server.url), tmp_path, settings=QUICK)
    assert words in caught.value.message
    assert published(tmp_path) == []


def test_a_json_file_may_be_json(tmp_path: Path) -> None:
    """JSON is refused only instead of a model."""
    with serving(b'{"a": 1}') as server:
        assert download(remote(server.url, name="config.json"), tmp_path, settings=QUICK).size == 8


def test_a_pause_is_reported(tmp_path: Path) -> None:
    """A note says why nothing moves."""
    watch = Watch()
    with serving(DATA) as server:
        server.faults = [Fault(status=429, headers={"Retry-After": "1"})]
        download(remote(server.url, DATA), tmp_path, settings=QUICK, progress=watch)
    assert "model.safetensors: Too many requests. Retrying in 1 s." in watch.notes
