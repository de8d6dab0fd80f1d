"""Answers as JSON-ready values and back: the one spelling that the command line prints and the catalog stores.

The key names are a contract (see the README's section on `--json`).
"""

from __future__ import annotations

from typing import Any

from modelhub.domain import (
    Detection,
    Evidence,
    Hashes,
    Inspection,
    ModelType,
    SafetyReport,
    Style,
    StyleAnswer,
    TriggerWord,
    Variant,
    Verdict,
)

_PLAIN = ("architecture", "subtype", "algorithm", "rank", "precision", "prediction", "has_ema", "vectors")
_TUPLES = ("architecture_candidates", "components", "problems")


def detection_to_json(detection: Detection) -> dict[str, Any]:
    """Every answer of a detection under its contract name; what does not apply is None or empty, never missing."""
    return {
        "type": detection.type.value,
        "architecture": detection.architecture,
        "architecture_candidates": list(detection.architecture_candidates),
        "subtype": detection.subtype,
        "algorithm": detection.algorithm,
        "rank": detection.rank,
        "variant": detection.variant.value if detection.variant else None,
        "precision": detection.precision,
        "prediction": detection.prediction,
        "components": list(detection.components),
        "has_ema": detection.has_ema,
        "vectors": detection.vectors,
        "trigger_words": [{"word": t.word, "source": t.source} for t in detection.trigger_words],
        "style": {"value": detection.style.value.value, "confidence": detection.style.confidence},
        "problems": list(detection.problems),
        "evidence": [{"about": e.about, "because": e.because} for e in detection.evidence],
    }


def detection_from_json(data: dict[str, Any]) -> Detection:
    """The reverse of `detection_to_json`; unknown keys are ignored, so that an older program reads a newer row."""
    style = data.get("style") or {}
    return Detection(
        type=ModelType(data.get("type", "unknown")),
        variant=Variant(data["variant"]) if data.get("variant") else None,
        trigger_words=tuple(TriggerWord(t["word"], t["source"]) for t in data.get("trigger_words", ())),
        style=StyleAnswer(Style(style.get("value", "unknown")), float(style.get("confidence", 0.0))),
        evidence=tuple(Evidence(e["about"], e["because"]) for e in data.get("evidence", ())),
        **{key: data[key] for key in _PLAIN if key in data},
        **{key: tuple(data.get(key) or ()) for key in _TUPLES},
    )


def safety_to_json(report: SafetyReport) -> dict[str, Any]:
    """Verdict and findings."""
    return {"verdict": report.verdict.value, "findings": list(report.findings)}


def safety_from_json(data: dict[str, Any]) -> SafetyReport:
    """The reverse of `safety_to_json`."""
    return SafetyReport(Verdict(data["verdict"]), tuple(data.get("findings") or ()))


def hashes_to_json(hashes: Hashes | None) -> dict[str, str | None]:
    """All hashes, None where unknown."""
    names = ("sha256", "autov1", "autov2", "autov3", "blake3", "crc32")
    return {name: getattr(hashes, name) if hashes else None for name in names}


def inspection_to_json(look: Inspection) -> dict[str, Any]:
    """One object of `inspect --json`."""
    answers = detection_to_json(look.detection)
    evidence = answers.pop("evidence")
    return {
        "path": str(look.path),
        "size": look.size,
        "format": look.format.value,
        **answers,
        "safety": safety_to_json(look.safety),
        "hashes": hashes_to_json(look.hashes),
        "problems": list(look.problems),
        "broken": look.broken,
        "evidence": evidence,
    }
