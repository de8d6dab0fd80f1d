"""Convert one file to safetensors: check that it may be read, plan the tensors, write them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from modelhub.domain import HARMLESS, Format, Hashes, Verdict
from modelhub.errors import ModelhubError, Remedy, UnsafeError
from modelhub.formats.header import Header
from modelhub.formats.tensors import TensorReader
from modelhub.operations.convert.options import ConversionOptions
from modelhub.operations.convert.plan import plan_tensors
from modelhub.operations.convert.write import write_tensors
from modelhub.progress import SILENT, Progress
from modelhub.safety import assess
from modelhub.storage.hashing import hash_file
from modelhub.version import __version__

_BROKEN = "Get it again; a broken file cannot be converted."
# Hashes of the source's data, which are not those of the result.
_STALE_METADATA = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionResult:
    """A finished conversion; sizes are in bytes. `notes`: sentences such as about values that fp16 cannot hold."""

    source: Path
    target: Path
    hashes: Hashes
    size: int
    source_size: int
    tensors: int
    notes: tuple[str, ...] = ()


def convert_file(
    source: Path,
    target: Path,
    options: ConversionOptions | None = None,
    *,
    vae: Path | None = None,
    source_sha256: str | None = None,
    read_suspicious: bool = False,
    progress: Progress = SILENT,
) -> ConversionResult:
    """Write `target` from `source`, which is not changed; one tensor at a time is in memory.

    `vae`: the VAE to bake in. `source_sha256`: the source's hash, if it is known. `read_suspicious`: read tensors
    of a suspicious pickle; nothing is executed then either. Raise UnsafeError for a file that could run code,
    TargetExistsError, DiskFullError and other ModelhubErrors; no incomplete file is left.
    """
    options = options or ConversionOptions()
    with ExitStack() as stack:
        reader = stack.enter_context(TensorReader(source))
        _ensure_convertible(reader.header, source, read_suspicious=read_suspicious)
        vae_reader = None
        if vae is not None:
            vae_reader = stack.enter_context(TensorReader(vae))
            _ensure_convertible(vae_reader.header, vae, read_suspicious=False)
        vae_infos = vae_reader.infos if vae_reader else None
        tensors = plan_tensors(reader.infos, options, vae=vae_infos, name=source.name)
        sha256 = source_sha256 or hash_file(source).sha256
        metadata = _metadata(reader.header, options, source, sha256, baked_vae=vae is not None)
        written = write_tensors(target, tensors, metadata, source=reader, vae=vae_reader, progress=progress)
        return ConversionResult(
            source=source,
            target=target,
            hashes=written.hashes,
            size=written.size,
            source_size=reader.header.size,
            tensors=len(tensors),
            notes=written.notes,
        )


def _remedy(header: Header, verdict: Verdict) -> Remedy | str:
    """Return what to do about a file that was refused for its verdict."""
    if header.tensors and header.broken:
        return _BROKEN
    if header.tensors:
        return Remedy("Only its tensors can be read; nothing is executed then either.", "read-suspicious")
    if verdict is Verdict.UNRECOGNISED:
        return Remedy("Inspect it before you load it.", "show-findings")
    return "It holds no tensors that could be saved. Do not load it."


def _ensure_convertible(header: Header, path: Path, *, read_suspicious: bool) -> None:
    """Raise UnsafeError or ModelhubError for a file that cannot be converted."""
    report = assess(header)
    if report.verdict not in HARMLESS and not (read_suspicious and header.tensors):
        summary = f"{path} was not converted: it is {report.verdict.value}."
        if report.verdict is Verdict.UNRECOGNISED:
            summary = f"{path} was not converted: modelhub cannot read it."
        raise UnsafeError(summary, _remedy(header, report.verdict), details=report.findings[:3])
    if header.broken:
        problem = next(problem.text for problem in header.problems if problem.fatal)
        raise ModelhubError(f"{path} is broken.", _BROKEN, details=[problem])
    if header.format is Format.DIFFUSERS:
        raise ModelhubError(
            f"{path} is a diffusers folder.", "Convert single files; its weights are safetensors already."
        )
    if header.entries.keys() & {"activation_func", "layer_structure"}:
        raise ModelhubError(
            f"{path} is a hypernetwork, whose settings are beside its tensors.",
            "No UI reads one from safetensors; leave it as it is.",
        )


def _metadata(
    header: Header, options: ConversionOptions, source: Path, sha256: str, *, baked_vae: bool
) -> dict[str, str]:
    """Return the source's metadata without what is no longer true, and a record of the conversion."""
    kept = {name: text for name, text in header.metadata.items() if name not in _STALE_METADATA}
    done = {
        "precision": options.precision,
        "variant": options.variant,
        "baked_vae": baked_vae or None,
        "repaired": options.repair or None,
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
