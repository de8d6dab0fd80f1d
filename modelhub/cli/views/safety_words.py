"""The words for a safety verdict: what it means, and what the user should do next."""

from __future__ import annotations

from modelhub.domain import Format, Inspection, ModelRecord, ModelType, Verdict
from modelhub.operations.library.inspect import is_archive, is_not_model

_PICKLES = (Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE)
_MEANINGS = {
    Verdict.SAFE: "safe: Contains only data. You can use it.",
    Verdict.SAFE_LEGACY: "safe-legacy: An old format that could hold code; it contains only data and harmless helpers."
    " You can use it.",
    Verdict.SUSPICIOUS: "suspicious: Contains something that is not on the safe list."
    " Load it only if you trust its source.",
    Verdict.DANGEROUS: "dangerous: Can run code when loaded. Do not load it.",
    Verdict.UNRECOGNISED: "unrecognised: Not a format that modelhub can read.",
}
_BROKEN = "unrecognised: Cannot be read to its end, so nothing is promised about it."
_FOLDER = "unrecognised: Holds files that modelhub cannot read."
_TRUST = "Nothing is promised about it. Load it only if you trust its source."


def verdict_sentence(model: Inspection | ModelRecord, *, broken: bool) -> str:
    """Return the verdict and what it means. `broken`: the file cannot be loaded as it is."""
    verdict = model.safety.verdict
    if verdict is Verdict.UNRECOGNISED:
        if model.format is Format.DIFFUSERS:
            return _FOLDER
        if broken and model.format is not Format.UNKNOWN:
            return _BROKEN
    return _MEANINGS[verdict]


def next_step(model: Inspection | ModelRecord, *, broken: bool) -> str:
    """Return what to do about a model with this verdict, "" where there is nothing to do."""
    format, detection = model.format, model.detection
    has_tensors = detection.precision is not None or detection.type is not ModelType.UNKNOWN
    convertible = format in _PICKLES and has_tensors and not broken
    match model.safety.verdict:
        case Verdict.SAFE_LEGACY if convertible:
            return "`modelhub convert` writes its tensors to a safetensors file, which cannot hold code."
        case Verdict.SUSPICIOUS if convertible:
            return (
                "Look for a safetensors version, or save only its tensors with `modelhub convert --read-suspicious`,"
                " which runs nothing."
            )
        case Verdict.SUSPICIOUS if model.format is Format.DIFFUSERS:
            return "Look for a version without these files, or ask its publisher what they are for."
        case Verdict.SUSPICIOUS if broken:
            return "It may be damaged: download it again. If it is the same then, look for another version of it."
        case Verdict.SUSPICIOUS:
            return "Look for another version of it, or ask its publisher what this is for."
        case Verdict.DANGEROUS:
            return "Delete it, and report it to the place that it came from."
        case Verdict.UNRECOGNISED if isinstance(model, Inspection) and model.members:
            return "`modelhub add` unpacks the archive; each model in it is checked by itself."
        case Verdict.UNRECOGNISED if broken and format is not Format.UNKNOWN:
            return "Download it again, or ask its publisher for a file that is not damaged."
        case Verdict.UNRECOGNISED if broken and isinstance(model, Inspection) and is_not_model(model):
            return "" if is_archive(model) else "Download it again if it should be a model."
        case Verdict.UNRECOGNISED if broken:
            return "Download it again if it should be a model. Otherwise load it only if you trust its source."
        case Verdict.UNRECOGNISED:
            return _TRUST
    return ""
