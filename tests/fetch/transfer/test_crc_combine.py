"""CRC32 of a whole from its parts."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from modelhub.fetch.transfer.crc_combine import combine_crc32


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_the_crc_of_the_parts_is_that_of_the_whole(parts: list[bytes]) -> None:
    """It equals zlib's result over all bytes, with empty parts too."""
    assert combine_crc32((len(part), zlib.crc32(part)) for part in parts) == zlib.crc32(b"".join(parts))
