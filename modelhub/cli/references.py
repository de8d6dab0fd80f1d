"""From the user's word for a model to the model, or to a clear question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.session import Session
from modelhub.domain import ModelRecord
from modelhub.errors import NotFoundError, UsageError

_SHOWN = 12


def one_model(session: Session, reference: str) -> ModelRecord:
    """The one model that `reference` means: its name, a unique part of it, an id, a path or a hash prefix.

    Raises NotFoundError with the nearest names, or UsageError that lists what it could mean.
    """
    found = session.catalog.find(reference)
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"No model of the catalog is meant by `{reference}`.", _nearest(session, reference))
    lines = [f"  {record.id}  {record.name}  {record.path or ''}" for record in found[:_SHOWN]]
    more = [f"  … and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    raise UsageError(
        f"`{reference}` could mean {len(found)} models:\n" + "\n".join(lines + more),
        "Say the number in front, or the path.",
    )


def models_named(session: Session, references: Sequence[str]) -> list[ModelRecord]:
    """The models that the words mean, each once; a folder that is no model itself means every model below it.

    Raises NotFoundError or UsageError as `one_model` does.
    """
    found: dict[int, ModelRecord] = {}
    for reference in references:
        path = Path(reference).expanduser()
        if path.is_dir() and not session.catalog.find(str(path.absolute())):
            records = _below(session, path.absolute())
        else:
            records = [one_model(session, reference)]
        found |= {record.id: record for record in records}
    return list(found.values())


def _below(session: Session, folder: Path) -> list[ModelRecord]:
    from modelhub.catalog import ModelQuery

    def lies_below(record: ModelRecord) -> bool:
        return any(folder in place.path.parents for file in record.files for place in file.locations)

    records = [record for record in session.catalog.records(ModelQuery()) if lies_below(record)]
    if not records:
        raise NotFoundError(f"No model of the catalog lies below {folder}.", f"`modelhub add {folder}` brings them in.")
    return records


def _nearest(session: Session, reference: str) -> str:
    import difflib

    from modelhub.catalog import ModelQuery

    names = [row.name for row in session.catalog.list(ModelQuery(limit=5000))]
    near = difflib.get_close_matches(reference, names, n=3)
    if near:
        return f"Did you mean {' or '.join(f'`{name}`' for name in near)}?"
    return "`modelhub list` shows what is there; `modelhub add` and `modelhub pull` bring models in."
