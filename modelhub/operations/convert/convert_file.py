"""Convert: a new safetensors file from any file that can be read, the source untouched, nothing executed.

The result is written to a temporary name beside its target, read again and compared, opened with the safetensors
library, and only then published.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from modelhub import __version__
from modelhub.domain import Format, Hashes, Verdict
from modelhub.errors import ModelhubError, UnsafeError
from modelhub.formats.header import Header
from modelhub.formats.precision import FLOATS, cast
from modelhub.formats.safetensors_reference import check_with_reference_library
from modelhub.formats.safetensors_write import TensorEntry, encode_file, encode_header, sort_tensors
from modelhub.formats.tensors import TensorReader
from modelhub.operations.convert.plan import ConversionOptions, Write, plan
from modelhub.progress import SILENT, Progress, Task
from modelhub.safety import assess
from modelhub.storage import errors
from modelhub.storage.containment import make_folder
from modelhub.storage.durable import sync_descriptor, sync_folder
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.hashing import StreamDigester, hash_file
from modelhub.storage.place import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, remove_leftovers
from modelhub.storage.rename import rename_no_replace

_RESERVE = 16 << 20  # bytes left free beside the result
# Hashes of the old data in the metadata would lie about the new.
_STALE_METADATA = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")
_READABLE = (Verdict.SAFE, Verdict.SAFE_LEGACY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionResult:
    """A finished conversion. `notes` are things worth knowing, such as values that fp16 cannot hold."""

    source: Path
    target: Path
    hashes: Hashes
    size: int
    source_size: int
    tensors: int
    notes: tuple[str, ...] = ()


def default_target(source: Path, recipe: ConversionOptions) -> Path:
    """Beside the source, its name with what was done; `-converted` when nothing else would tell the two apart."""
    words = recipe.words()
    stem = "-".join((source.stem, *words))
    target = source.with_name(f"{stem}.safetensors")
    return source.with_name(f"{stem}-converted.safetensors") if target == source else target


def convert_file(
    source: Path,
    target: Path,
    recipe: ConversionOptions,
    *,
    vae: Path | None = None,
    source_sha256: str | None = None,
    read_suspicious: bool = False,
    progress: Progress = SILENT,
) -> ConversionResult:
    """Write `target`. Memory stays at one tensor's worth, whatever the file's size.

    Raises UnsafeError for a pickle that is not harmless (unless `read_suspicious`; even then nothing is executed),
    TargetExistsError, DiskFullError and other ModelhubErrors; no half-made file is left.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(TensorReader(source))
        _ensure_readable(reader.header, source, read_suspicious=read_suspicious)
        other = stack.enter_context(TensorReader(vae)) if vae else None
        if other is not None and vae is not None:
            _ensure_readable(other.header, vae, read_suspicious=False)
        writes = plan(reader.infos, recipe, vae=other.infos if other else None, about=source.name)
        metadata = _metadata(reader.header, recipe, source, source_sha256 or hash_file(source).sha256)
        return _write(source, target, writes, metadata, reader, other, progress)


def _ensure_readable(header: Header, path: Path, *, read_suspicious: bool) -> None:
    report = assess(header)
    if report.verdict not in _READABLE and not (read_suspicious and header.tensors):
        raise UnsafeError(
            f"{path} is {report.verdict.value}: {'; '.join(report.findings[:3])}",
            "Nothing was converted. With --read-suspicious only its tensors are read; still nothing is executed.",
        )
    if header.broken:
        problem = next(p.text for p in header.problems if p.fatal)
        raise ModelhubError(f"{path} is broken: {problem}.", "Get it again; a broken file cannot be converted.")
    if header.format is Format.DIFFUSERS:
        raise ModelhubError(
            f"{path} is a diffusers folder.", "Convert single files; its weights are safetensors already."
        )
    if header.entries.keys() & {"activation_func", "layer_structure"}:
        raise ModelhubError(
            f"{path} is a hypernetwork, whose settings lie beside its tensors.",
            "No user interface reads one from safetensors; leave it as it is.",
        )


def _metadata(header: Header, recipe: ConversionOptions, source: Path, sha256: str) -> dict[str, str]:
    """What the source says of itself, without what is no longer true, and what was done to it."""
    kept = {name: text for name, text in header.metadata.items() if name not in _STALE_METADATA}
    done = {
        "precision": recipe.precision,
        "variant": recipe.variant,
        "baked_vae": recipe.bake_vae or None,
        "repaired": recipe.repair or None,
        "from_format": header.format.value,
    }
    return {
        "format": "pt",
        **kept,
        "modelhub.source_sha256": sha256,
        "modelhub.source_name": source.name,
        "modelhub.converted": json.dumps({name: value for name, value in done.items() if value is not None}),
        "modelhub.version": __version__,
    }


def _write(
    source: Path,
    target: Path,
    writes: list[Write],
    metadata: Mapping[str, str],
    reader: TensorReader,
    other: TensorReader | None,
    progress: Progress,
) -> ConversionResult:
    by_name = {write.name: write for write in writes}
    if len(by_name) != len(writes):
        raise ModelhubError(
            f"{source}: two of its tensors would get the same name.", "It cannot be converted as it is."
        )
    order = sort_tensors(TensorEntry(write.name, write.dtype, write.shape) for write in writes)
    size = len(encode_header(order, metadata)) + sum(tensor.length for tensor in order)
    make_folder(target.parent)
    remove_leftovers(target.parent)
    if target.exists():
        raise errors.TargetExistsError(f"{target} exists already.", "Name another file with --to.")
    ensure_free_space(target.parent, size + _RESERVE, remedy="Free some space there, or choose another folder.")
    overflowed: list[str] = []

    def bytes_of(tensor: TensorEntry) -> Iterator[bytes]:
        write = by_name[tensor.name]
        if write.origin is None:
            return iter((write.fresh,))
        origin = other if write.from_vae and other is not None else reader
        return _converted(origin, write, overflowed)

    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    digester = StreamDigester()
    try:
        with progress.task(f"converting {source.name}", total=size) as task:
            _put(temporary, encode_file(((t, bytes_of(t)) for t in order), metadata, order), digester, task)
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
    notes = [f"{name}: values too large for fp16 became infinite" for name in dict.fromkeys(overflowed)]
    if not checked:
        notes.append("Not opened with the safetensors library, which needs numpy for a file of this size.")
    return ConversionResult(
        source=source,
        target=target,
        hashes=hashes,
        size=size,
        source_size=reader.header.size,
        tensors=len(order),
        notes=tuple(notes),
    )


def _converted(reader: TensorReader, write: Write, overflowed: list[str]) -> Iterator[bytes]:
    assert write.origin is not None
    if write.dtype == write.origin_dtype or write.origin_dtype not in FLOATS:
        yield from reader.read_chunks(write.origin)
        return
    from modelhub.formats.precision import count_infinite

    for chunk in reader.read_chunks(write.origin):
        result = cast(chunk, write.origin_dtype, write.dtype)
        if write.dtype == "F16" and count_infinite(result, "F16") > count_infinite(chunk, write.origin_dtype):
            overflowed.append(write.name)
        yield result


def _put(path: Path, blocks: Iterator[bytes], digester: StreamDigester, task: Task) -> None:
    with path.open("xb") as file:
        for block in blocks:
            file.write(block)
            digester.update(block)
            task.advance(len(block))
        file.flush()
        sync_descriptor(file.fileno())


def _verify(path: Path, hashes: Hashes, size: int, progress: Progress) -> None:
    """Read what the disk holds; a result that differs from what was written must never get its name."""
    with progress.task("verifying", total=size) as task:
        again = hash_file(path, progress_task=task)
    if again.sha256 != hashes.sha256 or path.stat().st_size != size:
        raise ModelhubError(
            f"What was written to {path.parent} reads back differently.", "Check that drive and its cable."
        )
