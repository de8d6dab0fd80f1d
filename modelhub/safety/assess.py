"""The safety verdict on a file, with its findings."""

from __future__ import annotations

from modelhub.domain import Format, SafetyReport, Verdict
from modelhub.formats.header import Header, PickleGlobal
from modelhub.safety.tables import ALLOWED, DANGEROUS, DANGEROUS_MODULES, LEGACY

# Containers that hold numbers and text only.
_INERT = (Format.SAFETENSORS, Format.GGUF, Format.DIFFUSERS)
_ORDER = (Verdict.SAFE, Verdict.SAFE_LEGACY, Verdict.SUSPICIOUS, Verdict.DANGEROUS)
_SEVERITIES = {"suspicious": Verdict.SUSPICIOUS, "dangerous": Verdict.DANGEROUS}


def assess(header: Header) -> SafetyReport:
    """Return the verdict on a header, that of its worst finding; each finding names module, name and place.

    The verdict is `unrecognised` for containers that cannot be scanned, unless what could be scanned is worse.
    """
    facts = header.pickle
    if facts is None:
        if header.format in _INERT:
            return SafetyReport(Verdict.SAFE)
        return SafetyReport(Verdict.UNRECOGNISED, ("It is not a format that modelhub can read.",))
    graded = [_grade(found) for found in facts.globals]
    graded += [(_SEVERITIES[severity], text) for severity, text in facts.findings if severity in _SEVERITIES]
    unknown = [text for severity, text in facts.findings if severity == "unrecognised"]
    worst = max((verdict for verdict, _ in graded), key=_ORDER.index, default=Verdict.SAFE)
    if unknown and worst not in (Verdict.SUSPICIOUS, Verdict.DANGEROUS):
        return SafetyReport(Verdict.UNRECOGNISED, tuple(unknown))
    shown = [(v, text) for v, text in graded if v is not Verdict.SAFE]
    shown.sort(key=lambda item: -_ORDER.index(item[0]))
    return SafetyReport(worst, (*(text for _, text in shown), *unknown))


def _grade(found: PickleGlobal) -> tuple[Verdict, str]:
    pair = (found.module, found.name)
    name = f"{found.module}.{found.name}"
    if pair in ALLOWED:
        return Verdict.SAFE, name
    if pair in LEGACY:
        return Verdict.SAFE_LEGACY, f"Contains {name}, a harmless helper of an old training tool ({found.place})."
    if pair in DANGEROUS or _in_dangerous_module(found.module):
        can = f"{name}, which can run code or reach files and the network ({found.place})."
        return Verdict.DANGEROUS, f"Runs {can}" if found.called else f"Contains {can}"
    unknown = f"{name}, which is not on the safe list ({found.place})."
    return Verdict.SUSPICIOUS, f"Runs {unknown}" if found.called else f"Contains {unknown}"


def _in_dangerous_module(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:n]) in DANGEROUS_MODULES for n in range(1, len(parts) + 1))
