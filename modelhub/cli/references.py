"""From the user's word for a model to the model, or to a clear question."""

from __future__ import annotations

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


def _nearest(session: Session, reference: str) -> str:
    import difflib

    from modelhub.catalog import ModelQuery

    names = [row.name for row in session.catalog.list(ModelQuery(limit=5000))]
    near = difflib.get_close_matches(reference, names, n=3)
    if near:
        return f"Did you mean {' or '.join(f'`{name}`' for name in near)}?"
    return "`modelhub list` shows what is there; `modelhub add` and `modelhub pull` bring models in."
