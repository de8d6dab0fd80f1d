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


def test_a_repeated_word_is_said_once() -> None:
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
