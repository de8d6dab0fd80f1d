"""The start page, printed by `modelhub` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelhub.cli.labels import label
from modelhub.cli.output import clean, color, pad, print_json, print_lines, width
from modelhub.cli.quoting import quote_argument
from modelhub.cli.session import Session
from modelhub.language import _, plural, translate
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, Counts

_FIRST_STEPS = (
    ("modelhub add FOLDER", "add the models you have, where they are"),
    ("modelhub known", "the well-known models that can be downloaded by name"),
    ("modelhub pull runwayml/stable-diffusion-v1-5", "download one, verified"),
    ("modelhub explain", "the terms in plain words"),
)


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """Models that need attention: what is wrong, and the query that lists them. `key` is its name in the document."""

    text: str
    query: str
    key: str


# The keys are published in the JSON document, and so stay as they are.
_ATTENTION = (
    AttentionRow(
        "dangerous, not to be loaded",
        "verdict:dangerous",
        "dangerous, not to be loaded (modelhub list verdict:dangerous)",
    ),
    AttentionRow("suspicious: load only what you trust", "verdict:suspicious", "suspicious or unrecognised"),
    AttentionRow("in an unknown format", "verdict:unrecognised broken:no", "suspicious or unrecognised"),
    AttentionRow("with a broken file", "broken:yes", "broken (modelhub list broken:yes)"),
    AttentionRow("with a missing file", "state:missing", "missing (modelhub list --missing)"),
    AttentionRow("on a drive that is out of reach", "state:unavailable", "on a drive that is out of reach"),
    AttentionRow("not working in the last render test", "rendered:bad", "do not work (modelhub render-test --failed)"),
)


def start(session: Session) -> None:
    """Print the counts, what needs attention, and the next commands."""
    counts = session.catalog.counts() if session.has_catalog else None
    attention = list(_attention(session.catalog)) if counts else []
    if session.json:
        _print_document(session, counts, attention)
        return
    library = clean(str(session.settings.library))
    if counts is None:
        print_lines(_("The catalog has no models yet. The library will be in {library}.", library=library))
    elif not counts.models:
        print_lines(_("The catalog has no models yet. The library is in {library}.", library=library))
    if counts is None or not counts.models:
        print_lines(["", *_table((command, translate(text)) for command, text in _FIRST_STEPS)])
        return
    size = format_size(counts.size)
    models = plural(counts.models, "{count} model, {size}, in {library}", "{count} models, {size}, in {library}",
                    size=size, library=library)  # fmt: skip
    print_lines(color(models, "1"))
    by_type = sorted(counts.by_type.items(), key=lambda item: -item[1])
    print_lines(f"  {count:>6}  {label(name)}" for name, count in by_type)
    if attention:
        print_lines(["", _("Needs attention")])
        texts = ((f"{count:>6}  {translate(row.text)}", f"modelhub list {row.query}") for row, count in attention)
        print_lines(_table(texts))
    print_lines(["", *_table(_next_steps(session.catalog))])


def _attention(catalog: Catalog) -> Iterator[tuple[AttentionRow, int]]:
    """Yield what needs attention with the number of models, which is that of the list that its command shows."""
    from modelhub.catalog.query_parser import parse_query

    for row in _ATTENTION:
        if count := len(catalog.ids(parse_query(row.query))):
            yield row, count


def _next_steps(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield commands that fit what the library has."""
    from modelhub.catalog.query_parser import parse_query

    yield "modelhub list", _("all models; add words, or terms such as type:lora")
    if rows := catalog.list(parse_query("state:present -verdict:dangerous -verdict:suspicious broken:no sort:added-")):
        yield f"modelhub show {quote_argument(rows[0].name)}", _("everything about one, and how to use it")
    if catalog.ids(parse_query("type:base state:present broken:no")):
        yield "modelhub render-test", _("test the models by rendering")
    else:
        yield "modelhub known", _("bases to download: every other type needs one")
    yield "modelhub explain", _("the terms in plain words")


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines of two columns, the first one as wide as it needs to be."""
    cells = [(clean(left), clean(right)) for left, right in rows]
    columns = max(width(left) for left, _right in cells)
    return [f"  {pad(left, columns)}  {right}" for left, right in cells]


def _print_document(session: Session, counts: Counts | None, attention: Iterable[tuple[AttentionRow, int]]) -> None:
    from modelhub.documents.library import StartDocument

    by_key: dict[str, int] = {}
    for row, count in attention:
        by_key[row.key] = by_key.get(row.key, 0) + count
    print_json(
        StartDocument(
            models=counts.models if counts else 0,
            size=counts.size if counts else 0,
            by_type=counts.by_type if counts else {},
            attention=by_key,
            library=str(session.settings.library),
        )
    )
