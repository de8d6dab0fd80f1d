"""A reader of tensors that returns their bytes contiguous and little-endian, without torch, and where they are."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.errors import ModelhubError
from modelhub.formats import archive, sniff, torch_legacy, torch_zip
from modelhub.formats.dtypes import BITS
from modelhub.formats.header import Header, TensorInfo
from modelhub.formats.pickles.placeholders import TensorRef
from modelhub.formats.state_dict import StateDict

_BLOCK = 8 << 20  # bytes of one chunk
_LARGEST_STORAGE = 16 << 30  # bytes of a compressed storage that is inflated
_LARGEST_GATHERED = 4 << 30  # bytes of a tensor whose elements are not contiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpan:
    """The place of one tensor's bytes, contiguous and little-endian: `offset` and `length` in bytes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def rename_span(span: TensorSpan, name: str) -> TensorSpan:
    """Return the same place under another name."""
    return replace(span, name=name)


def tensor_spans(path: Path) -> tuple[TensorSpan, ...]:
    """Return the places of all tensors that the file holds contiguous and uncompressed, in the file's order.

    Left out are tensors that are views with gaps, compressed or big-endian; `TensorReader` reads those too. Empty for
    files without tensors and for broken ones. Raise ModelhubError when the file cannot be read.
    """
    with TensorReader(path) as reader:
        found = [span for name in reader.infos if (span := reader.span(name)) is not None]
    return tuple(sorted(found, key=lambda span: (span.offset, span.name)))


@dataclass(frozen=True, slots=True)
class _StorageLocation:
    """The place of one storage: the file offset of its first byte, or the compressed member that holds it."""

    start: int
    length: int
    compressed: archive.Member | None = None


class TensorReader:
    """A reader of tensors in safetensors, torch zip and legacy files. Nothing is ever executed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._state_dict: StateDict | None = None
        self._locations: dict[str, _StorageLocation] = {}
        self._big_endian = False
        self._inflated_storage: tuple[str, bytes] = ("", b"")
        self.header = self._open()

    def __enter__(self) -> TensorReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def infos(self) -> Mapping[str, TensorInfo]:
        """Names, shapes and data types; empty for a broken file."""
        return {} if self.header.broken else self.header.tensors

    def _open(self) -> Header:
        try:
            self._file = self.path.open("rb")
            header = sniff.read_header(self.path)
            size = header.size
            if header.format is Format.TORCH_ZIP:
                self._open_zip(self._file, size)
            elif header.format is Format.TORCH_LEGACY:
                self._open_legacy(self._file, size)
        except OSError as exc:
            self.close()
            raise ModelhubError(f"{self.path} cannot be read: {exc.strerror or exc}.") from exc
        except BaseException:
            self.close()
            raise
        return header

    def _open_zip(self, file: BinaryIO, size: int) -> None:
        found = archive.read_archive(file, size)
        main = torch_zip.find_main_pickle(found)
        if main is None:
            return
        parts = torch_zip.read(file, size, found, main)
        self._state_dict, self._big_endian = parts.state_dict, parts.big_endian
        for key, member in parts.storages.items():
            packed = None if member.method == zipfile.ZIP_STORED else member
            self._locations[key] = _StorageLocation(
                member.start, member.stored if packed is None else member.size, packed
            )

    def _open_legacy(self, file: BinaryIO, size: int) -> None:
        parts = torch_legacy.read(file, size)
        self._state_dict, self._big_endian = parts.state_dict, parts.big_endian
        widths = {ref.storage.key: BITS[ref.storage.dtype] // 8 for ref in parts.state_dict.refs.values()}
        for key, (start, count) in parts.storages.items():
            self._locations[key] = _StorageLocation(start, count * widths.get(key, 0))

    def span(self, name: str) -> TensorSpan | None:
        """Return the tensor's place in the file; None when its bytes are not contiguous there."""
        info = self.infos[name]
        length = math.prod(info.shape) * BITS.get(info.dtype, 0) // 8
        start = None
        if self.header.format is Format.SAFETENSORS and self.header.data_start is not None and info.data_offsets:
            start = self.header.data_start + info.data_offsets[0]
        elif self._state_dict is not None:
            start = self._plain_start(self._state_dict.refs[name], length)
        if start is None:
            return None
        return TensorSpan(name=name, dtype=info.dtype, shape=info.shape, offset=start, length=length)

    def _plain_start(self, ref: TensorRef, length: int) -> int | None:
        location = self._locations.get(ref.storage.key)
        if location is None or location.compressed is not None or not _is_contiguous(ref):
            return None
        if self._big_endian and BITS[ref.dtype] > 8:
            return None
        begin = ref.offset * BITS[ref.dtype] // 8
        return location.start + begin if begin + length <= location.length else None

    def read_chunks(self, name: str) -> Iterator[bytes]:
        """Yield the tensor's bytes, contiguous and little-endian, in chunks of at most _BLOCK bytes.

        Raise ModelhubError when some are missing.
        """
        span = self.span(name)
        if span is None:
            data = self._gather(name)
            for start in range(0, len(data), _BLOCK):
                yield data[start : start + _BLOCK]
            return
        assert self._file is not None
        position, left = span.offset, span.length
        while left:
            self._file.seek(position)
            data = self._file.read(min(left, _BLOCK))
            if not data:
                raise self._missing_values(name)
            yield data
            position += len(data)
            left -= len(data)

    def _gather(self, name: str) -> bytes:
        """Return the bytes of a view with gaps, of a compressed or a big-endian tensor."""
        if self._state_dict is None:
            raise self._missing_values(name)
        ref = self._state_dict.refs[name]
        width = BITS[ref.dtype] // 8
        if math.prod(ref.shape) * width > _LARGEST_GATHERED:
            raise ModelhubError(f"{self.path}: tensor {name!r} claims more values than can be put together.")
        data = self._storage(ref, name)
        result = gather_view(data, width, ref)
        return _swap_bytes(result, width) if self._big_endian else result

    def _storage(self, ref: TensorRef, name: str) -> memoryview:
        """Return the part of the storage that the tensor views, beginning with its first element."""
        location = self._locations.get(ref.storage.key)
        if location is None or self._file is None:
            raise self._missing_values(name)
        width = BITS[ref.dtype] // 8
        begin = ref.offset * width
        reach = (
            1 + sum((n - 1) * step for n, step in zip(ref.shape, ref.stride, strict=True)) if 0 not in ref.shape else 0
        )
        if location.compressed is not None:
            if self._inflated_storage[0] != ref.storage.key:
                limit = min(location.length, _LARGEST_STORAGE)
                self._inflated_storage = (
                    ref.storage.key,
                    archive.read_content(self._file, location.compressed, limit=limit),
                )
            data = self._inflated_storage[1][begin : begin + reach * width]
        else:
            self._file.seek(location.start + begin)
            data = self._file.read(max(0, min(reach * width, location.length - begin)))
        if len(data) < reach * width:
            raise self._missing_values(name)
        return memoryview(data)

    def _missing_values(self, name: str) -> ModelhubError:
        return ModelhubError(
            f"{self.path}: the values of tensor {name!r} are not all there.", "The file is truncated; get it again."
        )


def _is_contiguous(ref: TensorRef) -> bool:
    expected = 1
    for count, step in zip(reversed(ref.shape), reversed(ref.stride), strict=True):
        if count != 1 and step != expected:
            return False
        expected *= max(count, 1)
    return True


def gather_view(data: memoryview, width: int, ref: TensorRef) -> bytes:
    """Return a strided view's elements in row-major order; `width`: bytes an element; `data` begins with the first."""

    def part(dimension: int, start: int) -> bytes:
        if dimension == len(ref.shape):
            return bytes(data[start * width : (start + 1) * width])
        count, step = ref.shape[dimension], ref.stride[dimension]
        if count == 0:
            return b""
        if step == 0:
            return part(dimension + 1, start) * count
        inner = math.prod(ref.shape[dimension + 1 :])
        if step == inner and _is_contiguous(ref._replace(shape=ref.shape[dimension:], stride=ref.stride[dimension:])):
            return bytes(data[start * width : (start + count * inner) * width])
        return b"".join(part(dimension + 1, start + i * step) for i in range(count))

    return part(0, 0)


def _swap_bytes(data: bytes, width: int) -> bytes:
    if width == 1:
        return data
    result = bytearray(len(data))
    for i in range(width):
        result[i::width] = data[width - 1 - i :: width]
    return bytes(result)
