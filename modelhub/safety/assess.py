"""The safety verdict on a file, with its findings."""

from __future__ import annotations

from modelhub.domain import Format, SafetyReport, Verdict
from modelhub.formats.header import Header, PickleGlobal
from modelhub.safety.tables import CALLED, NAMED, is_dangerous, named_class

# Containers that hold numbers and text only.
_INERT = (Format.SAFETENSORS, Format.GGUF, Format.DIFFUSERS)
_ORDER = (Verdict.SAFE, Verdict.SAFE_LEGACY, Verdict.UNRECOGNISED, Verdict.SUSPICIOUS, Verdict.DANGEROUS)
_SEVERITIES = {
    "unrecognised": Verdict.UNRECOGNISED,
    "suspicious": Verdict.SUSPICIOUS,
    "dangerous": Verdict.DANGEROUS,
}


def assess(header: Header) -> SafetyReport:
    """Return the verdict on a header, that of its worst finding; each finding names module, name and place.

    The verdict is `unrecognised` for what cannot be looked into and for files that no loader can read to their end,
    unless what could be looked into is worse.
    """
    graded = []
    notes: list[str] = []
    if header.pickle is not None:
        graded += [_grade(found) for found in header.pickle.globals]
        found = header.pickle.findings
        graded += [(_SEVERITIES[severity], text) for severity, text in found if severity in _SEVERITIES]
        notes += [text for severity, text in found if severity == "note"]
    elif header.format not in _INERT and not header.broken:
        graded.append((Verdict.UNRECOGNISED, "It is not a format that modelhub can read."))
    if header.broken and header.format is not Format.DIFFUSERS:  # the parts of a folder are assessed one by one
        fault = _first_fault(header)
        text = fault if header.format is Format.UNKNOWN else f"It cannot be read to its end. {fault}"
        graded.append((Verdict.UNRECOGNISED, text))
    worst = max((verdict for verdict, _ in graded), key=_ORDER.index, default=Verdict.SAFE)
    shown = [(verdict, text) for verdict, text in graded if verdict is not Verdict.SAFE]
    shown.sort(key=lambda item: -_ORDER.index(item[0]))
    return SafetyReport(worst, (*dict.fromkeys(text for _, text in shown), *notes))


def _first_fault(header: Header) -> str:
    return next(problem.text for problem in header.problems if problem.fatal)


def _grade(found: PickleGlobal) -> tuple[Verdict, str]:
    name = f"{found.module}.{found.name}"
    pair = (found.module, found.name)
    use = CALLED.get(pair) or (NAMED.get(pair) if not found.called else None) or named_class(*pair, found.called)
    if use is Verdict.SAFE:
        return Verdict.SAFE, name
    if use is Verdict.SAFE_LEGACY:
        return Verdict.SAFE_LEGACY, f"Contains {name}, a harmless helper ({found.place})."
    dangerous = is_dangerous(*pair)
    verdict = Verdict.DANGEROUS if dangerous else Verdict.SUSPICIOUS
    if found.called and dangerous:
        return verdict, f"Runs {name}, which can run code or reach files and the network ({found.place})."
    if found.called:
        return verdict, f"Runs {name}, code of another library that is not on the safe list ({found.place})."
    if dangerous:
        return verdict, f"Contains {name}, which can run code or reach files and the network ({found.place})."
    return verdict, f"Contains {name}, code of another library that is not on the safe list ({found.place})."
