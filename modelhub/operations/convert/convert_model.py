"""Convert a model of the catalog or any file, and catalog the result with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelhub.catalog import Catalog, NewModel
from modelhub.detect import rules_version
from modelhub.domain import LocationState, ModelRecord, Source
from modelhub.errors import ModelhubError, NotFoundError, Remedy, UsageError
from modelhub.formats.diffusers import INDEX
from modelhub.home import expand_home
from modelhub.operations.convert.convert_file import ConversionResult, convert_file
from modelhub.operations.convert.options import ConversionOptions, default_target
from modelhub.operations.library.identify import FailedFile, identify_files
from modelhub.operations.library.record import new_file
from modelhub.progress import SILENT, Progress
from modelhub.storage.walk import walk

_KEPT_FIELDS = ("style", "triggers", "notes")  # user fields of the source that are also true of the result
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionSource:
    """The file to convert, and its record where the catalog has one."""

    path: Path
    record: ModelRecord | None = None

    @property
    def sha256(self) -> str | None:
        """The recorded hash, None when the file is not the one that was recorded."""
        if self.record is None:
            return None
        place = next((p for p in self.record.main.locations if p.path == self.path), None)
        status = self.path.stat()
        if place is None or (place.size, place.mtime_ns) != (status.st_size, status.st_mtime_ns):
            return None
        return self.record.main.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedModel:
    """A finished conversion, and the record of its result."""

    result: ConversionResult
    record: ModelRecord


def resolve_source(reference: str, catalog: Catalog) -> ConversionSource:
    """Return the file at a path, or else a present model of the catalog.

    Raise NotFoundError, UsageError for an ambiguous reference, and ModelhubError for a model without a single file.
    """
    path = expand_home(reference)
    found = catalog.find(str(path.absolute()) if path.exists() else reference)
    refuse_folder(path)
    if path.is_file():
        return ConversionSource(path=path.absolute(), record=found[0] if len(found) == 1 else None)
    if len(found) > 1:
        raise UsageError(
            f"`{reference}` could mean {len(found)} models:",
            "Name one by its number or its path.",
            details=[f"{record.id}  {record.name}  {record.path or ''}" for record in found[:_SHOWN]],
        )
    if not found:
        raise NotFoundError(
            f"`{reference}` is neither a file nor a model of the catalog.",
            Remedy("List the models to see their names.", "list-models"),
        )
    record = found[0]
    places = [place.path for place in record.main.locations if place.state is LocationState.PRESENT]
    present = next((place for place in places if place.is_file()), None)
    if record.path is not None:
        refuse_folder(record.path)
    if present is None or record.path is None:
        raise ModelhubError(
            f"{record.name} is not a single file that is present.",
            Remedy("Look at where it is.", "show-model", {"model": record.name}),
        )
    return ConversionSource(path=present, record=record)


def refuse_folder(path: Path) -> None:
    """Raise UsageError for a folder, with a file in it that could be converted; return for anything else."""
    if not path.is_dir():
        return
    if (path / INDEX).is_file():
        raise UsageError(
            f"{path} is a diffusers folder, and only single files can be converted.",
            "UIs and diffusers load it as it is; its weights are usually safetensors files already.",
        )
    files = [model.path for model in walk(path) if model.kind == "file"]
    if not files:
        raise UsageError(f"{path} is a folder without model files.", "Name the file to convert.")
    example = next((file for file in files if file.suffix.lower() != ".safetensors"), files[0])
    raise UsageError(
        f"{path} is a folder, and models are converted one at a time.",
        Remedy(f"Name one of its files, such as {example.name}.", "convert-one", {"file": str(example)}),
    )


def convert_model(
    source: ConversionSource,
    options: ConversionOptions | None = None,
    *,
    catalog: Catalog,
    target: Path | None = None,
    vae: Path | None = None,
    read_suspicious: bool = False,
    progress: Progress = SILENT,
) -> ConvertedModel:
    """Convert a file and catalog the result, whose source is the converted model; it keeps that one's tags.

    `target`: the file to write, or a folder; by default beside the source. Raise UsageError for a name that does
    not end in .safetensors, and what `convert_file` raises.
    """
    options = options or ConversionOptions()
    beside = default_target(source.path, options, bake_vae=vae is not None)
    place = expand_home(target or beside).absolute()
    if place.is_dir():
        place = place / beside.name
    if place.suffix.lower() != ".safetensors":
        raise UsageError(f"{place.name} is not a name for a safetensors file.", f"Name it `{place.stem}.safetensors`.")
    result = convert_file(
        source.path,
        place,
        options,
        vae=vae,
        source_sha256=source.sha256,
        read_suspicious=read_suspicious,
        progress=progress,
    )
    return ConvertedModel(result=result, record=_record_conversion(result, source.record, catalog=catalog))


def _record_conversion(result: ConversionResult, old: ModelRecord | None, *, catalog: Catalog) -> ModelRecord:
    file = next(iter(identify_files([result.target])))
    if isinstance(file, FailedFile):
        raise file.error
    sources = (
        Source(kind="local", reference=str(result.source), requested="converted from"),
        *(old.sources if old else ()),
    )
    record = catalog.record(
        NewModel(
            name=result.target.stem,
            files=(new_file(file),),
            sources=sources,
            tags=old.tags if old else (),
            rules_version=rules_version(),
        )
    )
    for field, value in old.overrides.items() if old else ():
        if field in _KEPT_FIELDS:
            catalog.set_override(record.id, field, value)
    return catalog.get(record.id)
