"""Identification of a header: independent questions, each answered by a table of its own, then added up."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelhub.base_models import source_architecture
from modelhub.detect.hints import Hints
from modelhub.detect.known.models import find_known_file
from modelhub.detect.metadata import claimed_architecture
from modelhub.detect.rules import registry
from modelhub.detect.rules.components import components_of
from modelhub.detect.rules.delta_algorithms import delta_rank, matching_algorithms
from modelhub.detect.rules.families import BY_TYPE
from modelhub.detect.rules.header_index import HeaderIndex, index_header
from modelhub.detect.rules.precision import precision_of
from modelhub.detect.rules.ruleset import Rules
from modelhub.detect.rules.types import matching_types
from modelhub.detect.rules.variants import prediction_of, subtype_of, variant_of
from modelhub.detect.styles import style_of
from modelhub.detect.triggers import trigger_words
from modelhub.domain import Detection, Evidence, ModelType
from modelhub.formats.header import Header

_NO_HINTS = Hints()


@dataclass(slots=True)
class _Notes:
    evidence: list[Evidence] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def because(self, about: str, reason: str) -> None:
        if reason:
            self.evidence.append(Evidence(about, reason))


def detect(header: Header, hints: Hints = _NO_HINTS, *, rules: Rules | None = None) -> Detection:
    """Identify a file. Pure; a header without tensors, or of an unknown format, has the type unknown."""
    index, notes = index_header(header, rules or registry.rules()), _Notes()
    kind = _type(index, notes)
    architecture, candidates = _architecture(index, kind, hints, notes)
    subtype, why = subtype_of(index, kind, architecture)
    notes.because("subtype", why)
    algorithm, rank = _algorithm(index, kind, notes)
    variant, why = variant_of(index, kind, hints)
    notes.because("variant", why)
    precision, why = precision_of(index)
    notes.because("precision", why)
    prediction, why = prediction_of(index, kind, architecture, hints)
    notes.because("prediction", why)
    style, reasons = style_of(index, kind, hints)
    for reason in reasons:
        notes.because("style", reason)
    has_ema = _has_ema(index)
    if has_ema and "ema:net" in index.signs and "net" not in index.groups:
        notes.problems.append("It holds EMA weights without a main set: no UI loads it as it is.")
    notes.problems += _missing_parts(index, kind, architecture, header)
    return Detection(
        type=kind,
        architecture=architecture,
        architecture_candidates=candidates,
        subtype=subtype or None,
        algorithm=algorithm,
        rank=rank,
        variant=variant,
        precision=precision,
        prediction=prediction,
        components=components_of(index),
        has_ema=has_ema,
        vectors=max(index.width("vectors"), default=None) if kind is ModelType.EMBEDDING else None,
        trigger_words=trigger_words(index, kind, hints),
        style=style,
        problems=tuple(notes.problems),
        evidence=tuple(notes.evidence),
    )


# Names of CLIP's position ids in checkpoints, text encoder files and diffusers folders.
_POSITION_IDS = tuple(
    f"{prefix}embeddings.position_ids"
    for prefix in (
        "cond_stage_model.transformer.text_model.",
        "cond_stage_model.transformer.",
        "conditioner.embedders.0.transformer.text_model.",
        "text_model.",
        "text_encoder/text_model.",
    )
)
_WHOLE_BASES = ("sd1", "sd2", "sdxl", "sdxl-refiner")  # whose checkpoints carry their own VAE and text encoder


def _missing_parts(index: HeaderIndex, kind: ModelType, architecture: str | None, header: Header) -> list[str]:
    """List what a header shows to be wrong with a checkpoint: missing parts, position ids that are not integers."""
    problems = []
    if kind is ModelType.BASE and architecture in _WHOLE_BASES and not header.broken:
        inside = components_of(index)
        if "vae" not in inside:
            problems.append("It has no VAE. Choose one in the UI, or add one with `modelhub convert --bake-vae`.")
        if "text_encoder" not in inside:
            problems.append("It has no text encoder, so it cannot be used alone.")
    for name in _POSITION_IDS:
        info = header.tensors.get(name)
        if info is not None and info.dtype not in ("I64", "I32"):
            problems.append(
                f"Position ids are stored as {info.dtype}. `modelhub convert --repair` rewrites them as integers 0–76."
            )
    return problems


def _type(index: HeaderIndex, notes: _Notes) -> ModelType:
    rows = matching_types(index)
    if len(rows) == 1:
        notes.because("type", rows[0].why)
        return rows[0].type
    if rows:
        first, *others = (f"{row.type} ({row.why})" for row in rows)
        notes.problems.append(f"The type is ambiguous: it looks like {first} and {', '.join(others)}.")
    return ModelType.UNKNOWN


def _architecture(
    index: HeaderIndex, kind: ModelType, hints: Hints, notes: _Notes
) -> tuple[str | None, tuple[str, ...]]:
    found = BY_TYPE[kind](index)
    for reason in found.reasons:
        notes.because("architecture", reason)
    architecture, candidates = found.architecture, found.candidates
    claim, field_name = claimed_architecture(index.header.metadata)
    if architecture and claim and claim != architecture and claim not in candidates:
        notes.problems.append(
            f"The metadata states {claim} ({field_name}), but the tensors are those of {architecture}."
        )
    if architecture is None and candidates:
        known = find_known_file(hints.sha256)
        stated = (
            (known.architecture if known else None, f"known file {known.file}" if known else ""),
            (claim, field_name),
            (source_architecture(hints.base_model), f"its source states {hints.base_model}"),
        )
        for answer, because in stated:
            if answer in candidates and len(candidates) > 1:
                notes.because("architecture", because)
                return answer, ()
    return architecture, candidates


def _algorithm(index: HeaderIndex, kind: ModelType, notes: _Notes) -> tuple[str | None, int | None]:
    if kind is not ModelType.LORA and "control:lora" not in index.signs:
        return None, None
    found = matching_algorithms(index)
    algorithm = found[0] if len(found) == 1 else None
    if len(found) > 1:
        notes.problems.append(f"The algorithm is ambiguous: it looks like {', '.join(found)}.")
    if algorithm:
        notes.because("algorithm", "names of its tensors")
    rank, why = delta_rank(index, algorithm or ("lora" if "lora" in found else None))
    notes.because("rank", why)
    return algorithm, rank


def _has_ema(index: HeaderIndex) -> bool:
    return index.any("ema:net", "averages")
