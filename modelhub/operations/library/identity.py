"""Keep what is known of a content when the same bytes come again under another name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelhub.detect import rules_version
from modelhub.domain import Detection, FileRecord, Inspection, ModelType, TriggerWord

_UNIDENTIFIED = (ModelType.UNKNOWN, ModelType.OTHER)
# Where trigger words come from that are found again whenever the file is identified.
_FROM_BYTES = frozenset(
    (
        "file name", "name inside the file", "token inside the file", "modelspec.trigger_phrase", "dataset folder",
        "in nearly every caption",
    )
)  # fmt: skip
# Answers that names, sidecars and sources can give where the tensors do not.
_STATED = ("subtype", "variant", "precision", "prediction", "algorithm", "rank", "vectors")


def keep_identity(found: Inspection, held: FileRecord | None) -> Inspection:
    """Return what was found in a file, completed with what the catalog knows of the same bytes (`held`).

    A name or a source that says less makes no record poorer: what was answered by the same rules stays, and trigger
    words are added to the known ones.
    """
    if held is None or held.format is not found.format:
        return found
    return replace(found, detection=_merge(held, found.detection))


def keep_stated_words(found: Inspection, held: FileRecord) -> Inspection:
    """Return a new identification with the trigger words that a source or a sidecar stated for the same bytes."""
    stated = tuple(word for word in held.detection.trigger_words if word.source not in _FROM_BYTES)
    words = _unite(stated, found.detection.trigger_words)
    return replace(found, detection=replace(found.detection, trigger_words=words))


def _merge(held: FileRecord, now: Detection) -> Detection:
    before = held.detection
    if now.type in _UNIDENTIFIED:
        first, second = before, now
    elif before.type in _UNIDENTIFIED or held.rules_version != rules_version():
        first, second = now, before
    else:
        first, second = before, now
    fields: dict[str, Any] = {name: getattr(second, name) for name in _STATED if getattr(first, name) is None}
    if first.architecture is None and second.architecture is not None:
        fields |= {"architecture": second.architecture, "architecture_candidates": second.architecture_candidates}
        fields["evidence"] = tuple(dict.fromkeys((*first.evidence, *second.evidence)))
    return replace(
        first,
        **fields,
        trigger_words=_unite(before.trigger_words, now.trigger_words),
        style=max(before.style, now.style, key=lambda style: style.confidence),
    )


def _unite(before: tuple[TriggerWord, ...], now: tuple[TriggerWord, ...]) -> tuple[TriggerWord, ...]:
    known = {word.word for word in before}
    return (*before, *(word for word in now if word.word not in known))
