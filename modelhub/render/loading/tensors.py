"""Read weights as torch tensors with modelhub's own readers: no pickle is executed, no hub contacted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch

from modelhub.errors import ModelhubError
from modelhub.formats.tensors import TensorReader
from modelhub.render.problems import broken_file

DTYPES: dict[str, torch.dtype] = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
NamedTensors = dict[str, torch.Tensor]


def load(
    path: Path, rename: Callable[[str], str | None] = lambda name: name, *, dtype: torch.dtype | None = None
) -> NamedTensors:
    """Read the file's tensors under the names that `rename` returns (None: left out), floating point in `dtype`.

    One tensor at a time is in memory twice. Raise RenderProblem for a broken file, ModelhubError when bytes are
    missing or a data type is unknown.
    """
    result: NamedTensors = {}
    with TensorReader(path) as reader:
        if reader.header.broken:
            text = next((problem.text for problem in reader.header.problems if problem.fatal), "It is not whole.")
            raise broken_file(path.name, text)
        for name in reader.infos:
            key = rename(name)
            if key is not None:
                # position ids may be stored as floats; rounding them would hide that they are wrong
                result[key] = _read_tensor(reader, name, None if name.endswith("position_ids") else dtype)
    return result


def load_all(paths: Iterable[Path], *, dtype: torch.dtype | None = None) -> NamedTensors:
    """Read the tensors of all shards."""
    return {name: tensor for path in paths for name, tensor in load(path, dtype=dtype).items()}


def _read_tensor(reader: TensorReader, name: str, dtype: torch.dtype | None) -> torch.Tensor:
    info = reader.infos[name]
    kind = DTYPES.get(info.dtype)
    if kind is None:
        raise ModelhubError(f"{reader.path.name} has tensors of an unsupported type, {info.dtype} ({name}).")
    if 0 in info.shape:
        return torch.empty(info.shape, dtype=kind)
    tensor = torch.empty(info.shape, dtype=kind)
    _fill(tensor.reshape(-1).view(torch.uint8).numpy().data, reader, name)
    return tensor.to(dtype) if dtype is not None and kind.is_floating_point else tensor


def _fill(target: memoryview, reader: TensorReader, name: str) -> None:
    """Read the tensor's bytes into memory, one piece at a time."""
    at = 0
    for piece in reader.read_chunks(name):
        target[at : at + len(piece)] = piece
        at += len(piece)
    if at != len(target):
        raise ModelhubError(f"{reader.path.name} ends inside the tensor {name!r}.")


def shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor, by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
