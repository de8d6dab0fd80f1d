"""Sidecars of other tools."""

from __future__ import annotations

import json

import pytest

from modelhub.detect import SidecarInfo, parse_sidecar


def test_a1111s_json_gives_activation_text_and_weight() -> None:
    """The keys that A1111's editor writes."""
    text = {
        "activation text": "mychar, hat",
        "preferred weight": 0.7,
        "sd version": "SD1",
        "notes": "n",
        "negative text": "bad",
    }
    found = parse_sidecar("m.json", json.dumps(text).encode())
    assert [w.word for w in found.trigger_words] == ["mychar", "hat"]
    assert (found.preferred_weight, found.base_model, found.notes, found.negative_text) == (0.7, "SD1", "n", "bad")


def test_civitai_helpers_info_gives_trained_words_and_hash() -> None:
    """A model version as civitai.com's API answers it."""
    sha256 = "ab" * 32
    text = {
        "trainedWords": ["国风", "style"],
        "baseModel": "SD 1.5",
        "model": {"name": "GuoFeng3", "tags": ["anime"]},
        "files": [],
        "hashes": {"SHA256": sha256.upper()},
    }
    found = parse_sidecar("国风.civitai.info", json.dumps(text, ensure_ascii=False).encode())
    assert [w.word for w in found.trigger_words] == ["国风", "style"]
    assert (found.name, found.tags, found.base_model, found.sha256) == ("GuoFeng3", ("anime",), "SD 1.5", sha256)


def test_lora_managers_metadata_looks_inside_its_civitai_part() -> None:
    """Words of the version are one level down."""
    text = {"model_name": "M", "sha256": "cd" * 32, "civitai": {"trainedWords": ["w"]}, "tags": ["x"]}
    found = parse_sidecar("m.metadata.json", json.dumps(text).encode())
    assert ([w.word for w in found.trigger_words], found.name, found.tags) == (["w"], "M", ("x",))


def test_stability_matrix_spells_its_keys_with_capitals() -> None:
    """cm-info.json."""
    text = {"ModelName": "M", "TrainedWords": ["w"], "BaseModel": "SDXL 1.0", "Tags": ["t"]}
    found = parse_sidecar("m.cm-info.json", json.dumps(text).encode())
    assert ([w.word for w in found.trigger_words], found.base_model, found.tags) == (["w"], "SDXL 1.0", ("t",))


def test_a_text_file_is_notes() -> None:
    """People write what they like."""
    assert parse_sidecar("m.txt", "use at 0.6 \u597d".encode()).notes == "use at 0.6 \u597d"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", b"[]", b"null", b"{", b"[" * 200_000, b'{"trainedWords": {"a": 1}, "model": [], "tags": 3}',
     b'{"activation text": 5, "preferred weight": "x", "hashes": []}'],
)  # fmt: skip
def test_nonsense_says_nothing(data: bytes) -> None:
    """Whatever is in the file, parsing it never fails."""
    assert parse_sidecar("m.json", data) == SidecarInfo()
