"""The models of a library as one page: cards with filters, counted and searched in the browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhub.language import _, translate
from modelhub.pages import labels
from modelhub.pages.environment import render_page
from modelhub.quantities import format_size
from modelhub.words import WordKind, synonyms

_SAFETY_LEVELS = {"safe": "quiet", "safe-legacy": "quiet", "dangerous": "bad"}
_STATE_LEVELS = {"present": "quiet", "broken": "bad"}


@dataclass(frozen=True, kw_only=True)
class PromptLine:
    """A text to paste into a prompt, and the UIs that take it."""

    text: str
    uis: str


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model of the page. `size` in bytes; `architectures`: those that fit, empty when none is known.

    `state`: "present", "missing", "unavailable" or "broken"; `test`: the verdict of the last render test, "" without
    one, `test_level` "good", "mind" or "bad", `test_words` its sentence. `shown_path`: the path within its folder.
    `advice`: sentences about its use. `picture`: a data URI, or "".
    """

    name: str
    type: str
    size: int
    architectures: tuple[str, ...] = ()
    style: str = "unknown"
    variant: str = ""
    precision: str = ""
    trigger_words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    safety: str = "safe"
    state: str = "present"
    test: str = ""
    test_level: str = "quiet"
    test_words: str = ""
    prompts: tuple[PromptLine, ...] = ()
    advice: tuple[str, ...] = ()
    path: Path | None = None
    shown_path: str = ""
    added_at: str = ""
    picture: str = ""


@dataclass(frozen=True, kw_only=True)
class LibraryPage:
    """A page. `query`: the words and terms that chose its models, "" for all of them; `written_at`: ISO 8601.

    `pictures_left_out`: the pictures that did not fit into the page.
    """

    models: tuple[ModelCard, ...]
    written_at: str
    query: str = ""
    pictures_left_out: int = 0


def _quiet(_card: ModelCard) -> str:
    return "quiet"


def _safety_level(card: ModelCard) -> str:
    return _SAFETY_LEVELS.get(card.safety, "mind")


def _state_level(card: ModelCard) -> str:
    return _STATE_LEVELS.get(card.state, "mind")


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A property to filter by: its heading, its values of a card with their labels, and the card's level by them.

    `kind`: where other words for a value are, by which the page is searched as well; None where they would find too
    much, as "base" does as a word for SDXL.
    """

    key: str
    heading: str
    values: Callable[[ModelCard], tuple[str, ...]]
    labels: Mapping[str, str]
    kind: WordKind | None = None
    level: Callable[[ModelCard], str] = _quiet

    def label(self, value: str) -> str:
        """Return the words for a value in the language in use."""
        return labels.show_value(value, self.labels)


def _facets() -> tuple[Facet, ...]:
    """Return the properties to filter by, in the language in use."""
    return (
        Facet(
            key="type",
            heading=_("Type"),
            values=lambda card: (card.type,),
            labels=labels.type_labels(),
            kind=WordKind.TYPE,
        ),
        Facet(
            key="architecture",
            heading=_("Architecture"),
            values=lambda card: card.architectures or ("",),
            labels=labels.architecture_labels(),
        ),
        Facet(
            key="style",
            heading=_("Style"),
            values=lambda card: (card.style,),
            labels=labels.style_labels(),
            kind=WordKind.STYLE,
        ),
        Facet(
            key="verdict",
            heading=_("Safety"),
            values=lambda card: (card.safety,),
            labels=labels.safety_labels(),
            kind=WordKind.VERDICT,
            level=_safety_level,
        ),
        Facet(
            key="rendered",
            heading=_("Render test"),
            values=lambda card: (card.test,),
            labels=labels.test_labels(),
            level=lambda card: card.test_level,
        ),
        Facet(
            key="file",
            heading=_("File"),
            values=lambda card: (card.state,),
            labels=labels.state_labels(),
            level=_state_level,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class FilterValue:
    """A value to filter by: its mark in the cards, its label, how many cards have it, and other words for it."""

    mark: str
    label: str
    level: str
    count: int
    other_words: str


@dataclass(frozen=True, kw_only=True)
class FilterGroup:
    """The values of one facet, the most frequent first."""

    key: str
    heading: str
    values: tuple[FilterValue, ...]


@dataclass(frozen=True, kw_only=True)
class ShownCard:
    """A card with the marks of its values, and with its words in the page's language."""

    model: ModelCard
    marks: str
    type: str
    style: str
    facts: tuple[str, ...]
    chips: tuple[tuple[str, str], ...]
    trigger_words: tuple[str, ...]
    advice: tuple[str, ...]
    notes: tuple[str, ...]


def render_library(page: LibraryPage) -> str:
    """Return the page as HTML."""
    facets = {facet.key: facet for facet in _facets()}
    groups = [_group(facet, page.models) for facet in facets.values()]
    marks = {
        facet.key: {value: shown.mark for value, shown in group}
        for facet, group in zip(facets.values(), groups, strict=True)
    }
    notes = labels.safety_notes()
    return render_page(
        "library.html",
        assets=("library",),
        page=page,
        size=sum(card.size for card in page.models),
        groups=[
            FilterGroup(key=facet.key, heading=facet.heading, values=tuple(shown for _value, shown in group))
            for facet, group in zip(facets.values(), groups, strict=True)
        ],
        cards=(_shown(card, facets, marks, notes) for card in page.models),
    )


def _group(facet: Facet, models: Sequence[ModelCard]) -> list[tuple[str, FilterValue]]:
    """Return each value as the page shows it, the most frequent first.

    A mark is made of the facet's name and a number: no text of a file becomes a part of what the script looks for.
    """
    counts = Counter(value for card in models for value in facet.values(card))
    levels = {value: facet.level(card) for card in models for value in facet.values(card)}
    ordered = sorted(counts, key=lambda value: (-counts[value], value))
    return [
        (
            value,
            FilterValue(
                mark=f"{facet.key[:2]}{number}",
                label=facet.label(value),
                level=levels[value],
                count=counts[value],
                other_words=" ".join((value, *(synonyms(facet.kind, value) if facet.kind else ()))),
            ),
        )
        for number, value in enumerate(ordered)
    ]


def _shown(
    card: ModelCard, facets: Mapping[str, Facet], marks: Mapping[str, Mapping[str, str]], notes: Mapping[str, str]
) -> ShownCard:
    found = (marks[key][value] for key, facet in facets.items() for value in facet.values(card))
    chips = list(_chips(card, facets))
    # Verdicts that are as they should be are among the facts, not chips.
    quiet = [label for level, label in chips if level == "quiet"]
    pasted = {line.text for line in card.prompts}
    warnings = (notes.get(card.safety, ""), "" if card.test_level == "good" else translate(card.test_words))
    return ShownCard(
        model=card,
        marks=" ".join(found),
        type=facets["type"].label(card.type),
        style="" if card.style == "unknown" else facets["style"].label(card.style),
        facts=tuple(fact for fact in (card.variant, card.precision, format_size(card.size), *quiet) if fact),
        chips=tuple(chip for chip in chips if chip[0] != "quiet"),
        # An embedding is its own trigger word, which the line to paste has already.
        trigger_words=tuple(word for word in card.trigger_words if word not in pasted),
        advice=tuple(translate(sentence) for sentence in card.advice),
        notes=tuple(note for note in warnings if note),
    )


def _chips(card: ModelCard, facets: Mapping[str, Facet]) -> Iterator[tuple[str, str]]:
    """Yield the verdicts of a card as level and words, what must be seen first."""
    if card.state != "present":
        yield _state_level(card), facets["file"].label(card.state)
    if card.test:
        yield card.test_level, facets["rendered"].label(card.test)
    # A broken file is not readable as well: one word is enough.
    if not (card.state == "broken" and card.safety == "unrecognised"):
        yield _safety_level(card), facets["verdict"].label(card.safety)
