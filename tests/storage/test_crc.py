"""The fast CRC32 and the one it replaces."""

from __future__ import annotations

import importlib
import sys
import zlib

import pytest

from modelhub.storage import crc


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)) * 999])
def test_it_is_zlibs(data: bytes) -> None:
    """From the start and going on."""
    assert crc.crc32(data) == zlib.crc32(data)
    assert crc.crc32(memoryview(data), 77) == zlib.crc32(data, 77)


def test_without_the_library_zlib_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine for which there is no build of it."""
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    assert importlib.reload(crc).crc32 is zlib.crc32
    monkeypatch.undo()
    importlib.reload(crc)
