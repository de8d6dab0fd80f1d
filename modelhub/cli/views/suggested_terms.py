"""Name the terms that the words of an empty search may have been meant as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, print_lines
from modelhub.cli.quoting import quote_argument
from modelhub.language import _

if TYPE_CHECKING:
    from modelhub.catalog import Catalog


def suggest_command(command: str, words: Sequence[str], catalog: Catalog) -> None:
    """Print the command with terms in place of the words, where some mean a value and the terms find a model."""
    from modelhub.operations.library.selection import query_from_arguments
    from modelhub.operations.library.term_suggestions import suggest_terms

    terms = suggest_terms(words)
    if terms is None or not catalog.ids(query_from_arguments(terms, catalog=catalog)):
        return
    line = clean(" ".join(("modelhub", command, *map(quote_argument, terms))))
    print_lines(_("Did you mean `{command}`?", command=line), error=True)
