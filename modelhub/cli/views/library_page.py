"""Write the page of `list --report`, and print where it is and how to open it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, print_lines
from modelhub.errors import UsageError
from modelhub.language import _, plural
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import ModelQuery
    from modelhub.cli.session import Session
    from modelhub.operations.library_page import LibraryPageResult


def write_page(session: Session, query: ModelQuery, target: Path, *, shown_query: str, duplicates: bool) -> None:
    """Write the page of the models that match. Without one nothing is written, and the next step is printed."""
    from modelhub.cli.views.models import print_models
    from modelhub.operations.library_page import write_library_page

    if duplicates:
        raise UsageError("`--report` cannot be combined with `--duplicates`.")
    records = session.catalog.records(query)
    if not records:
        print_models([], session.catalog, query=query)
        return
    result = write_library_page(
        target.absolute(),
        records,
        catalog=session.catalog,
        library=session.settings.library,
        query=shown_query,
        progress=session.progress,
    )
    # The answer for programs is the JSON; the sentences are for the person then.
    print_lines(map(clean, _sentences(result)), indent=0, error=session.json)
    print_lines(map(clean, _remarks(result)), indent=0, error=True)


def _sentences(result: LibraryPageResult) -> list[str]:
    size = format_size(result.size)
    return [
        plural(
            result.models,
            "Wrote a page of {count:,} model to {path} ({size}).",
            "Wrote a page of {count:,} models to {path} ({size}).",
            path=result.path,
            size=size,
        ),
        _("Open it with a double click, or in a browser: {address}", address=result.path.as_uri()),
    ]


def _remarks(result: LibraryPageResult) -> list[str]:
    if not result.left_out:
        return []
    if not result.has_pillow:
        return [
            plural(
                result.left_out,
                "{count:,} large picture is left out; to make it fit, install Pillow with `pip install pillow`.",
                "{count:,} large pictures are left out; to make them fit, install Pillow with `pip install pillow`.",
            )
        ]
    return [
        plural(
            result.left_out,
            "{count:,} picture is left out, to keep the page small; name fewer models, such as `type:lora`.",
            "{count:,} pictures are left out, to keep the page small; name fewer models, such as `type:lora`.",
        )
    ]
