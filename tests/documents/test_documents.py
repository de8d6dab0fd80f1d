"""Documents are JSON in ASCII, with every key always there."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from modelhub.documents.document import ObjectDocument, to_text
from modelhub.documents.inspection import AnswersDocument, inspection_document
from modelhub.documents.stored import restore_detection, store_detection
from modelhub.domain import (
    Detection,
    Evidence,
    Format,
    Inspection,
    ModelType,
    SafetyReport,
    Style,
    StyleAnswer,
    TriggerWord,
    Variant,
    Verdict,
)

DETECTION = Detection(
    type=ModelType.BASE,
    architecture_candidates=("sd1", "sd2"),
    variant=Variant.PRUNED,
    has_ema=True,
    trigger_words=(TriggerWord("红裙", "dataset folder"),),
    style=StyleAnswer(Style.ANIME, 0.9),
    evidence=(Evidence("architecture", "two widths"),),
)


def inspection(path: str) -> Inspection:
    """Return the inspection of a small file."""
    return Inspection(
        path=Path(path),
        size=1,
        format=Format.SAFETENSORS,
        detection=DETECTION,
        safety=SafetyReport(Verdict.SAFE),
    )


def test_the_document_of_an_inspection_has_every_field_of_a_detection() -> None:
    """A field that is added to `Detection` is published."""
    assert {field.name for field in fields(Detection)} <= set(AnswersDocument.__struct_fields__)


def test_a_stored_detection_is_restored_as_it_was() -> None:
    """The catalog gives back what was detected."""
    assert restore_detection(json.loads(json.dumps(store_detection(DETECTION)))) == DETECTION


def test_a_stored_detection_of_another_version_is_restored() -> None:
    """Keys of a later version are ignored, keys that an earlier version lacked have their defaults."""
    assert restore_detection({"type": "vae", "later": 1}) == Detection(type=ModelType.VAE)


def test_names_that_are_not_utf8_survive_as_escapes() -> None:
    """The text is ASCII, and a program gets back the very name that Python uses for the file."""
    text = to_text([inspection_document(inspection("/models/red\udcff dress.safetensors"))])
    assert text.isascii()
    assert json.loads(text)[0]["path"] == "/models/red\udcff dress.safetensors"


def test_ascii_documents_and_others_have_the_same_form() -> None:
    """Which encoder writes a document cannot be seen from its text."""
    plain, other = (to_text(inspection_document(inspection(f"/models/{name}"))) for name in ("a", "红"))
    assert other == plain.replace("/models/a", "/models/\\u7ea2")


def test_an_object_document_states_the_version_of_the_documents() -> None:
    """A program can tell which keys to expect."""
    assert json.loads(to_text(ObjectDocument())) == {"modelhub": 1}
