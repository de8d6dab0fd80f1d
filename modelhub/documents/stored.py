"""The form in which the catalog keeps detections and safety reports: their fields, ready for JSON."""

from __future__ import annotations

from typing import Any

from modelhub.domain import Detection, SafetyReport


def store_detection(detection: Detection) -> dict[str, Any]:
    """Return the fields of a detection, ready for JSON."""
    return _to_builtins(detection)


def restore_detection(data: dict[str, Any]) -> Detection:
    """Return the detection that `store_detection` stored.

    Unknown keys are ignored and missing ones have their defaults, so that older and newer versions read each other's
    rows.
    """
    # Loaded on first use: a listing reads no detections, and msgspec takes longer to load than the listing takes.
    import msgspec

    return msgspec.convert(data, Detection)


def store_safety(report: SafetyReport) -> dict[str, Any]:
    """Return the fields of a safety report, ready for JSON."""
    return _to_builtins(report)


def restore_safety(data: dict[str, Any]) -> SafetyReport:
    """Return the safety report that `store_safety` stored."""
    import msgspec

    return msgspec.convert(data, SafetyReport)


def _to_builtins(value: Detection | SafetyReport) -> dict[str, Any]:
    # Many times faster than `dataclasses.asdict`, which copies deeply; every file that is recorded passes here.
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(value)
    return fields
