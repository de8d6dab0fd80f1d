"""Judge a file by its content whose name is not that of a model: a companion, or a model under another name."""

from __future__ import annotations

from pathlib import Path

from modelhub.detect.hints import Hints
from modelhub.domain import HARMLESS, Detection, Format, Inspection, ModelType, SafetyReport, Verdict
from modelhub.formats import read_header
from modelhub.formats.companions import CompanionKind, companion_kind, pickle_reading
from modelhub.operations.library.inspect import inspect_header
from modelhub.storage.errors import from_os_error
from modelhub.storage.model_names import is_program_name


def inspect_unnamed(path: Path, *, hints: Hints) -> Inspection:
    """Return what a file is, whatever it is called; `safe` only for data that no loader can read as anything else.

    Texts and pictures are of the type `other` and safe; programs and formats that are not read are unrecognised.
    Raise ModelhubError when the file cannot be read.
    """
    try:
        kind = companion_kind(path)
        size = path.stat().st_size
        if kind is not None:
            return _companion(path, size, _report_on(kind, path.name))
        header, is_model = read_header(path), True
        if header.format in (Format.UNKNOWN, Format.PICKLE):
            reading = pickle_reading(path)
            header, is_model = reading or header, reading is not None
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    found = inspect_header(path, header, hints=hints)
    report = found.safety
    if is_model and header.format is not Format.UNKNOWN:
        return found
    if report.verdict in HARMLESS or header.format is Format.PICKLE:
        report = SafetyReport(Verdict.UNRECOGNISED, ("It is not a format that modelhub can read.",))
    return _companion(path, size, report)


def _report_on(kind: CompanionKind, name: str) -> SafetyReport:
    if kind is CompanionKind.SCRIPT or is_program_name(name):
        return SafetyReport(Verdict.UNRECOGNISED, ("It is the text of a program, which was not looked into.",))
    return SafetyReport(Verdict.SAFE)


def _companion(path: Path, size: int, report: SafetyReport) -> Inspection:
    return Inspection(
        path=path, size=size, format=Format.UNKNOWN, detection=Detection(type=ModelType.OTHER), safety=report
    )
