"""Part files, journals and staging folders that another program has changed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, NetworkError
from modelhub.fetch.transfer import part_file
from modelhub.fetch.transfer.download import download
from modelhub.fetch.transfer.part_file import PartFile, RemoteFacts
from modelhub.fetch.transfer.positioned_file import PositionedFile
from modelhub.fetch.transfer.staging_cleanup import clean_staging
from modelhub.storage.crc import crc32
from modelhub.testing.hubs.faulty import Fault, FaultyServer, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, remote

DATA = content()
OTHER = content(seed=5)
LINKS = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make symbolic links")


def interrupted(server: FaultyServer, staging: Path, **more: object) -> tuple[Path, Path]:
    """Download a part of the file; return the part file and its journal."""
    server.faults = [Fault(drop_after=5 * PIECE)]
    with pytest.raises(NetworkError):
        download(remote(server.url, **more), staging, settings=replace(QUICK, retries=0, connections=1))  # type: ignore[arg-type]
    (part,) = staging.rglob("*.part")
    return part, part.with_name(".journal")


def lines_of(journal: Path) -> tuple[dict[str, object], list[bytes]]:
    """Return the head of a journal, and its pieces."""
    head, *pieces = journal.read_bytes().splitlines(keepends=True)
    return json.loads(head), pieces


def with_head(**changes: object) -> Callable[[Path], None]:
    """Return a function that changes values in the head of a journal."""

    def change(journal: Path) -> None:
        head, pieces = lines_of(journal)
        journal.write_bytes(json.dumps(head | changes).encode() + b"\n" + b"".join(pieces))

    return change


def with_pieces(*added: bytes) -> Callable[[Path], None]:
    """Return a function that adds lines to a journal."""
    return lambda journal: journal.write_bytes(journal.read_bytes() + b"".join(line + b"\n" for line in added))


def with_content(data: bytes) -> Callable[[Path], None]:
    """Return a function that replaces a journal."""
    return lambda journal: journal.write_bytes(data) and None


JOURNALS = {
    "a negative size": with_head(size=-1),
    "another size": with_head(size=len(DATA) + 1),
    "a size beyond any disk": with_head(size=1 << 59),
    "a size beyond integers": with_head(size=1 << 70),
    "a size in words": with_head(size="many"),
    "no size": with_head(size=None),
    "a fraction as size": with_head(size=0.5),
    "another version": with_head(version=2),
    "pieces of no bytes": with_head(piece=0),
    "pieces of negative bytes": with_head(piece=-PIECE),
    "another ETag": with_head(etag='"two"'),
    "an ETag with a header in it": with_head(etag='"one"\r\nX-Evil: 1'),
    "an ETag that is a list": with_head(etag=["x"]),
    "a hostile name": with_head(disposition='attachment; filename="../../../../evil.sh"'),
    "negative pieces": with_pieces(b"-1 65536 00000000", b"5 -65536 00000000", b"5 65536 -1"),
    "pieces beyond the end": with_pieces(b"99 65536 00000000", b"10 65536 00000000"),
    "pieces beyond any file": with_pieces(b"%d 65536 00000000" % 10**11, b"9999999999999999999999 1 00000000"),
    "pieces beyond integers": with_pieces(b"9" * 5000 + b" 65536 00000000", b"5 " + b"9" * 5000 + b" 00000000"),
    "pieces of the wrong length": with_pieces(b"5 1 00000000", b"6 131072 00000000", b"7 0 00000000"),
    "pieces with the wrong sum": with_pieces(b"0 65536 00000000"),
    "numbers in other forms": with_pieces(b"0_8 65536 00000000", b"+8 65536 0x000000", "٨ 65536 00000000".encode()),
    "nothing": with_content(b""),
    "nonsense": with_content(os.urandom(5000) + b"\n"),
    "deep JSON": with_content(b"[" * 1_000_000 + b"\n"),
    "deep JSON in an unknown key": with_content(b'{"x":' * 500_000 + b"\n"),
    "a list": with_content(b"[]\n"),
    "a head without end": with_content(b'{"version": 1, '),
    "not Unicode": with_content(b'{"version": 1, "etag": "\xff"}\n'),
}


@pytest.mark.parametrize("states_hash", [True, False], ids=["with hash", "without hash"])
@pytest.mark.parametrize("tamper", JOURNALS.values(), ids=JOURNALS.keys())
def test_a_tampered_journal_does_no_harm(tamper: Callable[[Path], None], states_hash: bool, tmp_path: Path) -> None:
    """Whatever the journal holds, the file is the right one and in its folder."""
    with serving(DATA) as server:
        more = {"data": DATA} if states_hash else {}
        _, journal = interrupted(server, tmp_path / "staging", **more)
        tamper(journal)
        got = download(remote(server.url, **more), tmp_path / "staging", settings=QUICK)  # type: ignore[arg-type]
    assert got.path.read_bytes() == DATA
    assert got.hashes.sha256 == hashlib.sha256(DATA).hexdigest()
    assert got.path.parent == journal.parent
    assert not list(tmp_path.glob("evil*"))


def test_a_journal_of_gigabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is longer than that of any file."""
    monkeypatch.setattr(part_file, "_MOST_JOURNAL", 1000)
    with serving(DATA) as server:
        _, journal = interrupted(server, tmp_path)
        with journal.open("ab") as file:
            file.write(b"0 65536 00000000\n" * 100)
        got = download(remote(server.url), tmp_path, settings=QUICK)
    assert (got.resumed_from, got.path.read_bytes()) == (0, DATA)


def test_altered_bytes_with_an_altered_sum_are_noticed_by_the_hash(tmp_path: Path) -> None:
    """Part file and journal fit each other, but not the hash of the hub: the file is downloaded again."""
    with serving(DATA) as server:
        part, journal = interrupted(server, tmp_path, data=DATA)
        with part.open("r+b") as file:
            file.seek(PIECE)
            file.write(OTHER[PIECE : 2 * PIECE])
        head, pieces = lines_of(journal)
        pieces[1] = b"1 %d %08x\n" % (PIECE, crc32(OTHER[PIECE : 2 * PIECE]))
        journal.write_bytes(json.dumps(head).encode() + b"\n" + b"".join(pieces))
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


def test_pieces_that_never_came_are_noticed_by_the_hash(tmp_path: Path) -> None:
    """The journal lists a piece whose place in the file has only zeros."""
    with serving(DATA) as server:
        _, journal = interrupted(server, tmp_path, data=DATA)
        with_pieces(b"8 65536 " + b"%08x" % crc32(bytes(PIECE)))(journal)
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA


def test_altered_bytes_without_an_altered_sum_are_downloaded_again(tmp_path: Path) -> None:
    """Without a hash of the hub, the journal's sums notice it."""
    with serving(DATA) as server:
        part, _ = interrupted(server, tmp_path)
        part.write_bytes(b"\0" * part.stat().st_size)
        assert download(remote(server.url), tmp_path, settings=QUICK).path.read_bytes() == DATA


@pytest.mark.parametrize("size", [0, 1, 3 * PIECE, len(DATA) + 1, 50 * PIECE])
def test_a_part_file_of_another_size_does_no_harm(size: int, tmp_path: Path) -> None:
    """Cut short or lengthened, it is downloaded again."""
    with serving(DATA) as server:
        part, _ = interrupted(server, tmp_path)
        os.truncate(part, size)
        got = download(remote(server.url), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA


def symbolic(place: Path, target: Path) -> None:
    """Put a symbolic link in a place."""
    place.symlink_to(target)


def hard(place: Path, target: Path) -> None:
    """Give a file a second name in a place."""
    os.link(target, place)


@LINKS
@pytest.mark.parametrize("plant", [symbolic, hard])
@pytest.mark.parametrize("name", ["model.safetensors.part", ".journal", "model.safetensors", ".done", ".lock"])
@pytest.mark.parametrize("complete", [True, False])
def test_a_planted_link_is_not_written_through(
    plant: Callable[[Path, Path], None], name: str, complete: bool, tmp_path: Path
) -> None:
    """The file that it leads to keeps its content; the download ends well, or with a clear error."""
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    staging = tmp_path / "staging"
    with serving(DATA) as server:
        if complete:
            place = download(remote(server.url, DATA), staging, settings=QUICK).path.with_name(name)
        else:
            place = interrupted(server, staging, data=DATA)[0].with_name(name)
        place.unlink(missing_ok=True)
        plant(place, precious)
        try:
            got = download(remote(server.url, DATA), staging, settings=QUICK)
        except ModelhubError as error:
            assert name in error.message and error.remedy.text
        else:
            assert got.path.read_bytes() == DATA and not got.path.is_symlink()
    assert (precious.read_text(), precious.is_symlink()) == ("keep me", False)


@LINKS
def test_a_dangling_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    """A link to a file that does not exist would make it."""
    with serving(DATA) as server:
        part, journal = interrupted(server, tmp_path / "staging", data=DATA)
        for place in (part, journal):
            place.unlink()
            place.symlink_to(tmp_path / f"made-{place.name}")
        assert download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK).path.read_bytes() == DATA
    assert not list(tmp_path.glob("made-*"))


@LINKS
def test_a_folder_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    """The folder of a file is its own; a link to another place is refused."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with serving(DATA) as server:
        folder = download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK).path.parent
        folder.rename(tmp_path / "moved")
        folder.symlink_to(elsewhere)
        with pytest.raises(ModelhubError, match=folder.name):
            download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK)
    assert list(elsewhere.iterdir()) == []


@LINKS
def test_a_special_file_is_replaced(tmp_path: Path) -> None:
    """A pipe in the place of a part file, a journal or the note of a complete file would block for ever."""
    with serving(DATA) as server:
        part, journal = interrupted(server, tmp_path, data=DATA)
        for place in (part, journal, part.with_name(".done")):
            place.unlink(missing_ok=True)
            os.mkfifo(place)
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA


@LINKS
def test_a_link_to_the_right_content_is_not_the_file(tmp_path: Path) -> None:
    """Its content could change after it was verified."""
    elsewhere = tmp_path / "elsewhere.safetensors"
    elsewhere.write_bytes(DATA)
    with serving(DATA) as server:
        got = download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK)
        got.path.unlink()
        got.path.symlink_to(elsewhere)
        again = download(remote(server.url, DATA), tmp_path / "staging", settings=QUICK)
    assert not again.path.is_symlink() and again.path.read_bytes() == DATA


NOTES = {
    "another file": lambda folder: {"name": "model.safetensors", "size": len(OTHER), "sha256": sha256_of(OTHER)},
    "a path": lambda folder: {"name": "../../../../../../etc/passwd", "size": 1, "sha256": "0" * 64},
    "a negative size": lambda folder: {"name": "model.safetensors", "size": -1, "sha256": sha256_of(OTHER)},
    "a name that is a number": lambda folder: {"name": 7, "size": 1, "sha256": "0" * 64},
}


def sha256_of(data: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("stated", ["sha256", "git_sha1"])
@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES.keys())
def test_a_tampered_note_of_a_complete_file_is_not_believed(
    note: Callable[[Path], dict[str, object]], stated: str, tmp_path: Path
) -> None:
    """Where the hub states a hash of either kind, a file without it is never returned."""
    git_sha1 = hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()
    hashes = {"sha256": sha256_of(DATA)} if stated == "sha256" else {"git_sha1": git_sha1}
    with serving(DATA) as server:
        file = remote(server.url, **hashes)
        got = download(file, tmp_path, settings=QUICK)
        got.path.write_bytes(OTHER)
        rest = {"etag": None, "final_url": "http://x", "content_type": None}
        got.path.with_name(".done").write_text(json.dumps(note(got.path.parent) | rest))
        again = download(file, tmp_path, settings=QUICK)
    assert again.path.read_bytes() == DATA


@pytest.mark.parametrize("data", [b"[" * 60_000, b'{"name": ' * 7000, b"\xff", b"[]", b'{"name": 7}', b"x" * 100_000])
def test_a_note_of_nonsense_is_ignored(data: bytes, tmp_path: Path) -> None:
    """Neither a download nor the cleaning of the staging folder stumbles over it."""
    with serving(DATA) as server:
        got = download(remote(server.url, DATA), tmp_path, settings=QUICK)
        got.path.with_name(".done").write_bytes(data)
        clean_staging(tmp_path)
        assert download(remote(server.url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA


@LINKS
def test_cleaning_does_not_enter_links(tmp_path: Path) -> None:
    """Old files in a folder that a planted link leads to are not removed."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "letter.txt").write_text("keep me")
    os.utime(documents, (1, 1))
    staging = tmp_path / "staging"
    with serving(DATA) as server:
        got = download(remote(server.url, DATA), staging, settings=QUICK)
    got.path.rename(tmp_path / "moved.safetensors")
    (got.path.parent / "4711").symlink_to(documents)
    (staging / "outside").symlink_to(got.path.parent)
    clean_staging(staging)
    assert (documents / "letter.txt").read_text() == "keep me"


@LINKS
def test_direct_writes_go_to_the_open_file_only(tmp_path: Path) -> None:
    """A file that has taken the part file's name meanwhile is not written to."""
    path, other = tmp_path / "x.part", tmp_path / "other"
    file = PositionedFile(os.open(path, os.O_RDWR | os.O_CREAT))
    other.write_bytes(b"keep me!" * 1024)
    path.unlink()
    os.link(other, path)
    file.open_direct(path)
    file.write_direct(0, memoryview(bytearray(8192)))
    file.close()
    assert other.read_bytes() == b"keep me!" * 1024


def test_a_part_file_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    """The message names it."""
    with serving(DATA) as server:
        part, _ = interrupted(server, tmp_path, data=DATA)
        part.unlink()
        part.mkdir()
        with pytest.raises(ModelhubError, match=r"model\.safetensors\.part"):
            download(remote(server.url, DATA), tmp_path, settings=QUICK)


def test_the_facts_survive_a_journal(tmp_path: Path) -> None:
    """A journal that nobody touched is read as it was written."""
    facts = RemoteFacts(size=1500, etag='"x-1"', disposition="inline", content_type="text/plain")
    part = PartFile(tmp_path / "x.part", piece_bytes=1000)
    part.begin(facts)
    os.pwrite(os.open(tmp_path / "x.part", os.O_WRONLY), b"a" * 1000, 0)
    part.record_piece(0, 1000, crc32(b"a" * 1000))
    part.close()
    again = PartFile(tmp_path / "x.part", piece_bytes=1000)
    assert again.load(lambda: None) == 1000
    assert again.facts == facts
    again.close()
