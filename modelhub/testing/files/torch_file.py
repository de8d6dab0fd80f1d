"""Write files as `torch.save` does, without torch: a zip archive of `data.pkl` and one member per tensor."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.testing.files.tensors import SIZES, Tensor, values

_STORAGES = {
    "F32": "FloatStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "I64": "LongStorage",
    "I32": "IntStorage",
    "U8": "ByteStorage",
}
_ZEROES = memoryview(bytes(1 << 22))


@dataclass(frozen=True)
class Global:
    """A class or function named in the pickle, by module and name; it need not exist here."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """A call of a global in a pickle, and its arguments."""

    function: Global
    arguments: tuple[Any, ...] = ()


def write(path: Path, content: Any, *, seed: int = 0, sparse: bool = False) -> Path:
    """Write dicts, lists, tuples, numbers, strings, `Tensor`s, `Global`s and `Call`s. Returns the path.

    `sparse`: every tensor's bytes are a hole, so that a file of true size takes next to no disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    pickled = Pickled.of(content)
    root = path.stem
    with path.open("wb") as raw, zipfile.ZipFile(_Holes(raw), "w") as archive:
        _member(archive, f"{root}/data.pkl", [pickled.data])
        _member(archive, f"{root}/byteorder", [b"little"])
        for number, tensor in enumerate(pickled.tensors):
            blocks: Iterable[bytes | memoryview] = _zeros(tensor.size) if sparse else [values(tensor, rng)]
            _member(archive, f"{root}/data/{number}", blocks)
        _member(archive, f"{root}/version", [b"3\n"])
    return path


def checkpoint(tensors: Mapping[str, Tensor], **extras: Any) -> dict[str, Any]:
    """Nest tensors in `state_dict`, as the original training code saved them, and the entries beside it."""
    return {**extras, "state_dict": OrderedDict(tensors)}


TRAINING_STATE: Mapping[str, Any] = {
    "epoch": 12,
    "global_step": 470000,
    "pytorch-lightning_version": "1.4.2",
    "callbacks": {
        Global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): {
            "monitor": "val/loss_simple_ema",
            "best_model_path": "logs/checkpoints/epoch=000012.ckpt",
        }
    },
    "lr_schedulers": [{"base_lrs": [1e-4], "last_epoch": 470000}],
    "optimizer_states": [{"state": {0: {"step": 470000, "exp_avg": Tensor("F32", (64,))}}, "param_groups": []}],
}
"""What a training run of the original code leaves in its checkpoints beside the weights."""


@dataclass
class Pickled:
    """A pickle of protocol 2 and the tensors that it refers to by number."""

    out: io.BytesIO = field(default_factory=io.BytesIO)
    tensors: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, content: Any) -> Pickled:
        """Pickle something."""
        made = cls()
        made.out.write(b"\x80\x02")
        made.put(content)
        made.out.write(b".")
        return made

    @property
    def data(self) -> bytes:
        """The pickle."""
        return self.out.getvalue()

    def put(self, value: Any) -> None:
        """Write one value."""
        for kind, write_value in _WRITERS:
            if isinstance(value, kind):
                write_value(self, value)
                return
        raise TypeError(f"a made pickle cannot hold {type(value).__name__}")

    def put_tuple(self, items: Iterable[Any]) -> None:
        """Write MARK, the items, TUPLE."""
        self.out.write(b"(")
        for item in items:
            self.put(item)
        self.out.write(b"t")

    def put_list(self, items: list[Any]) -> None:
        """Write EMPTY_LIST, MARK, the items, APPENDS."""
        self.out.write(b"](")
        for item in items:
            self.put(item)
        self.out.write(b"e")

    def put_pairs(self, pairs: Mapping[Any, Any], start: bytes) -> None:
        """Write a dict (or what `start` makes) filled by SETITEMS."""
        self.out.write(start + b"(")
        for key, value in pairs.items():
            self.put(key)
            self.put(value)
        self.out.write(b"u")

    def put_tensor(self, tensor: Tensor) -> None:
        """Write `_rebuild_tensor_v2(persistent storage, offset, shape, stride, requires_grad, hooks)`."""
        number = len(self.tensors)
        self.tensors.append(tensor)
        self.put(Global("torch._utils", "_rebuild_tensor_v2"))
        self.out.write(b"(")
        storage = Global("torch", _STORAGES[tensor.dtype])
        self.put_tuple(("storage", storage, str(number), "cpu", tensor.size // SIZES[tensor.dtype]))
        self.out.write(b"Q")
        for value in (0, tensor.shape, _strides(tensor.shape), False, Call(Global("collections", "OrderedDict"))):
            self.put(value)
        self.out.write(b"tR")

    def put_call(self, call: Call) -> None:
        """Write the function, its arguments, REDUCE."""
        self.put(call.function)
        self.put_tuple(call.arguments)
        self.out.write(b"R")

    def put_text(self, text: str) -> None:
        """Write BINUNICODE."""
        raw = text.encode()
        self.out.write(b"X" + struct.pack("<I", len(raw)) + raw)

    def put_int(self, number: int) -> None:
        """Write BININT, or LONG1 for a larger number."""
        if -(1 << 31) <= number < 1 << 31:
            self.out.write(b"J" + struct.pack("<i", number))
        else:
            raw = number.to_bytes(9, "little", signed=True)
            self.out.write(b"\x8a" + bytes((len(raw),)) + raw)


_WRITERS: tuple[tuple[Any, Any], ...] = (
    (Tensor, Pickled.put_tensor),
    (Call, Pickled.put_call),
    (Global, lambda out, value: out.out.write(f"c{value.module}\n{value.name}\n".encode())),
    (bool, lambda out, value: out.out.write(b"\x88" if value else b"\x89")),
    (type(None), lambda out, value: out.out.write(b"N")),
    (int, Pickled.put_int),
    (float, lambda out, value: out.out.write(b"G" + struct.pack(">d", value))),
    (str, Pickled.put_text),
    (OrderedDict, lambda out, value: out.put_pairs(value, b"ccollections\nOrderedDict\n)R")),
    (dict, lambda out, value: out.put_pairs(value, b"}")),
    (tuple, Pickled.put_tuple),
    (list, Pickled.put_list),
)


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def _zeros(size: int) -> Iterable[memoryview]:
    for start in range(0, size, len(_ZEROES)):
        yield _ZEROES[: min(len(_ZEROES), size - start)]


def _member(archive: zipfile.ZipFile, name: str, blocks: Iterable[bytes | memoryview]) -> None:
    info = zipfile.ZipInfo(name)
    # torch aligns every member's data to 64 bytes by padding in an extra field named FB.
    start = archive.fp.tell() + 30 + len(name.encode()) + 4  # type: ignore[union-attr]
    padding = -start % 64
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    with archive.open(info, "w") as member:
        for block in blocks:
            member.write(block)


class _Holes(io.RawIOBase):
    """A file that leaves a hole where a part of `_ZEROES` is written."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def write(self, data: Any) -> int:
        """Write, or skip a part of the zeroes."""
        if isinstance(data, memoryview) and data.obj is _ZEROES.obj:
            self._raw.seek(len(data), io.SEEK_CUR)
            return len(data)
        return int(self._raw.write(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move."""
        return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        """Return the position of the next byte."""
        return int(self._raw.tell())

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._raw.flush()

    def seekable(self) -> bool:
        """Return True."""
        return True
