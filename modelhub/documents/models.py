"""Answers as JSON-ready values and back: the one spelling that the command line prints and the catalog stores.

The key names are a contract (see the README's section on `--json`).
"""

from __future__ import annotations

import json
from typing import Any

from modelhub.domain import (
    Detection,
    Evidence,
    FileRecord,
    Hashes,
    Inspection,
    ModelRecord,
    ModelType,
    SafetyReport,
    Source,
    Style,
    StyleAnswer,
    TriggerWord,
    Variant,
    Verdict,
)


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
        architecture=data.get("architecture"),
        architecture_candidates=tuple(data.get("architecture_candidates") or ()),
        subtype=data.get("subtype"),
        algorithm=data.get("algorithm"),
        rank=data.get("rank"),
        precision=data.get("precision"),
        prediction=data.get("prediction"),
        components=tuple(data.get("components") or ()),
        has_ema=bool(data.get("has_ema")),
        vectors=data.get("vectors"),
        problems=tuple(data.get("problems") or ()),
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


def file_to_json(file: FileRecord) -> dict[str, Any]:
    """One file of a model, with every place where it lies."""
    return {
        "role": file.role,
        "size": file.size,
        "format": file.format.value,
        "hashes": hashes_to_json(file.hashes),
        "safety": safety_to_json(file.safety),
        "problems": list(file.problems),
        "locations": [
            {"path": str(place.path), "root": place.root, "relative": place.relative, "state": place.state.value}
            for place in file.locations
        ],
    }


def record_to_json(record: ModelRecord) -> dict[str, Any]:
    """One object of `list --json` and `show --json`: the keys of `inspect --json`, and what only the catalog knows."""
    answers = detection_to_json(record.detection)
    evidence = answers.pop("evidence")
    main = record.files[0] if record.files else None
    return {
        "id": record.id,
        "name": record.name,
        "path": str(record.path) if record.path else None,
        "size": record.size,
        "format": record.format.value,
        **answers,
        "safety": safety_to_json(record.safety),
        "hashes": hashes_to_json(main.hashes if main and len(record.files) == 1 else None),
        "problems": list(record.problems),
        "state": record.state.value,
        "tags": list(record.tags),
        "notes": record.notes,
        "overrides": dict(record.overrides),
        "sources": [{name: getattr(source, name) for name in Source.__slots__} for source in record.sources],
        "files": [file_to_json(file) for file in record.files],
        "added_at": record.added_at,
        "evidence": evidence,
    }


def inspection_text(look: Inspection) -> str:
    """One object of `inspect --json` as JSON text, in ASCII."""
    return json.dumps(inspection_to_json(look), default=str)
