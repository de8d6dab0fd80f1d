"""Lines of text about one file or model, for `inspect` and `show`."""

from __future__ import annotations

from collections.abc import Iterable

from modelhub.cli.output import clean, color
from modelhub.cli.views.safety_words import next_step, verdict_sentence
from modelhub.domain import (
    Detection,
    Evidence,
    Hashes,
    Inspection,
    ModelRecord,
    Source,
    TriggerWord,
    Verdict,
)
from modelhub.quantities import format_size

_VERDICT_COLORS = {
    Verdict.SAFE: "32",
    Verdict.SAFE_LEGACY: "32",
    Verdict.SUSPICIOUS: "33",
    Verdict.DANGEROUS: "31;1",
    Verdict.UNRECOGNISED: "33",
}
_MANY = 12


def field(name: str, value: str) -> str:
    """Return a line with a name and a value, aligned."""
    return f"  {color(f'{name:<12}', '2')}{clean(value)}"


def inspection_lines(inspection: Inspection, *, why: bool = False) -> list[str]:
    """Return everything about one file, a fact on each line."""
    lines = [
        color(clean(str(inspection.path)), "1"),
        *detection_lines(inspection.detection, inspection.format.value, inspection.size),
    ]
    lines += safety_lines(inspection, broken=inspection.broken)
    lines += [field("problem" if not i else "", p) for i, p in enumerate(inspection.problems)]
    lines += [line for member in inspection.members for line in _member_lines(inspection, member)]
    lines += hash_lines(inspection.hashes)
    if why:
        lines += evidence_lines(inspection.detection.evidence)
    return lines


def _member_lines(archive: Inspection, member: Inspection) -> list[str]:
    name = str(member.path)[len(str(archive.path)) + 1 :]
    verdict = member.safety.verdict
    text = f"{name}  ({headline(member.detection)}, {format_size(member.size)})"
    line = f"{field('holds', text)}  {color(verdict.value, _VERDICT_COLORS[verdict])}"
    return [line, *(field("", f"- {finding}") for finding in member.safety.findings[:_MANY])]


def headline(detection: Detection) -> str:
    """Return a detection on one line: type, architecture, variant, precision."""
    architecture = detection.architecture or " or ".join(detection.architecture_candidates)
    kind = detection.subtype and f"{detection.type.value} ({detection.subtype})"
    algorithm = detection.algorithm if detection.algorithm not in (None, detection.type.value) else None
    rank = f"rank {detection.rank}" if detection.rank else None
    vectors = f"{detection.vectors} vectors" if detection.vectors else None
    parts = (
        kind or detection.type.value,
        architecture,
        detection.variant and detection.variant.value,
        algorithm,
        rank,
        vectors,
        detection.precision,
    )
    return " · ".join(part for part in parts if part)


def detection_lines(detection: Detection, format_name: str, size: int, *, own_style: bool = False) -> list[str]:
    """Return type, container, components, trigger words and style; `own_style`: the user has set the style."""
    lines = [field("what", headline(detection)), field("file", f"{format_name}, {format_size(size)}")]
    rows: Iterable[tuple[str, str]] = (
        ("inside", ", ".join(detection.components)),
        ("prediction", detection.prediction or ""),
        ("triggers", words_text(detection.trigger_words)),
        ("style", f"{detection.style.value.value} (yours)" if own_style else style_text(detection)),
    )
    return lines + [field(name, value) for name, value in rows if value]


def words_text(words: tuple[TriggerWord, ...]) -> str:
    """Return trigger words, each with the place where it was found."""
    shown = ", ".join(f"{w.word} ({w.source})" for w in words[:_MANY])
    return shown + (f" and {len(words) - _MANY} more" if len(words) > _MANY else "")


def style_text(detection: Detection) -> str:
    """Return the style family with its confidence, "" when unknown."""
    style = detection.style
    return "" if style.value.value == "unknown" else f"{style.value.value} ({style.confidence:.0%} sure)"


def safety_lines(model: Inspection | ModelRecord, *, broken: bool) -> list[str]:
    """Return the verdict with its meaning, the findings, and what to do next."""
    report = model.safety
    sentence = verdict_sentence(model, broken=broken)
    lines = [field("safety", "") + color(sentence, _VERDICT_COLORS[report.verdict])]
    lines += [field("", f"- {finding}") for finding in report.findings[:_MANY]]
    if len(report.findings) > _MANY:
        lines.append(field("", f"- {len(report.findings) - _MANY} more, shown by `--json`"))
    step = next_step(model, broken=broken)
    return [*lines, field("", step)] if step else lines


def hash_lines(hashes: Hashes | None) -> list[str]:
    """Return all hashes, each on a line."""
    if hashes is None:
        return []
    names = ("sha256", "autov1", "autov2", "autov3", "blake3", "crc32")
    return [field(name, str(getattr(hashes, name))) for name in names if getattr(hashes, name)]


def evidence_lines(evidence: tuple[Evidence, ...]) -> list[str]:
    """Return the evidence for each answer."""
    return [field("why" if not i else "", f"{item.about}: {item.because}") for i, item in enumerate(evidence)]


def record_lines(
    record: ModelRecord,
    advice: Iterable[str],
    *,
    last_test: Iterable[str] = (),
    shared: Iterable[str] = (),
    why: bool = False,
) -> list[str]:
    """Return everything known about a model, then how to use it. `last_test`: the lines of its last render test."""
    lines = [color(clean(record.name), "1") + f"  (id {record.id})"]
    own_style = "style" in record.overrides
    lines += detection_lines(record.detection, record.format.value, record.size, own_style=own_style)
    rows = (
        ("tags", ", ".join(record.tags)),
        ("notes", record.notes),
        ("yours", ", ".join(f"{name}={value}" for name, value in record.overrides.items())),
    )
    lines += [field(name, value) for name, value in rows if value]
    lines += safety_lines(record, broken=any(file.broken for file in record.files))
    lines += [field("rendered" if not i else "", text) for i, text in enumerate(last_test)]
    lines += [field("problem" if not i else "", text) for i, text in enumerate(record.problems)]
    lines += [field("same" if not i else "", text) for i, text in enumerate(shared)]
    lines += _place_lines(record)
    lines += [field("from" if not i else "", _source_text(source)) for i, source in enumerate(record.sources)]
    if len(record.files) == 1:
        lines += hash_lines(record.files[0].hashes)
    if why:
        lines += evidence_lines(record.detection.evidence)
    lines += [field("how to use" if not i else "", text) for i, text in enumerate(advice)]
    return lines


def _place_lines(record: ModelRecord) -> list[str]:
    if len(record.files) != 1:
        return [field("place", f"{record.path} ({len(record.files)} files, {record.state.value})")]
    places = record.files[0].locations
    return [field("place" if not i else "", f"{p.path} ({p.state.value})") for i, p in enumerate(places)]


def _source_text(source: Source) -> str:
    parts = [f"{source.kind}: {source.reference}"]
    if source.path and source.path not in source.reference:
        parts.append(source.path)
    if source.kind == "local" and source.requested:
        return f"{source.requested} {source.reference}"
    if source.requested:
        parts.append(f"requested as {source.requested}")
    if source.commit:
        from modelhub.fetch.sources.registry import find_row  # only models that were pulled need it

        row = find_row(source.kind)
        parts.append(f"{row.versioning.unit if row else 'commit'} {source.commit[:10]}")
    if source.base_model:
        parts.append(f"for {source.base_model}")
    if source.license:
        parts.append(f"license {source.license}")
    if source.scan:
        parts.append(f"scan by the source: {source.scan}")
    return ", ".join(parts)
