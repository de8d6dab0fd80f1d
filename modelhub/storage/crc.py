"""CRC32 from Intel's ISA-L where it is installed, which is many times faster than zlib, else from zlib."""

from __future__ import annotations

try:
    from isal.isal_zlib import crc32
except ImportError:  # there is no build of it for this system
    from zlib import crc32

__all__ = ["crc32"]
