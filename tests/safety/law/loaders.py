"""The real loaders of model files, each a row: they are called with a path and load it with all their might."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import safetensors
import torch

from tests.safety.law.tracked import TrackedUnpickler, tracked_module

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_MAX_PICKLES = 32  # that follow one another in a file
_MAX_ELEMENTS = 4096  # of a storage without data
_MAX_LOOKED_AT = 2000  # objects of a result
_tracked = tracked_module()


class OverreadError(BaseException):
    """A tensor reaches beyond the memory that the file fills."""


class _CheckedReader(torch._C.PyTorchFileReader):  # type: ignore[misc]
    """torch's zip reader, which does not compare a storage's size with its record; this one does."""

    def get_storage_from_record(self, name: str, count: int, kind: Any) -> Any:
        """Return a storage. Raise OverreadError where it is larger than its record."""
        filled = len(self.get_record(name))
        if count > filled:
            raise OverreadError(f"Member {name} has {filled} bytes, and {count} are read.")
        return super().get_storage_from_record(name, count, kind)


class _Storages:
    """The persistent ids of torch for a pickle alone: storages of zeros, whatever the id states."""

    def persistent_load(self, identity: Any) -> Any:
        """Return a storage for torch's own form of id; of another tuple, the object that old loaders hand out."""
        if not isinstance(identity, tuple) or not identity:
            raise pickle.UnpicklingError("A persistent id is not a tuple.")
        if identity[0] in ("storage", b"storage") and len(identity) > 4:
            dtype = getattr(identity[1], "dtype", torch.float32)
            count = min(int(identity[4]), _MAX_ELEMENTS)
            storage = torch.UntypedStorage(count * dtype.itemsize)
            return torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)
        return identity[1] if len(identity) > 1 else identity[0]


class _TorchLike(_Storages, pickle.Unpickler):
    """The C machine with torch's persistent ids."""


class _TorchLikeTracked(_Storages, TrackedUnpickler):
    """The Python machine with torch's persistent ids."""


def _torch(path: str, **keywords: Any) -> None:
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _look_at(torch.load(file, map_location="cpu", **keywords))


def _torch_mapped(path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.load(path, map_location="cpu", weights_only=False, mmap=True)


def _pickle(path: str) -> None:
    with open(path, "rb") as file:
        pickle.load(file)


def _pickle_in_memory(path: str) -> None:
    """Load from a stream that cannot be looked into in advance, where the C machine reads in other steps."""
    with open(path, "rb") as file:
        data = file.read()
    _TorchLike(io.BytesIO(data), encoding="latin1").load()


def _pickles(path: str, machine: Callable[..., Any]) -> None:
    """Load one pickle after the other, at most the five of torch's old format where that is what it is."""
    with open(path, "rb") as file:
        count = _MAX_PICKLES
        while count:
            count -= 1
            loaded = machine(file).load()
            if loaded == _LEGACY_MAGIC and count == _MAX_PICKLES - 1:
                count = 4


def _numpy(path: str) -> None:
    loaded = numpy.load(path, allow_pickle=True)
    if isinstance(loaded, numpy.lib.npyio.NpzFile):
        with loaded:
            for name in loaded.files[:64]:
                loaded[name]


def _safetensors(path: str) -> None:
    with safetensors.safe_open(path, "pt") as file:
        for name in list(file.keys())[:64]:
            file.get_tensor(name)


def _members(path: str) -> None:
    """Load the pickles of a zip file as programs do that find them with Python's own zip reader."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist()[:256]:
            if name.lower().endswith((".pkl", ".pickle")):
                with archive.open(name) as file:
                    _TorchLike(io.BytesIO(file.read(64 << 20)), encoding="utf-8").load()


def _look_at(loaded: Any) -> None:
    """Check that every tensor of a result is inside its storage."""
    for value in _parts(loaded):
        if not isinstance(value, torch.Tensor) or value.is_meta:
            continue
        for tensor in value.unbind() if value.is_nested else (value,):
            if tensor.layout is torch.strided and tensor.numel():
                last = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
                end = (tensor.storage_offset() + last + 1) * tensor.element_size()
                if end > tensor.untyped_storage().nbytes():
                    raise OverreadError(f"A tensor ends at byte {end} of {tensor.untyped_storage().nbytes()}.")


def _parts(loaded: Any) -> Iterator[Any]:
    waiting, seen = [loaded], set()
    while waiting and len(seen) < _MAX_LOOKED_AT:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            waiting += list(dict.values(value))[:_MAX_LOOKED_AT]
        elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
            waiting += list(value)[:_MAX_LOOKED_AT]


LOADERS: dict[str, Callable[[str], None]] = {
    "torch.load": lambda path: _torch(path, weights_only=False),
    "torch.load weights_only": lambda path: _torch(path, weights_only=True),
    "torch.load mmap": _torch_mapped,
    "torch.load Python machine": lambda path: _torch(path, weights_only=False, pickle_module=_tracked),
    "pickle.load": _pickle,
    "pickle.load of memory": _pickle_in_memory,
    "pickles one by one": lambda path: _pickles(path, _TorchLike),
    "pickles, Python machine": lambda path: _pickles(path, _TorchLikeTracked),
    "numpy.load": _numpy,
    "safetensors": _safetensors,
    "zipfile and pickle": _members,
}


def prepare() -> None:
    """Replace torch's zip reader by the one that checks sizes."""
    torch._C.PyTorchFileReader = _CheckedReader  # type: ignore[misc]
    torch.set_num_threads(1)
