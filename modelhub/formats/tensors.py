"""Where the bytes of each tensor lie in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from modelhub.domain import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpan:
    """One tensor's bytes: `offset` and `length` in bytes from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def spans(path: Path) -> tuple[TensorSpan, ...]:
    """The places of all tensors, in the order of the file; none when the container holds none or is broken."""
    from modelhub.formats.sniff import read_header

    header = read_header(path)
    if header.format is not Format.SAFETENSORS or header.broken or header.data_start is None:
        return ()
    found = []
    for name, info in header.tensors.items():
        begin, end = info.data_offsets or (0, 0)
        found.append(
            TensorSpan(
                name=name, dtype=info.dtype, shape=info.shape, offset=header.data_start + begin, length=end - begin
            )
        )
    return tuple(sorted(found, key=lambda span: span.offset))


def renamed(span: TensorSpan, name: str) -> TensorSpan:
    """The same place under another name."""
    return replace(span, name=name)
