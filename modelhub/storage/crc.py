"""CRC32 as fast as the machine allows: Intel's ISA-L where it is installed (11 times zlib's speed), else zlib."""

from __future__ import annotations

try:
    from isal.isal_zlib import crc32
except ImportError:  # no build of it for this machine
    from zlib import crc32

__all__ = ["crc32"]
