"""An independent hub: olah from PyPI, which serves local git repositories over the hub's protocol."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.domain import TriggerWord
from modelhub.errors import NotFoundError
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.progress import SILENT
from modelhub.testing.hubs.olah import serving

pytestmark = pytest.mark.slow

WEIGHTS = bytes(range(256)) * 8000
CARD = "---\nlicense: mit\ninstance_prompt: a photo of sks dog\n---\n# A model\n"


@pytest.fixture
def olah(tmp_path: Path) -> Iterator[str]:
    """The address of a running olah that serves org/name from a git repository."""
    files = {
        "README.md": CARD.encode(),
        "model-fp16.safetensors": WEIGHTS,
        "model.ckpt": b"pickle",
        "größe/config.json": b"{}",
    }
    for name, content in files.items():
        path = tmp_path / "hub" / "org" / "name" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with serving(tmp_path / "hub", tmp_path / "olah") as address:
        yield address


def test_olah_answers_what_the_fetcher_asks(olah: str) -> None:
    """Listing, card, commit and choice work against a hub that somebody else has written."""
    model = HuggingFace(endpoints=(olah,)).resolve("org/name")
    files = {file.name: file for file in model.files}
    assert set(files) == {"README.md", "model-fp16.safetensors", "model.ckpt", "größe/config.json"}
    weights = files["model-fp16.safetensors"]
    assert weights.size == len(WEIGHTS)
    assert weights.git_sha1 == hashlib.sha1(b"blob %d\0" % len(WEIGHTS) + WEIGHTS).hexdigest()
    assert (model.license, model.trigger_words) == ("mit", (TriggerWord("a photo of sks dog", "model card"),))
    assert [file.name for file in choose(model, FileCriteria()).files] == ["model-fp16.safetensors"]


def test_olahs_refusals_are_understood(olah: str) -> None:
    """A repository that it does not hold is not found."""
    with pytest.raises(NotFoundError, match="org/other"):
        HuggingFace(endpoints=(olah,)).resolve("org/other")


def test_the_address_of_a_file_leads_to_its_bytes(olah: str) -> None:
    """What the fetcher answers as address serves the file, whatever its name."""
    model = HuggingFace(endpoints=(olah,)).resolve("org/name/größe/config.json")
    named = next(file for file in model.files if file.name == model.wanted)
    with urllib.request.urlopen(named.url) as answer:
        assert answer.read() == b"{}"


def test_the_transfer_engine_takes_files_from_olah(olah: str, tmp_path: Path) -> None:
    """Bytes arrive whole and hashed from a server that ignores ranges and states no SHA-256."""
    transfer = pytest.importorskip("modelhub.fetch.transfer.download", reason="the transfer engine is not here yet")
    files = choose(HuggingFace(endpoints=(olah,)).resolve("org/name"), FileCriteria()).files
    (done,) = transfer.download_many(
        files, tmp_path / "incoming", settings=transfer.TransferSettings(), progress=SILENT
    )
    assert done.path.read_bytes() == WEIGHTS
    assert done.hashes.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
