"""The hub of the tests speaks what the hub's own client expects."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

from modelhub.testing.hubs.hub import Hub, Repository

WEIGHTS = bytes(range(256)) * 300
CARD = {"license": "creativeml-openrail-m", "instance_prompt": "a photo of sks dog"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with one open, one gated and one private repository."""
    (tmp_path / "big.safetensors").write_bytes(WEIGHTS * 40)
    files = {
        "README.md": "# Hello\n",
        "モデル/größe.safetensors": WEIGHTS,
        "big.safetensors": tmp_path / "big.safetensors",
        **{f"unet/part {number:03}.json": "{}" for number in range(70)},
    }
    repositories = {
        "org/name": Repository(files=files, card=CARD, revisions={"fp16": {"a.txt": "half"}}),
        "org/gated": Repository(files={"a.safetensors": WEIGHTS}, gated=True),
        "org/private": Repository(files={"a.safetensors": WEIGHTS}, private=True),
    }
    with Hub(repositories, token="hf_right", page_size=20) as hub:
        yield hub


def test_the_hubs_own_client_downloads_small_and_large_files(hub: Hub, tmp_path: Path) -> None:
    """Downloads through huggingface_hub arrive whole, the large one by way of the storage."""
    for name, content in (("README.md", b"# Hello\n"), ("モデル/größe.safetensors", WEIGHTS)):
        path = hf_hub_download("org/name", name, endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
        assert Path(path).read_bytes() == content
    assert [request.origin for request in hub.requests].count("storage") == 1


def test_the_hubs_own_client_takes_a_whole_repository(hub: Hub, tmp_path: Path) -> None:
    """A snapshot holds every file of the tree, over all its pages."""
    path = snapshot_download("org/name", endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
    assert len([file for file in Path(path).rglob("*") if file.is_file()]) == 73


def test_the_hubs_own_client_lists_the_tree_page_by_page(hub: Hub) -> None:
    """Listing follows `Link` and tells sizes, digests and scan verdicts."""
    api = HfApi(endpoint=hub.url, token=False)
    tree = {entry.path: entry for entry in api.list_repo_tree("org/name", recursive=True, expand=True)}
    weights = tree["モデル/größe.safetensors"]
    assert len(tree) == 75
    assert (weights.size, weights.lfs.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    assert weights.security.status == "safe"
    assert tree["README.md"].blob_id == hashlib.sha1(b"blob 8\0# Hello\n").hexdigest()
    (info,) = api.get_paths_info("org/name", ["big.safetensors"])
    assert info.size == len(WEIGHTS) * 40
    assert len([r for r in hub.requests if "/tree/" in r.path]) == 4


def test_the_hubs_own_client_sees_the_card_and_the_revisions(hub: Hub) -> None:
    """Card data, commits and branches come out as the library models them."""
    api = HfApi(endpoint=hub.url, token=False)
    info = api.model_info("org/name")
    assert info.card_data is not None and info.card_data.to_dict()["instance_prompt"] == "a photo of sks dog"
    assert api.model_info("org/name", revision=info.sha).sha == info.sha
    assert [f.path for f in api.list_repo_tree("org/name", revision="fp16")] == ["a.txt"]


def test_the_hubs_own_client_recognises_the_refusals(hub: Hub, tmp_path: Path) -> None:
    """Each refusal is the library's own error for it."""
    stranger, member = HfApi(endpoint=hub.url, token=False), HfApi(endpoint=hub.url, token="hf_right")
    with pytest.raises(RevisionNotFoundError):
        stranger.model_info("org/name", revision="nope")
    with pytest.raises(GatedRepoError):
        hf_hub_download("org/gated", "a.safetensors", endpoint=hub.url, cache_dir=tmp_path, token=False)
    with pytest.raises(RepositoryNotFoundError):
        member.model_info("org/nothing")
    assert member.model_info("org/private").private
    assert hf_hub_download("org/gated", "a.safetensors", endpoint=hub.url, cache_dir=tmp_path, token="hf_right")


def test_the_storage_serves_ranges_and_refuses_credentials(hub: Hub) -> None:
    """Signed addresses serve parts of a file, and answer 400 when an Authorization header reaches them."""
    address = hub.signed(hub.repositories["org/name"].trees["main"]["big.safetensors"])
    etag = f'"{hashlib.sha256(WEIGHTS * 40).hexdigest()}"'
    part = urllib.request.Request(address, headers={"Range": "bytes=5-9", "If-Range": etag})
    with urllib.request.urlopen(part) as answer:
        assert (answer.status, answer.read()) == (206, bytes(range(5, 10)))
        assert answer.headers["Content-Range"] == f"bytes 5-9/{len(WEIGHTS) * 40}"
    changed = urllib.request.Request(address, headers={"Range": "bytes=5-9", "If-Range": '"other"'})
    with urllib.request.urlopen(changed) as answer:
        assert answer.status == 200
    for headers, status in (({"Authorization": "Bearer x"}, 400), ({"Range": f"bytes={len(WEIGHTS) * 40}-"}, 416)):
        with pytest.raises(HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(address, headers=headers))
        assert error.value.code == status


def test_signed_addresses_expire() -> None:
    """An address past its time answers 403."""
    with Hub({"o/n": Repository(files={"a.bin": b"abc"})}, signature_seconds=-1) as hub:
        with pytest.raises(HTTPError) as error:
            urllib.request.urlopen(f"{hub.url}/o/n/resolve/main/a.bin")
        assert error.value.code == 403
