"""Words that are chosen from a list, however they are spelled and by their synonyms."""

from __future__ import annotations

import pytest

from modelhub.choices import find_choice, invalid_word, member, nearest
from modelhub.domain import ModelType
from modelhub.errors import UsageError
from modelhub.operations.convert.options import ConversionOptions
from modelhub.operations.render.options import RenderTestType
from modelhub.words import WordKind


@pytest.mark.parametrize(
    ("word", "found"), [("LORA", "lora"), ("底模", "base"), ("t2i_adapter", "t2i-adapter"), ("鱼", None), ("", None)]
)
def test_a_choice_is_found_by_every_word_for_it(word: str, found: str | None) -> None:
    """Another word, and an empty one, is not a choice."""
    assert find_choice(word, ModelType, WordKind.TYPE) == found


def test_a_word_for_a_value_that_is_not_offered_is_refused() -> None:
    """`controlnet` is a type, but none that can be render-tested; the error names those that can."""
    with pytest.raises(UsageError, match="`控制网` is not a valid type") as caught:
        member(RenderTestType, "控制网", name="type", words=WordKind.TYPE)
    assert caught.value.remedy.text == "Choose one of: base, vae, lora, embedding, hypernetwork."


def test_the_nearest_word_is_stated_with_the_word_that_was_given() -> None:
    """So that a front end can put it into the command."""
    refused = invalid_word("lroa", "type", ModelType, WordKind.TYPE)
    for remedy in (nearest("lroa", ModelType, words=WordKind.TYPE), refused.remedy):
        assert remedy.text == "Did you mean `lora`?"
        assert (remedy.key, dict(remedy.values)) == ("near-word", {"word": "lroa", "near": "lora"})


def test_choices_without_synonyms_have_a_nearest_one_too() -> None:
    """Plug-ins bring names that have no row."""
    assert invalid_word("mennu", "target", ["menu", "desktop"]).remedy.text == "Did you mean `menu`?"
    assert nearest("mylayot", ["mylayout", "a1111"], words=WordKind.UI).text == "Did you mean `mylayout`?"


def test_a_conversion_takes_the_words_that_people_use() -> None:
    """The options hold the stored values, which name the new file."""
    options = ConversionOptions(precision="half", variant="pruned-emaonly")
    assert (options.precision, options.variant) == ("fp16", "emaonly")
    with pytest.raises(UsageError, match="`full` is not a valid variant"):
        ConversionOptions(variant="full")
