"""Show models as a table, for `list`, `search` and the end of `add`, `scan` and `pull`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import Column, count_text, table
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import ModelRow

_COLUMNS = (
    Column("name", flexible=True, least=16),
    Column("type"),
    Column("architecture", flexible=True),
    Column("variant", flexible=True),
    Column("precision"),
    Column("style"),
    Column("trigger words", flexible=True, least=8),
    Column("size", right=True),
    Column("state"),
)


def model_lines(rows: Sequence[ModelRow]) -> list[str]:
    """Return the lines of the table, without columns that are empty in every row."""
    cells = [_cells(row) for row in rows]
    shown = [i for i, column in enumerate(_COLUMNS) if column.title == "name" or any(row[i] for row in cells)]
    return table([_COLUMNS[i] for i in shown], [[row[i] for i in shown] for row in cells])


def print_models(rows: Sequence[ModelRow]) -> None:
    """Print the table, and the number and size of the models."""
    if not rows:
        print("No models match. Add some with `modelhub add FOLDER` or `modelhub pull SOURCE`.", file=sys.stderr)
        return
    print("\n".join(model_lines(rows)))
    total = sum(row.size for row in rows)
    print(f"{count_text(len(rows), 'model', 'models')}, {format_size(total)}", file=sys.stderr)


def _cells(row: ModelRow) -> list[str]:
    state = row.state if row.verdict in ("safe", "safe-legacy") else f"{row.state}, {row.verdict}"
    return [
        row.name,
        row.type,
        row.architecture or " or ".join(row.architecture_candidates),
        row.variant or "",
        row.precision or "",
        "" if row.style == "unknown" else row.style,
        ", ".join(row.trigger_words),
        format_size(row.size),
        state + (", broken" if row.broken else ""),
    ]
