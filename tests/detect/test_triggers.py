"""Trigger words: sources, order, and metadata that lies."""

from __future__ import annotations

import json

import pytest

from modelhub.detect import detect
from modelhub.detect.hints import Hints
from modelhub.domain import TriggerWord
from tests.detect.layouts import SD1, header, kohya_lora

_LORA = kohya_lora(SD1)


def _words(metadata: dict[str, str], hints: Hints | None = None) -> list[tuple[str, str]]:
    found = detect(header(_LORA, metadata=metadata), hints or Hints())
    return [(w.word, w.source) for w in found.trigger_words]


def test_sources_come_strongest_first() -> None:
    """ModelSpec, then the source's list, then the training folders."""
    metadata = {
        "modelspec.trigger_phrase": "mychar, red scarf",
        "ss_dataset_dirs": json.dumps({"10_folderword": {"n_repeats": 10, "img_count": 20}}),
    }
    words = _words(metadata, Hints(trigger_words=(TriggerWord("cvword", "civitai"),)))
    assert [w for w, _ in words] == ["mychar", "red scarf", "cvword", "folderword"]


def test_a_tag_of_every_caption_is_a_trigger_word_and_a_common_one_is_not() -> None:
    """Tags that describe any picture are left out."""
    tags = {"mychar": 20, "1girl": 20, "hat": 5}
    words = _words({"ss_tag_frequency": json.dumps({"5_img": tags})})
    assert ("mychar", "in nearly every caption") in words
    assert not {"1girl", "hat"} & {w for w, _ in words}


def test_a_repeated_word_is_listed_once() -> None:
    """The strongest source keeps it."""
    words = _words({"modelspec.trigger_phrase": "MyChar", "ss_dataset_dirs": '{"3_mychar": {}}'})
    assert words == [("MyChar", "modelspec.trigger_phrase")]


@pytest.mark.parametrize(
    "text", ["", "null", "[1, 2]", '{"a": 1}', '{"a": {"b": "c"}}', "{" * 100_000, '{"5_": {"x": true}}']
)
def test_hostile_caption_records_are_survived(text: str) -> None:
    """Anything may stand in a metadata field."""
    assert _words({"ss_tag_frequency": text, "ss_dataset_dirs": text}) == []


def test_an_embeddings_word_is_its_files_stem_then_its_inner_name() -> None:
    """A1111 and ComfyUI call it by the file's name."""
    shapes = {"string_to_param.*": (8, 768)}
    found = detect(header(shapes, entries={"name": "inner"}), Hints(names=("Easy.Negative.pt",)))
    assert [w.word for w in found.trigger_words] == ["Easy.Negative", "inner"]


def test_a_copy_is_called_by_the_name_of_its_original() -> None:
    """A system's mark, such as `(1)`, is not a part of the word."""
    shapes = {"string_to_param.*": (8, 768)}
    for name in ("EasyNegative (1).pt", "EasyNegative - 副本.pt", "EasyNegative - Copy (2).pt"):
        found = detect(header(shapes, entries={"name": "EasyNegative"}), Hints(names=(name,)))
        assert [w.word for w in found.trigger_words] == ["EasyNegative"]


@pytest.mark.parametrize(
    "inner", ["object: os.system", "['os.system', 'x']", "{'os': 'system'}", "True", "None", "rm\x1b[2J", "a\x00b"]
)
def test_what_is_not_a_name_is_not_an_embeddings_word(inner: str) -> None:
    """Code, containers and control characters in the place of the name are left out."""
    found = detect(header({"string_to_param.*": (8, 768)}, entries={"name": inner}), Hints(names=("x.pt",)))
    assert [w.word for w in found.trigger_words] == ["x"]


def test_a_long_word_ends_with_a_whole_part() -> None:
    """A word that is cut in its middle would activate nothing; one without an end that can be typed is left out."""
    words = (TriggerWord(", ".join(["mychar"] * 100), "civitai"), TriggerWord("x" * 5000, "civitai"))
    (found,) = _words({}, Hints(trigger_words=words))
    assert set(found[0].split(", ")) == {"mychar"}
    assert len(found[0]) <= 200


def test_a_word_has_no_invisible_characters() -> None:
    """A zero-width space copied from a page would make it another word."""
    words = (TriggerWord("my\u200bchar\ufeff", "civitai"), TriggerWord("\x1b[31mred", "civitai"))
    assert _words({}, Hints(trigger_words=words)) == [("mychar", "civitai")]
