"""Advise how to use a model, from what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from modelhub.catalog import Catalog, ModelQuery, Term
from modelhub.domain import HARMLESS, Detection, LocationState, ModelRecord, ModelType, Variant, Verdict
from modelhub.uis.registry import all_uis
from modelhub.uis.ui import UI

_NEEDS_BASE = {ModelType.VAE, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK, ModelType.CONTROLNET}
_SHOWN_BASES = 5
_SHOWN_WORDS = 6

_VARIANT_ADVICE = {
    Variant.FULL: "Holds training state besides both weight sets: good for training on, wasteful for pictures.",
    Variant.PRUNED: "Holds both weight sets: right for fine-tuning; for pictures the EMA-only file does the same.",
    Variant.PRUNED_EMAONLY: "Holds the EMA weights only: right for pictures; to fine-tune take the file with both.",
    Variant.PRUNED_NOEMA: "Holds the last-step weights only: right to train on; for pictures EMA weights are smoother.",
    Variant.SINGLE: "Holds one weight set: right for pictures.",
    Variant.EMA_ORPHAN: "Holds EMA weights without a main set: no UI loads it as it is.",
}


def prompt_texts(detection: Detection, stem: str) -> dict[str, str]:
    """Return the texts to paste into a prompt → the UIs that take them; none when the type is not used in prompts."""
    words = ", ".join(w.word for w in detection.trigger_words[:_SHOWN_WORDS])
    texts: dict[str, list[str]] = {}
    for ui in _featured():
        if template := ui.prompts.get(detection.type):
            text = template.format(name=stem)
            if words and detection.type is not ModelType.EMBEDDING:
                text += f" {words}"
            texts.setdefault(text, []).append(ui.title)
    return {text: " / ".join(titles) for text, titles in texts.items()}


def _folder_lines(record: ModelRecord) -> list[str]:
    folders: dict[PurePosixPath, list[str]] = {}
    for ui in _featured():
        folder = ui.folder_for(record.detection.type, algorithm=record.detection.algorithm, format=record.format)
        if folder:
            folders.setdefault(folder, []).append(ui.title)
    return [f"Place in {' / '.join(titles)}: {folder}/" for folder, titles in folders.items()]


def _featured() -> tuple[UI, ...]:
    return tuple(ui for ui in all_uis() if ui.featured)


def fitting_bases(record: ModelRecord, *, catalog: Catalog) -> tuple[str, ...]:
    """Return the names of the bases that a model works with, smallest first; none for a model that needs no base."""
    detection = record.detection
    if detection.type not in _NEEDS_BASE:
        return ()
    families = (detection.architecture,) if detection.architecture else detection.architecture_candidates
    rows = [
        row
        for family in families
        for row in catalog.list(ModelQuery(terms=(Term("type", "base"), Term("arch", family)), sort="size"))
        if row.state == LocationState.PRESENT and row.verdict in HARMLESS and not row.broken
    ]
    return tuple(row.name for row in rows)


def how_to_use(record: ModelRecord, *, fitting_bases: Sequence[str]) -> list[str]:
    """Return the lines about using a model: the base it needs, the bases that fit, its folders, its prompt text."""
    detection = record.detection
    if record.safety.verdict is Verdict.DANGEROUS:
        return ["Do not load it in any UI: it can run code. Delete it, and report it to the place that it came from."]
    lines = []
    if detection.variant in _VARIANT_ADVICE:
        lines.append(_VARIANT_ADVICE[detection.variant])
    if detection.type in _NEEDS_BASE:
        lines.append(_base_line(detection, fitting_bases))
    lines += _folder_lines(record)
    texts = prompt_texts(detection, _stem(record))
    lines += [f"Prompt: {text}" if len(texts) == 1 else f"Prompt in {uis}: {text}" for text, uis in texts.items()]
    return lines


def _stem(record: ModelRecord) -> str:
    places = record.main.locations
    return PurePosixPath(places[0].relative).stem if places else record.name


def _base_line(detection: Detection, bases: Sequence[str]) -> str:
    wanted = detection.architecture or " or ".join(detection.architecture_candidates) or "matching"
    if not bases:
        return f"Needs a base of architecture {wanted}; the library holds none that fits."
    more = f" and {len(bases) - _SHOWN_BASES} more" if len(bases) > _SHOWN_BASES else ""
    return f"Needs a base of architecture {wanted}; in the library: {', '.join(bases[:_SHOWN_BASES])}{more}."
