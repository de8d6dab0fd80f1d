"""Which source understands which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.config import load
from modelhub.fetch.fetcher import CommitLookup, HashLookup
from modelhub.fetch.sources.registry import FALLBACK, SOURCES, fetchers, parse_reference
from modelhub.fetch.sources.source import Versioning


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("org/name", "huggingface"),
        ("hf:org/name@rev", "huggingface"),
        ("https://hub.example/org/name/blob/main/a.safetensors", "huggingface"),
        ("https://huggingface.co/org/name", "huggingface"),
        ("civitai:4384", "civitai"),
        ("civitai.com/models/4384", "civitai"),
        ("urn:air:sd1:checkpoint:civitai:4384@128713", "civitai"),
        ("https://civitai.red/models/4384/dreamshaper", "civitai"),
        ("https://civitai.com/images/1", "civitai"),
        ("https://huggingface.co/spaces/org/name", "huggingface"),
        ("https://huggingface.co/", "huggingface"),
        ("https://www.modelscope.ai/models/org/name", "modelscope"),
        ("https://www.modelscope.cn/datasets/org/name", "modelscope"),
        ("http://civitai.example:8080/models/1", "civitai"),
        ("http://civitai.example:8081/models/1", "url"),
        ("https://files.example/a.safetensors", "url"),
        ("dreamshaper", None),
        ("ftp://example.org/a.safetensors", None),
    ],
)
def test_each_reference_has_one_source(source: str, kind: str | None, tmp_path: Path) -> None:
    """The first source that claims a reference is the right one, and no source claims what is none."""
    environ = {
        "HF_ENDPOINT": "https://hub.example",
        "MODELHUB_CIVITAI_ENDPOINT": "http://civitai.example:8080",
        "MODELHUB_CONFIG": str(tmp_path / "none.toml"),
    }
    claiming = [fetcher.kind for fetcher in fetchers(load(environ=environ)) if fetcher.claims(source)]
    assert (claiming[0] if claiming else None) == kind


def test_each_fetcher_has_the_kind_and_the_abilities_of_its_row(tmp_path: Path) -> None:
    """What a row states is what its fetcher can do, so that no operation needs to know a source by name."""
    made = fetchers(load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml")}))
    for row, fetcher in zip((*SOURCES, FALLBACK), made, strict=True):
        assert fetcher.kind == row.kind
        assert isinstance(fetcher, HashLookup) is row.finds_by_hash
        assert isinstance(fetcher, CommitLookup) is (row.versioning is Versioning.COMMITS)
        assert all(key.section == row.kind for key in row.keys)


@pytest.mark.parametrize(
    ("kind", "reference", "parts"),
    [
        ("huggingface", "org/name@v1/a.safetensors", ("org/name", "v1", "a.safetensors")),
        ("modelscope", "ms:org/name@v1/a.safetensors", ("ms:org/name", "v1", "a.safetensors")),
        ("civitai", "civitai:7@30", ("civitai:7", "30", None)),
        ("civitai", "civitai:@30", (None, "30", None)),
    ],
)
def test_a_reference_is_taken_apart_without_the_network(
    kind: str, reference: str, parts: tuple[str | None, str | None, str | None]
) -> None:
    """The whole, the revision and the path are found by the row of the source."""
    found = parse_reference(kind, reference)
    assert found is not None
    assert (found.whole, found.revision, found.path) == parts


def test_a_reference_of_another_source_has_no_parts() -> None:
    """Neither words of another source, nor wrong ones, nor an unknown kind raise anything."""
    assert parse_reference("civitai", "org/name") is None
    assert parse_reference("civitai", "civitai:x") is None
    assert parse_reference("url", "https://files.example/a") is None
    assert parse_reference("unknown", "org/name") is None
