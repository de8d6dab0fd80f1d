"""Conversions and the catalog: find the source, convert, identify the result, link it to where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelhub.catalog import Catalog, NewModel
from modelhub.detect import rules_version
from modelhub.domain import LocationState, ModelRecord, Source
from modelhub.errors import ModelhubError, NotFoundError, UsageError
from modelhub.operations.convert.convert_file import ConversionResult, convert_file, default_target
from modelhub.operations.convert.plan import ConversionOptions
from modelhub.operations.library.identify import FailedFile, identify_files
from modelhub.operations.library.record import new_file
from modelhub.progress import SILENT, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionSource:
    """The file to convert, with what the catalog knows of it."""

    path: Path
    record: ModelRecord | None = None

    @property
    def sha256(self) -> str | None:
        """The recorded hash, if the file is still the one that was recorded."""
        if self.record is None:
            return None
        place = next((p for p in self.record.main.locations if p.path == self.path), None)
        status = self.path.stat()
        if place is None or (place.size, place.mtime_ns) != (status.st_size, status.st_mtime_ns):
            return None
        return self.record.main.sha256


def resolve_source(reference: str, catalog: Catalog) -> ConversionSource:
    """A file by its path, else a model of the catalog that is present."""
    path = Path(reference).expanduser()
    found = catalog.find(str(path.absolute()) if path.exists() else reference)
    if path.is_file():
        return ConversionSource(path=path.absolute(), record=found[0] if len(found) == 1 else None)
    if len(found) > 1:
        names = ", ".join(f"{record.id} ({record.name})" for record in found[:8])
        raise UsageError(f"`{reference}` could mean {len(found)} models: {names}.", "Say the number or the path.")
    if not found:
        raise NotFoundError(
            f"`{reference}` is no file and no model of the catalog.", "`modelhub list` shows the models."
        )
    places = [p.path for p in found[0].main.locations if p.state is LocationState.PRESENT and p.path.is_file()]
    if not places or found[0].path is None or found[0].path.is_dir():
        raise ModelhubError(
            f"{found[0].name} has no single file that is present.", "`modelhub show` says where it lies."
        )
    return ConversionSource(path=places[0], record=found[0])


def convert_model(
    source: ConversionSource,
    recipe: ConversionOptions,
    *,
    catalog: Catalog,
    target: Path | None = None,
    vae: Path | None = None,
    read_suspicious: bool = False,
    progress: Progress = SILENT,
) -> tuple[ConversionResult, ModelRecord]:
    """Convert and catalogue; the new model's source is the old one, and it keeps the old one's tags."""
    place = (target or default_target(source.path, recipe)).expanduser().absolute()
    if place.is_dir():
        place = place / default_target(source.path, recipe).name
    result = convert_file(
        source.path,
        place,
        recipe,
        vae=vae,
        source_sha256=source.sha256,
        read_suspicious=read_suspicious,
        progress=progress,
    )
    return result, record_conversion(result, source, catalog=catalog)


def record_conversion(result: ConversionResult, source: ConversionSource, *, catalog: Catalog) -> ModelRecord:
    """Record the result as a model of its own."""
    answer = next(iter(identify_files([result.target])))
    if isinstance(answer, FailedFile):
        raise answer.error
    old = source.record
    sources = (
        Source(kind="local", reference=str(source.path), requested="converted from"),
        *(old.sources if old else ()),
    )
    record = catalog.record(
        NewModel(
            name=result.target.stem,
            files=(new_file(answer),),
            sources=sources,
            tags=old.tags if old else (),
            rules_version=rules_version(),
        )
    )
    for field, value in old.overrides.items() if old else ():
        if field in ("style", "triggers", "notes"):
            catalog.set_override(record.id, field, value)
    return catalog.get(record.id)
