"""Which source understands which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.config import load
from modelhub.fetch.sources.registry import fetchers


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
