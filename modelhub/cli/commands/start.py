"""The start page, printed by `modelhub` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, count_sentence, print_json
from modelhub.cli.session import Session
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import Counts

_FIRST_STEPS = (
    ("modelhub add FOLDER", "add the models you have, where they are"),
    ("modelhub pull runwayml/stable-diffusion-v1-5", "download one, verified"),
    ("modelhub explain", "the terms in plain words"),
)
_NEXT_STEPS = (
    ("modelhub list --type lora", "the LoRAs of the library"),
    ("modelhub show NAME", "everything about one, and how to use it"),
    ("modelhub render-test", "test the models by rendering"),
)


def start(session: Session) -> None:
    """Print the counts, what needs attention, and three next commands."""
    if not session.has_catalog:
        if session.json:
            _print_document(session, None, {})
            return
        print(f"The catalog has no models yet. The library will be in {clean(str(session.settings.library))}.\n")
        _steps(_FIRST_STEPS)
        return
    counts = session.catalog.counts()
    rows = [*_attention(counts.by_state, counts.by_verdict, counts.broken), _not_working(session)]
    attention = {name: count for name, count in rows if count}
    if session.json:
        _print_document(session, counts, attention)
        return
    models = color(count_sentence(counts.models, "{count} model", "{count} models"), "1")
    print(f"{models}, {format_size(counts.size)}, library {clean(str(session.settings.library))}")
    for name, count in sorted(counts.by_type.items(), key=lambda item: -item[1]):
        print(f"  {count:>6}  {name}")
    if attention:
        print("\nNeeds attention")
        for name, count in attention.items():
            print(f"  {count:>6}  {name}")
    print()
    _steps(_NEXT_STEPS if counts.models else _FIRST_STEPS)


def _print_document(session: Session, counts: Counts | None, attention: Mapping[str, int]) -> None:
    from modelhub.documents.library import StartDocument

    print_json(
        StartDocument(
            models=counts.models if counts else 0,
            size=counts.size if counts else 0,
            by_type=counts.by_type if counts else {},
            attention=attention,
            library=str(session.settings.library),
        )
    )


def _attention(by_state: Mapping[str, int], by_verdict: Mapping[str, int], broken: int) -> list[tuple[str, int]]:
    return [
        ("dangerous, not to be loaded (modelhub list verdict:dangerous)", by_verdict.get("dangerous", 0)),
        ("suspicious or unrecognised", by_verdict.get("suspicious", 0) + by_verdict.get("unrecognised", 0)),
        ("broken (modelhub list broken:yes)", broken),
        ("missing (modelhub list --missing)", by_state.get("missing", 0)),
        ("on a drive that is out of reach", by_state.get("unavailable", 0)),
    ]


def _not_working(session: Session) -> tuple[str, int]:
    from modelhub.render.verdicts import is_good

    runs = session.catalog.last_render_runs().values()
    bad = sum(1 for run in runs if not is_good(run.verdict) and run.verdict != "not-tested")
    return "do not work (modelhub render-test --failed)", bad


def _steps(steps: tuple[tuple[str, str], ...]) -> None:
    for command, text in steps:
        print(f"  {command:<46} {text}")
