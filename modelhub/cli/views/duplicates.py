"""Show `list --duplicates`: groups of the same file, the same weights, or the same component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.language import _, plural
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import DuplicateGroup, ModelQuery

_TITLES = {
    "file": "the same file, {size} each",
    "weights": "the same weights",
    "unet": "the same UNet",
    "vae": "the same VAE",
    "text_encoder": "the same text encoder",
    "text_encoder_2": "the same second text encoder",
}


def show_duplicates(session: Session, level: str, query: ModelQuery) -> None:
    """Print the groups that hold a model of the query; as JSON one object per model, with the digest that it shares."""
    groups = session.catalog.duplicates(level, query)
    if session.json:
        _print_documents(session, level, groups)
        return
    for group in groups:
        title = _(_TITLES[level], size=format_size(group.size))
        print_lines(color(f"{title}  ({group.digest[:10]})", "1"))
        for path in group.paths:
            print_lines(f"  {clean(str(path))}")
    print_lines(_summary(level, groups), error=True)


def _print_documents(session: Session, level: str, groups: list[DuplicateGroup]) -> None:
    from modelhub.documents.model import duplicate_model_document

    ids = sorted({key for group in groups for key in group.model_ids})
    records = {record.id: record for record in session.catalog.get_many(ids)}
    print_json(
        [
            duplicate_model_document(records[key], level=level, digest=group.digest)
            for group in groups
            for key in group.model_ids
        ]
    )


def _summary(level: str, groups: list[DuplicateGroup]) -> str:
    if not groups:
        return _("No duplicates were found.")
    if level != "file":
        return plural(len(groups), "{count} group.", "{count} groups.")
    spare = sum(group.size * (len(group.paths) - 1) for group in groups)
    return plural(
        len(groups),
        "{count} group; the copies take up to {size}.",
        "{count} groups; the copies take up to {size}.",
        size=format_size(spare),
    )
