"""Show models as a table, for `list`, `search` and the end of `add`, `scan` and `pull`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import Column, count_text, table
from modelhub.domain import HARMLESS, Verdict
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, ModelRow

_COLUMNS = (
    Column("name", flexible=True, least=16),
    Column("type"),
    Column("arch", flexible=True, least=8),
    Column("variant", flexible=True, least=7),
    Column("precision", spare=2),
    Column("style", spare=1),
    Column("triggers", flexible=True, least=8, spare=3),
    Column("size", right=True),
    Column("state"),
)


def model_lines(rows: Sequence[ModelRow]) -> list[str]:
    """Return the lines of the table, without columns that are empty in every row."""
    cells = [_cells(row) for row in rows]
    shown = [i for i, column in enumerate(_COLUMNS) if column.title == "name" or any(row[i] for row in cells)]
    return table([_COLUMNS[i] for i in shown], [[row[i] for i in shown] for row in cells])


def print_models(rows: Sequence[ModelRow], catalog: Catalog) -> None:
    """Print the table, and the number and size of the models; without rows, what to do next."""
    if not rows:
        if catalog.counts().models:
            print("No models match. `modelhub list` shows all of them.", file=sys.stderr)
        else:
            print("No models yet. Add some with `modelhub add FOLDER` or `modelhub pull SOURCE`.", file=sys.stderr)
        return
    print("\n".join(model_lines(rows)))
    total = sum(row.size for row in rows)
    print(f"{count_text(len(rows), 'model', 'models')}, {format_size(total)}", file=sys.stderr)


def _cells(row: ModelRow) -> list[str]:
    is_cut = row.broken and row.verdict == Verdict.UNRECOGNISED  # one word is enough
    remarks = (
        row.state if row.state != "present" else "",
        row.verdict if row.verdict not in HARMLESS and not is_cut else "",
        "broken" if row.broken else "",
    )
    return [
        row.name,
        row.type,
        row.architecture or " or ".join(row.architecture_candidates),
        row.variant or "",
        row.precision or "",
        "" if row.style == "unknown" else row.style,
        ", ".join(row.trigger_words),
        format_size(row.size),
        ", ".join(remark for remark in remarks if remark),
    ]
