"""The parts of an archive, and the findings about it."""

from __future__ import annotations

from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8
ALL_ONES = 0xFFFFFFFF  # a size or place that stands in the zip64 part
_MAX_SHOWN = 8  # findings of one kind


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, where its data begins in the file, its stored and inflated sizes in bytes, its method.

    `checksum`: the CRC-32 of its content as the directory states it. `link`: whether it is a symbolic link.
    """

    name: str
    start: int
    stored: int
    size: int
    method: int
    encrypted: bool = False
    checksum: int = 0
    link: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One entry of the directory. `raw_name`: its name as bytes; `offset`: the place of its local header."""

    raw_name: bytes
    name: str
    flags: int
    method: int
    checksum: int
    stored: int
    size: int
    offset: int
    attributes: int


@dataclass(slots=True)
class Findings:
    """Findings as (severity, sentence), at most `_MAX_SHOWN` of one kind."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, text: str) -> None:
        """Add a finding that makes an archive suspicious."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _MAX_SHOWN:
            self.texts.append(("suspicious", text))
