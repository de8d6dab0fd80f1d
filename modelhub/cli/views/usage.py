"""Show how to use a model: the words, what to paste into a prompt, the base and the VAE, what fits it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, width
from modelhub.language import _, translate

if TYPE_CHECKING:
    from modelhub.catalog import Catalog
    from modelhub.domain import ModelRecord
    from modelhub.operations.library.advice import AdviceLine

LABEL_WIDTH = 14  # columns; the longest is "A1111 / Forge", and a SHA-256 fits behind it on 80
_MOST_PULLED = 2  # models of one pull whose use is shown at once
INDENT = LABEL_WIDTH + 2  # of what follows the first line of a wrapped text


def usage_lines(advice: Iterable[AdviceLine]) -> list[str]:
    """Return the advice, a line each, with what it is about in front; a label is not repeated."""
    from modelhub.operations.library.advice import AdviceTopic

    lines, before = [], ""
    for line in advice:
        label = _label(line)
        text = clean(line.text if line.ui else translate(line.text))
        if line.topic is AdviceTopic.PLACE:
            text = f"{text}  ({line.ui})"
        elif line.topic is AdviceTopic.PROMPT:
            text = color(text, "1")
        elif line.topic is AdviceTopic.WARNING:
            text = color(text, "31;1")
        lines.append(f"  {padded_label('' if label == before else label)}{text}")
        before = label
    return lines


def _label(line: AdviceLine) -> str:
    from modelhub.operations.library.advice import AdviceTopic

    labels = {
        AdviceTopic.WARNING: _("warning"),
        AdviceTopic.WORDS: _("words"),
        AdviceTopic.PROMPT: line.ui,
        AdviceTopic.LOADING: _("loading"),
        AdviceTopic.BASE: _("base"),
        AdviceTopic.VAE: _("VAE"),
        AdviceTopic.FITTING: _("fits it"),
        AdviceTopic.VARIANT: _("weights"),
        AdviceTopic.PLACE: _("place in"),
    }
    return labels[line.topic]


def padded_label(label: str) -> str:
    """Return a label in its column."""
    return color(label, "2") + " " * max(1, LABEL_WIDTH - width(label)) if label else " " * LABEL_WIDTH


def pulled_usage_lines(records: Sequence[ModelRecord], catalog: Catalog) -> list[str]:
    """Return how to use the models that were just pulled: each of a few, else the command that shows it."""
    if len(records) > _MOST_PULLED:
        return [_("How to use each of them: `modelhub show NAME`.")]
    return [line for record in records for line in _lines_of_pulled(record, catalog, named=len(records) > 1)]


def _lines_of_pulled(record: ModelRecord, catalog: Catalog, *, named: bool) -> list[str]:
    from modelhub.operations.library.advice import AdviceTopic, how_to_use

    left_out = (AdviceTopic.PLACE, AdviceTopic.VARIANT, AdviceTopic.WARNING)
    advice = [line for line in how_to_use(record, catalog=catalog) if line.topic not in left_out]
    if not advice:
        return []
    title = _("How to use {name}", name=clean(record.name)) if named else _("How to use it")
    text = _("`modelhub link` points a UI at the library; `modelhub sort` moves models into a UI's own folders.")
    link = f"  {padded_label(_('place in'))}{text}"
    return [color(title, "1"), *usage_lines(advice), link]
