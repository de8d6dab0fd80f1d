"""The fast CRC32, and zlib's."""

from __future__ import annotations

import importlib
import sys
import zlib

import pytest

from modelhub.storage import crc


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)) * 999])
def test_it_equals_that_of_zlib(data: bytes) -> None:
    """It does so from the start and from a given value."""
    assert crc.crc32(data) == zlib.crc32(data)
    assert crc.crc32(memoryview(data), 77) == zlib.crc32(data, 77)


def test_without_the_library_zlib_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are systems without a build of it."""
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    assert importlib.reload(crc).crc32 is zlib.crc32
    monkeypatch.undo()
    importlib.reload(crc)
