"""Finding files in the user's Hugging Face cache."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from modelhub.fetch.sources import huggingface_cache
from modelhub.testing.hubs.hub import Hub, Repository

WEIGHTS = b"weights" * 500
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
CONFIG_SHA1 = hashlib.sha1(b"blob 2\0{}").hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder as the hub's own client has filled it."""
    files = {"größe/model.safetensors": WEIGHTS, "config.json": "{}"}
    with Hub({"org/name": Repository(files=files), "org/other": Repository(files=files)}) as hub:
        for name in ("org/name", "org/other"):
            snapshot_download(name, endpoint=hub.url, cache_dir=tmp_path / "hub", token=False)
    return tmp_path / "hub"


def test_contents_are_found_by_digest_in_every_repository(cache: Path) -> None:
    """Large files by SHA-256, small ones by git SHA-1; a wrong size or digest finds nothing."""
    found = huggingface_cache.find(sha256=SHA256.upper(), size=len(WEIGHTS), folder=cache)
    assert len(found) == 2 and all(path.read_bytes() == WEIGHTS for path in found)
    assert len(huggingface_cache.find(git_sha1=CONFIG_SHA1, folder=cache)) == 2
    assert huggingface_cache.find(sha256=SHA256, size=1, folder=cache) == ()
    assert huggingface_cache.find(sha256="0" * 64, folder=cache) == ()
    assert huggingface_cache.find(sha256="../../../etc/passwd", folder=cache) == ()
    assert huggingface_cache.find(folder=cache) == ()


def test_a_snapshot_tells_its_files_and_digests(cache: Path) -> None:
    """By branch, by commit, by a shortened one; names are those of the repository."""
    by_branch = huggingface_cache.snapshot("org/name", folder=cache)
    assert by_branch is not None
    files = {file.name: file for file in by_branch.files}
    assert files["größe/model.safetensors"].sha256 == SHA256
    assert files["größe/model.safetensors"].size == len(WEIGHTS)
    assert (files["config.json"].sha256, files["config.json"].git_sha1) == (None, CONFIG_SHA1)
    for revision in ("main", by_branch.commit, by_branch.commit[:8]):
        assert huggingface_cache.snapshot("org/name", revision, folder=cache) == by_branch
    for repository, revision in (("org/name", "other"), ("org/none", None), ("org/name", "../../x")):
        assert huggingface_cache.snapshot(repository, revision, folder=cache) is None


def test_a_cache_without_links_still_tells_its_files(cache: Path) -> None:
    """Where links are not to be had, snapshots hold the files themselves: names and sizes, no digests."""
    snapshot = huggingface_cache.snapshot("org/name", folder=cache)
    assert snapshot is not None
    for file in snapshot.files:
        content = file.path.read_bytes()
        file.path.unlink()
        file.path.write_bytes(content)
    shutil.rmtree(cache / "models--org--name" / "blobs")
    again = huggingface_cache.snapshot("org/name", folder=cache)
    assert again is not None
    assert [(file.name, file.sha256, file.size) for file in again.files] == [
        ("config.json", None, 2),
        ("größe/model.safetensors", None, len(WEIGHTS)),
    ]


def test_unfinished_and_dangling_entries_are_left_out(cache: Path) -> None:
    """A blob that is still being written, and a link to one that has been removed, are not there."""
    (blob,) = (cache / "models--org--name" / "blobs").glob(SHA256)
    blob.rename(blob.with_suffix(".incomplete"))
    assert len(huggingface_cache.find(sha256=SHA256, folder=cache)) == 1
    snapshot = huggingface_cache.snapshot("org/name", folder=cache)
    assert snapshot is not None and [file.name for file in snapshot.files] == ["config.json"]


def test_the_folder_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    """The variables count in the library's own order; a folder that is not there holds nothing."""
    named, home, xdg = (str(tmp_path / part) for part in ("named", "home", "xdg"))
    everything = {"HF_HUB_CACHE": named, "HF_HOME": home, "XDG_CACHE_HOME": xdg}
    assert huggingface_cache.cache_folder(everything) == tmp_path / "named"
    assert huggingface_cache.cache_folder({"HF_HOME": home, "XDG_CACHE_HOME": xdg}) == tmp_path / "home" / "hub"
    assert huggingface_cache.cache_folder({"XDG_CACHE_HOME": xdg}) == tmp_path / "xdg" / "huggingface" / "hub"
    assert huggingface_cache.find(sha256=SHA256, folder=tmp_path / "nothing") == ()
    assert huggingface_cache.snapshot("org/name", folder=tmp_path / "nothing") is None
