"""Show models as a table, for `list`, `search` and the end of `add`, `scan` and `pull`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.cli.labels import label
from modelhub.cli.output import Column, listed, print_lines, table
from modelhub.cli.screen.text_layout import shorten_end, shorten_start
from modelhub.domain import HARMLESS, Format, Verdict
from modelhub.language import plural
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, ModelQuery, ModelRow

_STATE_COLORS = {"missing": "31", "dangerous": "31;1", "broken": "31"}


def _state_color(text: str) -> str:
    return next((code for state, code in _STATE_COLORS.items() if label(state) in text), "33")


_COLUMNS = (
    Column("name", flexible=True, least=16, main=True),
    Column("type"),
    Column("arch", flexible=True, least=8, spare=1, cut=shorten_end),
    Column("variant", flexible=True, least=8, spare=3, cut=shorten_start),
    Column("precision", spare=5),
    Column("style", spare=4),
    Column("triggers", flexible=True, least=8, spare=6, cut=shorten_end),
    Column("size", right=True, spare=2),
    Column("state", paint=_state_color),
)


def model_lines(rows: Sequence[ModelRow]) -> list[str]:
    """Return the lines of the table, without columns that are empty in every row."""
    return table(_COLUMNS, [_cells(row) for row in rows])


def print_models(rows: Sequence[ModelRow], catalog: Catalog, *, query: ModelQuery) -> None:
    """Print the table, and the number and size of the models; without rows, good news or what to do next."""
    if not rows:
        from modelhub.cli.views.nothing_found import nothing_found

        print_lines(nothing_found(query, catalog), error=True)
        return
    print_lines(model_lines(rows))
    total = sum(row.size for row in rows)
    size = format_size(total)
    print_lines(plural(len(rows), "{count} model, {size}", "{count} models, {size}", size=size), error=True)


def _cells(row: ModelRow) -> list[str]:
    is_broken = row.broken and row.format != Format.UNKNOWN
    is_cut = is_broken and row.verdict == Verdict.UNRECOGNISED  # one word is enough
    remarks = (
        row.state if row.state != "present" else "",
        row.verdict if row.verdict not in HARMLESS and not is_cut else "",
        "broken" if is_broken else "",
    )
    return [
        row.name,
        label(row.type),
        row.architecture or "/".join(row.architecture_candidates),
        label(row.variant or ""),
        label(row.precision or ""),
        "" if row.style == "unknown" else label(row.style),
        ", ".join(row.trigger_words),
        format_size(row.size),
        listed(label(remark) for remark in remarks if remark),
    ]
