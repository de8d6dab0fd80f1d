"""The table of words: every row names a value that exists, and no word means two values of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from modelhub.catalog.query_fields import FIELDS, SORTS
from modelhub.cli.topics.registry import TOPICS
from modelhub.domain import Format, LocationState, ModelType, Style, Variant, Verdict
from modelhub.fetch.choice.criteria import Purpose
from modelhub.fetch.sources.registry import rows as sources
from modelhub.operations.convert.options import VARIANTS
from modelhub.operations.library.selection import _known_values
from modelhub.operations.library.user_fields import FIELDS as USER_FIELDS
from modelhub.operations.sort.enums import SortDuplicates, SortGrouping, SortMode
from modelhub.uis.library import LIBRARY
from modelhub.uis.registry import BUILT_IN
from modelhub.words import WordKind, canonical, fold, nearest_word, rows_of, same_word, synonyms
from modelhub.words.row import Row

VALUES: dict[WordKind, Iterable[str]] = {
    WordKind.TYPE: ModelType,
    WordKind.STYLE: Style,
    WordKind.ARCHITECTURE: {*_known_values("arch"), "unknown"},
    WordKind.VARIANT: (*Variant, "unknown"),
    WordKind.WEIGHT_SET: VARIANTS,
    WordKind.PRECISION: {*_known_values("precision"), "unknown"},
    WordKind.FORMAT: Format,
    WordKind.VERDICT: Verdict,
    WordKind.COMPONENT: FIELDS["has"].values,
    WordKind.STATE: LocationState,
    WordKind.RENDERED: FIELDS["rendered"].values,
    WordKind.YES_NO: ("yes", "no"),
    WordKind.SOURCE: (*(row.kind for row in sources()), "local"),
    WordKind.FIELD: (*FIELDS, "sort"),
    WordKind.USER_FIELD: USER_FIELDS,
    WordKind.PREDICTION: USER_FIELDS["prediction"],
    WordKind.SORT: SORTS,
    WordKind.UI: (*(ui.name for ui in BUILT_IN), LIBRARY.name),
    WordKind.PURPOSE: Purpose,
    WordKind.MODE: SortMode,
    WordKind.DUPLICATES: SortDuplicates,
    WordKind.GROUPING: SortGrouping,
    WordKind.DEVICE: ("auto", "cpu", "cuda", "mps"),
}


def words_of(row: Row) -> tuple[str, ...]:
    """Return every word that means the value of a row."""
    return (row.value, *row.english, *row.chinese)


@pytest.mark.parametrize("kind", VALUES)
def test_every_row_names_a_value_and_every_value_has_a_row(kind: WordKind) -> None:
    """The table and the enums or registries that own the values agree."""
    assert {row.value for row in rows_of(kind)} == {str(value) for value in VALUES[kind]}


def test_topics_that_have_words_can_be_explained() -> None:
    """No word leads to a topic that `explain` does not have."""
    assert {row.value for row in rows_of(WordKind.TOPIC)} <= {topic.word for topic in TOPICS}


@pytest.mark.parametrize("kind", WordKind)
def test_no_word_means_two_values_of_one_kind(kind: WordKind) -> None:
    """No word is ambiguous or written twice, however it is spelled, and none is accepted and only suggested at once."""
    counts = Counter(fold(word) for row in rows_of(kind) for word in (*words_of(row), *row.related))
    assert not {word: count for word, count in counts.items() if count > 1}


@pytest.mark.parametrize("kind", WordKind)
def test_every_word_of_the_table_means_its_value(kind: WordKind) -> None:
    """Each word is found as it is written, in capitals and with other separators."""
    for row in rows_of(kind):
        for word in words_of(row):
            assert canonical(kind, word) == row.value
            assert canonical(kind, f" {word.upper().replace(' ', '_')} ") == row.value


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        (WordKind.TYPE, "底模", "base"),
        (WordKind.TYPE, "ＬＯＲＡ", "lora"),
        (WordKind.TYPE, "textual-inversion", "embedding"),
        (WordKind.TYPE, "LoRA 模型", "lora"),
        (WordKind.TYPE, "checkpoints", "base"),
        (WordKind.TYPE, "VAE models", "vae"),
        (WordKind.TYPE, "放大模型", "upscaler"),
        (WordKind.STYLE, "2.5D", "2.5d"),
        (WordKind.STYLE, "25d", "2.5d"),
        (WordKind.STYLE, "动漫", "anime"),
        (WordKind.ARCHITECTURE, "SD 1.5", "sd1"),
        (WordKind.ARCHITECTURE, "v1-5", "sd1"),
        (WordKind.ARCHITECTURE, "Stable Diffusion 2.1", "sd2"),
        (WordKind.ARCHITECTURE, "Flux.1 D", "flux"),
        (WordKind.VARIANT, "ema-only", "pruned-emaonly"),
        (WordKind.PRECISION, "半精度", "fp16"),
        (WordKind.UI, "秋叶整合包", "a1111"),
        (WordKind.TOPIC, "Textual Inversion", "embedding"),
        (WordKind.TOPIC, "超网络", "hypernetwork"),
    ],
)
def test_words_are_found_however_they_are_spelled(kind: WordKind, word: str, value: str) -> None:
    """Case, width, separators, plurals and "models" behind a type do not matter."""
    assert canonical(kind, word) == value


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        (WordKind.TYPE, "hypernetwrok", "hypernetwork"),
        (WordKind.TYPE, "大模形", "base"),
        (WordKind.TYPE, "底魔", "base"),
        (WordKind.ARCHITECTURE, "pony", "sdxl"),
        (WordKind.STYLE, "国风", "2.5d"),
        (WordKind.TYPE, "小模型", "lora"),
        (WordKind.STYLE, "ani", "anime"),
    ],
)
def test_a_word_that_means_nothing_leads_to_the_nearest_value(kind: WordKind, word: str, value: str) -> None:
    """Mistyped, shortened and related words are suggested, never accepted."""
    assert canonical(kind, word) is None
    assert nearest_word(kind, word) == value


@pytest.mark.parametrize("word", ["", "zzzz", "鱼", "s"])
def test_a_word_that_is_like_nothing_has_no_answer(word: str) -> None:
    """No word is better than a wrong one."""
    assert canonical(WordKind.TYPE, word) is None
    assert nearest_word(WordKind.TYPE, word) is None


def test_only_valid_choices_are_suggested() -> None:
    """A command that takes a few types suggests one of these."""
    assert nearest_word(WordKind.TYPE, "controlnett", choices=("base", "vae")) is None


def test_a_choice_without_synonyms_is_found_however_it_is_spelled() -> None:
    """Choices that have no row are compared in the same way."""
    assert same_word("DPM++ 2M", ("ddim", "dpm++-2m")) == "dpm++-2m"
    assert same_word("dpm", ("ddim", "dpm++-2m")) is None


def test_the_synonyms_of_a_value_can_be_listed() -> None:
    """An explanation can name what else a thing is called."""
    assert "textual inversion" in synonyms(WordKind.TYPE, "embedding")
    assert synonyms(WordKind.TYPE, "nothing") == ()
