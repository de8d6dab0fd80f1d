"""Write planned tensors as a new safetensors file: streamed, read back, and then given its name."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhub.domain import Hashes
from modelhub.errors import ModelhubError, Remedy
from modelhub.formats.precision import FLOATS, cast
from modelhub.formats.safetensors_reference import check_with_reference_library
from modelhub.formats.safetensors_write import TensorEntry, encode_file, encode_header, sort_tensors
from modelhub.formats.tensors import TensorReader
from modelhub.operations.convert.plan import PlannedTensor
from modelhub.progress import Progress, Task
from modelhub.storage import errors
from modelhub.storage.containment import make_folder
from modelhub.storage.durable import sync_descriptor, sync_folder
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.hashing import StreamDigester, hash_file
from modelhub.storage.place import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, remove_leftovers
from modelhub.storage.rename import rename_no_replace

_RESERVE = 16 << 20  # bytes left free beside the result


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A new file. `notes`: what the user should know about it, one sentence each."""

    hashes: Hashes
    size: int
    notes: tuple[str, ...]


def write_tensors(
    target: Path,
    tensors: Sequence[PlannedTensor],
    metadata: Mapping[str, str],
    *,
    source: TensorReader,
    vae: TensorReader | None,
    progress: Progress,
) -> WrittenFile:
    """Write `target`, with one tensor at a time in memory. Raise TargetExistsError, DiskFullError or a ModelhubError.

    The file gets its name only after it has been read back from the disk and opened with the safetensors library; no
    incomplete file is left.
    """
    by_name = {tensor.name: tensor for tensor in tensors}
    if len(by_name) != len(tensors):
        raise ModelhubError(f"{source.path} cannot be converted: two of its tensors would get the same name.")
    order = sort_tensors(TensorEntry(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors)
    size = len(encode_header(order, metadata)) + sum(entry.length for entry in order)
    make_folder(target.parent)
    remove_leftovers(target.parent)
    if target.exists():
        remedy = Remedy("Choose another file name.", "choose-target")
        raise errors.TargetExistsError(f"{target} exists already.", remedy)
    ensure_free_space(target.parent, size + _RESERVE, remedy="Free some space there, or choose another folder.")
    overflowed: list[str] = []

    def bytes_of(entry: TensorEntry) -> Iterator[bytes]:
        tensor = by_name[entry.name]
        if tensor.origin is None:
            return iter((tensor.content,))
        return _cast_bytes(vae if tensor.from_vae and vae is not None else source, tensor, overflowed)

    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    digester = StreamDigester()
    try:
        with progress.task(f"converting {source.path.name}", total=size) as task:
            blocks = encode_file(((entry, bytes_of(entry)) for entry in order), metadata, order)
            _write_blocks(temporary, blocks, digester, task)
        hashes = digester.finish()
        _verify(temporary, hashes, size, progress)
        checked = check_with_reference_library(temporary, order)
        rename_no_replace(temporary, target)
        sync_folder(target.parent)
    except OSError as exc:
        raise errors.from_os_error(exc, target.parent, "write to") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    notes = [f"Values of {name} are too large for fp16 and became infinite." for name in dict.fromkeys(overflowed)]
    if not checked:
        notes.append("It was not opened with the safetensors library, which needs numpy for a file of this size.")
    return WrittenFile(hashes=hashes, size=size, notes=tuple(notes))


def _cast_bytes(reader: TensorReader, tensor: PlannedTensor, overflowed: list[str]) -> Iterator[bytes]:
    """Yield the bytes of a tensor in its new type, and note its name when a value does not fit into fp16."""
    assert tensor.origin is not None
    if tensor.dtype == tensor.origin_dtype or tensor.origin_dtype not in FLOATS:
        yield from reader.read_chunks(tensor.origin)
        return
    from modelhub.formats.precision import count_infinite

    for chunk in reader.read_chunks(tensor.origin):
        result = cast(chunk, tensor.origin_dtype, tensor.dtype)
        if tensor.dtype == "F16" and count_infinite(result, "F16") > count_infinite(chunk, tensor.origin_dtype):
            overflowed.append(tensor.name)
        yield result


def _write_blocks(path: Path, blocks: Iterator[bytes], digester: StreamDigester, task: Task) -> None:
    with path.open("xb") as file:
        for block in blocks:
            file.write(block)
            digester.update(block)
            task.advance(len(block))
        file.flush()
        sync_descriptor(file.fileno())


def _verify(path: Path, hashes: Hashes, size: int, progress: Progress) -> None:
    """Read the file back. Raise ModelhubError when it is not what was written."""
    with progress.task("verifying", total=size) as task:
        found = hash_file(path, progress_task=task)
    if found.sha256 != hashes.sha256 or path.stat().st_size != size:
        raise ModelhubError(
            f"The file written to {path.parent} reads back differently.", "Check that drive and its cable."
        )
