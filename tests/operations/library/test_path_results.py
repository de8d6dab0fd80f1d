"""Results for paths: the kind of a file that was passed over."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from modelhub.operations.library.path_results import SkipReason, passed_over, skip_reason
from modelhub.storage.walk import walk


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.7z", b"7z\xbc\xaf\x27\x1c", SkipReason.ARCHIVE),
        ("model", b"7z\xbc\xaf\x27\x1c", SkipReason.ARCHIVE),
        ("model.safetensors.1", gzip.compress(b"model", mtime=0), SkipReason.ARCHIVE),
        ("model.safetensors.part", b"model", SkipReason.UNFINISHED),
        ("model.safetensors.1", b"model", SkipReason.NOT_A_MODEL),
    ],
)
def test_a_file_that_is_passed_over_has_a_kind(tmp_path: Path, name: str, content: bytes, reason: SkipReason) -> None:
    """An archive and a compressed file are archives, whatever they are called."""
    (tmp_path / name).write_bytes(content.ljust(4096, b"\0"))
    passed = []
    assert list(walk(tmp_path, on_pass=lambda path, sentence: passed.append(passed_over(path, sentence)))) == []
    assert [skip_reason(result) for result in passed] == [reason]
