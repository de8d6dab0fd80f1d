"""The reference library's reading of files that modelhub wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.formats import safetensors_reference
from modelhub.formats.dtypes import BITS
from modelhub.formats.safetensors_reference import check_with_reference_library
from modelhub.formats.safetensors_write import TensorEntry, encode_file, sort_tensors

_TENSORS = sort_tensors(
    [TensorEntry(f"{dtype}.weight", dtype, (8, 3)) for dtype in BITS] + [TensorEntry("x", "F32", ())]
)


def _write(path: Path, tensors: list[TensorEntry] = _TENSORS) -> Path:
    content = ((tensor, [bytes(tensor.length)]) for tensor in tensors)
    path.write_bytes(b"".join(encode_file(content, {"format": "pt"}, tensors)))
    return path


@pytest.fixture(params=["with numpy", "without numpy"])
def numpy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways in which the library reads a file."""
    if request.param == "without numpy":
        monkeypatch.setattr(safetensors_reference, "find_spec", lambda name: None)
    return bool(request.param == "with numpy")


def test_a_written_file_is_read_as_it_was_written(tmp_path: Path, numpy: bool) -> None:
    """Every data type, an empty shape and metadata."""
    assert check_with_reference_library(_write(tmp_path / "a.safetensors"), _TENSORS)


def test_a_file_that_the_library_refuses_is_an_error(tmp_path: Path, numpy: bool) -> None:
    """A byte less than the header states."""
    path = _write(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelhubError, match="cannot be opened by the safetensors library"):
        check_with_reference_library(path, _TENSORS)


def test_a_file_of_other_tensors_is_an_error(tmp_path: Path, numpy: bool) -> None:
    """A shape that differs, though the bytes are as many."""
    path = _write(tmp_path / "a.safetensors", [TensorEntry("w", "F16", (2, 8))])
    with pytest.raises(ModelhubError, match="read differently"):
        check_with_reference_library(path, [TensorEntry("w", "F16", (8, 2))])


def test_a_large_file_without_numpy_is_reported_as_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is no, not silence."""
    monkeypatch.setattr(safetensors_reference, "find_spec", lambda name: None)
    monkeypatch.setattr(safetensors_reference, "LARGEST_WITHOUT_NUMPY", 100)
    assert not check_with_reference_library(_write(tmp_path / "a.safetensors"), _TENSORS)
