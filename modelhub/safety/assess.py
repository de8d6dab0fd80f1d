"""From what was seen in a file to a verdict."""

from __future__ import annotations

from modelhub.domain import Format, SafetyReport, Verdict
from modelhub.formats.header import Header

_HARMLESS = {Format.SAFETENSORS, Format.GGUF}


def assess(header: Header) -> SafetyReport:
    """The verdict on a header and the reasons for it."""
    if header.format in _HARMLESS:
        return SafetyReport(Verdict.SAFE)
    return SafetyReport(Verdict.UNRECOGNISED, ("this container cannot be checked",))
