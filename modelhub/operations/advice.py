"""How to use a model: plain advice from what is known about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.domain import Detection, ModelRecord, ModelType, Variant, Verdict
from modelhub.storage.layouts import folder_for

_UIS = (("A1111 / Forge", "a1111"), ("ComfyUI", "comfyui"))
_NEEDS_BASE = {ModelType.VAE, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK, ModelType.CONTROLNET}
_SHOWN_BASES = 5
_SHOWN_WORDS = 6

_VARIANT_ADVICE = {
    Variant.FULL: "Holds training state besides both weight sets: good for training on, wasteful for pictures.",
    Variant.PRUNED: "Holds both weight sets: right for fine-tuning; for pictures the EMA-only file does the same.",
    Variant.PRUNED_EMAONLY: "Holds the EMA weights only: right for pictures; for fine-tuning take the file with both sets.",
    Variant.PRUNED_NOEMA: "Holds the last-step weights only: right to train on; for pictures the EMA weights are smoother.",
    Variant.SINGLE: "Holds one weight set: right for pictures.",
    Variant.EMA_ORPHAN: "Holds EMA weights without a main set: no UI loads it as it is.",
}


def prompt_text(detection: Detection, stem: str) -> str:
    """The text to paste into a prompt, in A1111's spelling; "" when the type takes none."""
    words = ", ".join(w.word for w in detection.trigger_words[:_SHOWN_WORDS])
    if detection.type is ModelType.LORA:
        return f"<lora:{stem}:0.8>" + (f" {words}" if words else "")
    if detection.type is ModelType.HYPERNETWORK:
        return f"<hypernet:{stem}:1.0>" + (f" {words}" if words else "")
    if detection.type is ModelType.EMBEDDING:
        return stem
    return ""


def how_to_use(record: ModelRecord, *, fitting_bases: Sequence[str]) -> list[str]:
    """Lines for the end of `show`: base needed, folder, prompt text, bases of the library that fit."""
    detection = record.detection
    if record.safety.verdict is Verdict.DANGEROUS:
        return ["Do not load it in any UI: it would run code. `modelhub rm` moves it to the trash."]
    lines = []
    if detection.variant in _VARIANT_ADVICE:
        lines.append(_VARIANT_ADVICE[detection.variant])
    if detection.type in _NEEDS_BASE:
        lines.append(_base_line(detection, fitting_bases))
    folders = [(ui, folder_for(layout, detection)) for ui, layout in _UIS]
    lines += [f"Place in {ui}: {folder}/" for ui, folder in folders if folder]
    text = prompt_text(detection, _stem(record))
    if text:
        lines.append(f"Prompt: {text}")
    return lines


def _stem(record: ModelRecord) -> str:
    places = record.main.locations
    return Path(places[0].relative).stem if places else record.name


def _base_line(detection: Detection, bases: Sequence[str]) -> str:
    wanted = detection.architecture or " or ".join(detection.architecture_candidates) or "matching"
    if not bases:
        return f"Needs a {wanted} base; the library holds none that fits."
    more = f" and {len(bases) - _SHOWN_BASES} more" if len(bases) > _SHOWN_BASES else ""
    return f"Needs a {wanted} base; in the library: {', '.join(bases[:_SHOWN_BASES])}{more}."
