"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.arguments.word_options import word_option
from modelhub.operations.sort.enums import SortDuplicates, SortGrouping, SortMode
from modelhub.words import WordKind

LayoutOption = Annotated[
    str | None, typer.Option("--layout", metavar="UI", help="The UI to sort for, or a layout of your own.")
]
IntoOption = Annotated[
    str | None, typer.Option("--into", metavar="DIR", help="The UI's own folder, or its models folder.")
]
ModeOption = Annotated[
    SortMode,
    word_option(
        "--mode",
        SortMode,
        WordKind.MODE,
        name="mode",
        metavar="move|copy|hardlink|symlink|reflink",
        help="Whether models are moved, copied or linked.",
    ),
]
ByOption = Annotated[
    list[SortGrouping] | None,
    word_option(
        "--by",
        SortGrouping,
        WordKind.GROUPING,
        name="grouping",
        metavar="architecture|style",
        help="Make sub-folders; may be repeated, outermost first.",
    ),
]
DuplicatesOption = Annotated[
    SortDuplicates,
    word_option(
        "--duplicates",
        SortDuplicates,
        WordKind.DUPLICATES,
        name="rule for duplicates",
        metavar="leave|trash",
        help="Leave copies of what is in the target, or move them to the trash.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report.")]
