"""The words for values: every value that a view shows has one, and a user may type what is shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from modelhub.cli.labels import VALUE_LABELS, label
from modelhub.domain import LocationState, ModelType, Style, Verdict
from modelhub.language import LANGUAGES, use_language
from modelhub.operations import sort
from modelhub.operations.library.path_results import PathStatus
from modelhub.operations.library.verify import Health
from modelhub.operations.remote.enrich import EnrichStatus
from modelhub.operations.remote.import_manifest import ImportStatus
from modelhub.render.verdicts import RenderVerdict
from modelhub.words import WordKind, canonical, rows_of

# What is shown of these kinds may be typed: in queries, with `set`, in options.
TYPED = (
    WordKind.TYPE,
    WordKind.STYLE,
    WordKind.VARIANT,
    WordKind.PRECISION,
    WordKind.STATE,
    WordKind.VERDICT,
    WordKind.RENDERED,
)
SHOWN = (
    *(ModelType, Style, LocationState, Verdict, RenderVerdict),
    *(PathStatus, Health, EnrichStatus, ImportStatus),
)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """A language of modelhub, in use."""
    use_language(request.param)
    yield request.param
    use_language("en")


@pytest.mark.parametrize("values", SHOWN, ids=lambda values: values.__name__)
def test_every_value_has_a_label(values: type[str]) -> None:
    """No type, style, state, verdict or result is shown in English beside translated ones."""
    assert {str(value) for value in values} <= {*VALUE_LABELS}  # type: ignore[attr-defined]


def _reasons() -> Iterator[str]:
    """Yield every reason to leave a file in place that the code of `sort` states, and the verdicts."""
    for path in Path(sort.__path__[0]).glob("*.py"):
        module = import_module(f"modelhub.operations.sort.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.keyword(arg="reason", value=ast.Constant(value=str() as text)):
                    yield text
                case ast.keyword(arg="reason", value=ast.Name(id=name)) if name.isupper():
                    yield getattr(module, name)


def test_every_reason_to_leave_a_file_in_place_has_a_label() -> None:
    """No reason is shown in English beside translated ones."""
    reasons = {*_reasons()}
    assert {"duplicate", "not a model", "passed over"} <= reasons
    assert reasons <= {*VALUE_LABELS}


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("kind", TYPED)
def test_a_label_means_its_value(kind: WordKind) -> None:
    """Whoever types the word that modelhub shows is understood."""
    shown = {row.value: label(row.value) for row in rows_of(kind) if row.value in VALUE_LABELS}
    assert shown
    assert {value: canonical(kind, word) for value, word in shown.items()} == {value: value for value in shown}
