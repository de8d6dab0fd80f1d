"""Show topics of `explain`: paragraphs that fit the terminal, and examples from the library."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, print_lines, width, wrap
from modelhub.cli.screen.terminal import is_piped
from modelhub.cli.session import Session
from modelhub.cli.topics.registry import GROUPS
from modelhub.cli.topics.topic import Examples, Topic
from modelhub.language import _, translate
from modelhub.storage.copy_marks import has_copy_mark

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, ModelRow

_WIDEST = 90  # columns; longer lines are hard to read
_MOST_EXAMPLES = 3
_MOST_ROWS = 500
_WORDS = 18  # columns for the words of the list


def print_topic(session: Session, topic: Topic) -> None:
    """Print one topic on a screen of its own."""
    print_lines(color(topic.word, "1"))
    for number, paragraph in enumerate((topic.summary, *topic.more)):
        if number:
            print_lines("")
        _print_wrapped(f"  {translate(paragraph)}", indent=2)
    examples = example_names(session, topic)
    if not examples:
        return
    is_labeled = topic.examples is not None and topic.examples.is_labeled
    names = ", ".join(f"{label}: {clean(name)}" if is_labeled else clean(name) for label, name in examples.items())
    print_lines("")
    _print_wrapped(f"  {_('In your library: {names}', names=names)}", indent=2)


def print_topics() -> None:
    """Print the list of topics: the main ones with their first sentence, the others as words."""
    for group in GROUPS:
        print_lines(color(translate(group.title), "1"))
        for topic in group.topics:
            if topic.main:
                space = " " * max(1, _WORDS - width(topic.word))
                _print_wrapped(f"  {topic.word}{space}{translate(topic.summary)}", indent=_WORDS + 2)
        others = ", ".join(topic.word for topic in group.topics if not topic.main)
        _print_wrapped(f"  {_('Also: {words}', words=others)}", indent=4)
        print_lines("")
    print_lines(_("More about one: modelhub explain lora"))


def _print_wrapped(text: str, *, indent: int) -> None:
    """Print a text in lines of the terminal's width; on a pipe in one line, unless COLUMNS sets a width."""
    if is_piped() and not os.environ.get("COLUMNS"):
        print_lines(text)
        return
    columns = min(_WIDEST, max(20, shutil.get_terminal_size((_WIDEST, 24)).columns))
    print_lines("\n".join(wrap(text, columns, indent)))


def example_names(session: Session, topic: Topic) -> dict[str, str]:
    """Return up to three models that really are examples, by a label; of several queries one each, by their value.

    Empty without a catalog, and where the library has no example.
    """
    if topic.examples is None or not session.has_catalog:
        return {}
    found: dict[str, str] = {}
    for text in topic.examples.queries:
        rows = _rows(session.catalog, text, topic.examples)
        if topic.examples.is_labeled:
            first = next(iter(rows), None)
            if first is not None:
                found[text.partition(" ")[0].partition(":")[2]] = first.name
        else:
            found |= {str(row.id): row.name for row in rows}
    return found if topic.examples.is_labeled else dict(list(found.items())[:_MOST_EXAMPLES])


def _rows(catalog: Catalog, text: str, examples: Examples) -> Iterator[ModelRow]:
    from modelhub.catalog import ModelQuery
    from modelhub.catalog.query_parser import parse_query

    query = parse_query(text)
    rows: Iterable[ModelRow] = catalog.list(ModelQuery(terms=query.terms, limit=_MOST_ROWS))
    families = [str(term.value) for term in query.terms if term.field == "arch"]
    for row in rows:
        if examples.usable and (not row.is_usable or has_copy_mark(row.name)):
            continue
        if families and (row.architecture or "/".join(row.architecture_candidates)) not in families:
            continue
        if examples.suffix and (row.path is None or row.path.suffix.lower() != examples.suffix):
            continue
        if examples.negative and not _is_negative(row):
            continue
        yield row


def _is_negative(row: ModelRow) -> bool:
    from modelhub.detect.negative_words import is_negative_word  # loads the detection rules

    return is_negative_word([row.name, *row.trigger_words])
