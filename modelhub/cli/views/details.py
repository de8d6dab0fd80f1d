"""Lines of text about one file or model, for `inspect` and `show`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelhub.cli.labels import label
from modelhub.cli.output import clean, color, listed
from modelhub.cli.views.safety_words import next_step, verdict_sentence
from modelhub.cli.views.usage import padded_label, usage_lines
from modelhub.domain import (
    Detection,
    Evidence,
    Hashes,
    Inspection,
    ModelRecord,
    Source,
    Style,
    TriggerWord,
    Verdict,
)
from modelhub.language import _, plural, translate
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.operations.library.advice import AdviceLine

_VERDICT_COLORS = {
    Verdict.SAFE: "32",
    Verdict.SAFE_LEGACY: "32",
    Verdict.SUSPICIOUS: "33",
    Verdict.DANGEROUS: "31;1",
    Verdict.UNRECOGNISED: "33",
}
_MANY = 12


def field(name: str, value: str) -> str:
    """Return a line with a name, in the language of the run, and a value, aligned."""
    return f"  {padded_label(translate(name))}{clean(value)}"


def _fields(name: str, values: Iterable[str]) -> list[str]:
    """Return a line for each value, the name in front of the first."""
    return [field(name if not number else "", value) for number, value in enumerate(values)]


def inspection_lines(inspection: Inspection, *, why: bool = False) -> list[str]:
    """Return everything about one file, a fact on each line."""
    lines = [
        color(clean(str(inspection.path)), "1"),
        field("what", headline(inspection.detection)),
        *file_lines(inspection.detection, inspection.format.value, inspection.size),
    ]
    lines += safety_lines(inspection, broken=inspection.broken)
    lines += _fields("problem", map(translate, inspection.problems))
    lines += [line for member in inspection.members for line in _member_lines(inspection, member)]
    lines += hash_lines(inspection.hashes)
    if why:
        lines += evidence_lines(inspection.detection.evidence)
    return lines


def _member_lines(archive: Inspection, member: Inspection) -> list[str]:
    name = str(member.path)[len(str(archive.path)) + 1 :]
    verdict = member.safety.verdict
    facts = [headline(member.detection), *([format_size(member.size)] if member.size else [])]  # 0: not looked into
    text = f"{name}  ({', '.join(facts)})"
    line = f"{field('holds', text)}  {color(label(verdict), _VERDICT_COLORS[verdict])}"
    return [line, *(field("", f"- {translate(finding)}") for finding in member.safety.findings[:_MANY])]


def headline(detection: Detection) -> str:
    """Return a detection on one line: type, architecture, variant, precision."""
    architecture = detection.architecture or " / ".join(detection.architecture_candidates)
    kind = label(detection.type)
    if detection.subtype:
        kind = _("{type} ({subtype})", type=kind, subtype=label(detection.subtype))
    algorithm = detection.algorithm if detection.algorithm not in (None, detection.type.value) else None
    rank = _("rank {rank}", rank=detection.rank) if detection.rank else None
    vectors = plural(detection.vectors, "{count} vector", "{count} vectors") if detection.vectors else None
    parts = (
        kind,
        architecture,
        detection.variant and label(detection.variant),
        algorithm and label(algorithm),
        rank,
        vectors,
        detection.precision and label(detection.precision),
    )
    return " · ".join(part for part in parts if part)


def file_lines(
    detection: Detection, format_name: str, size: int, *, own_style: bool = False, words: bool = True
) -> list[str]:
    """Return container, components, trigger words and style.

    `own_style`: the user has set the style. `words`: with trigger words, which are left out for a dangerous file.
    """
    lines = [field("file", f"{label(format_name)}, {format_size(size)}")]
    rows: Iterable[tuple[str, str]] = (
        (_("inside"), ", ".join(detection.components)),
        (_("prediction"), detection.prediction or ""),
        (_("triggers"), words_text(detection.trigger_words) if words else ""),
        (_("style"), _("{style} (yours)", style=label(detection.style.value)) if own_style else style_text(detection)),
    )
    return lines + [field(name, value) for name, value in rows if value]


def words_text(words: tuple[TriggerWord, ...]) -> str:
    """Return trigger words, each with the place where it was found."""
    shown = [f"{word.word} ({translate(word.source)})" for word in words[:_MANY]]
    return ", ".join([*shown, "…"] if len(words) > _MANY else shown)


def style_text(detection: Detection) -> str:
    """Return the style family with its confidence, "" when unknown."""
    style = detection.style
    if style.value is Style.UNKNOWN:
        return ""
    return _("{style} ({confidence} sure)", style=label(style.value), confidence=f"{style.confidence:.0%}")


def safety_lines(model: Inspection | ModelRecord, *, broken: bool) -> list[str]:
    """Return the verdict with its meaning, the findings, and what to do next."""
    report = model.safety
    sentence = translate(verdict_sentence(model, broken=broken))
    lines = [field("safety", "") + color(sentence, _VERDICT_COLORS[report.verdict])]
    lines += [field("", f"- {translate(finding)}") for finding in report.findings[:_MANY]]
    if more := len(report.findings[_MANY:]):
        lines.append(field("", plural(more, "- {count} more, shown by `--json`", "- {count} more, shown by `--json`")))
    step = translate(next_step(model, broken=broken))
    return [*lines, field("", step)] if step else lines


def hash_lines(hashes: Hashes | None) -> list[str]:
    """Return all hashes, each on a line."""
    if hashes is None:
        return []
    names = ("sha256", "autov1", "autov2", "autov3", "blake3", "crc32")
    return [field(name, str(getattr(hashes, name))) for name in names if getattr(hashes, name)]


def evidence_lines(evidence: tuple[Evidence, ...]) -> list[str]:
    """Return the evidence for each answer."""
    return _fields("why", (f"{label(item.about)}: {translate(item.because)}" for item in evidence))


def record_lines(
    record: ModelRecord,
    usage: Iterable[AdviceLine],
    *,
    last_test: Iterable[str] = (),
    shared: Iterable[str] = (),
    why: bool = False,
) -> list[str]:
    """Return how to use a model, then everything known about it, hashes last.

    `last_test`: the lines of its last render test.
    """
    lines = [color(clean(record.name), "1") + f"  (id {record.id})"]
    lines += [field("what", headline(record.detection)), *_remote_source_lines(record)]
    is_dangerous = record.safety.verdict is Verdict.DANGEROUS
    title = _("Warning") if is_dangerous else _("How to use it")
    lines += [color(title, "1"), *usage_lines(usage), color(_("Details"), "1")]
    own_style = "style" in record.overrides
    lines += file_lines(record.detection, record.format.value, record.size, own_style=own_style, words=not is_dangerous)
    rows = (
        (_("tags"), ", ".join(record.tags)),
        (_("notes"), record.notes),
        (_("yours"), ", ".join(f"{name}={value}" for name, value in record.overrides.items())),
    )
    lines += [field(name, value) for name, value in rows if value]
    lines += safety_lines(record, broken=any(file.broken for file in record.files))
    lines += _fields("rendered", last_test)
    lines += _fields("problem", map(translate, record.problems))
    lines += _fields("same", map(translate, shared))
    lines += _place_lines(record)
    lines += _fields("from", (_source_text(source) for source in record.sources if source.kind == "local"))
    if why:
        lines += evidence_lines(record.detection.evidence)
    if len(record.files) == 1:
        lines += hash_lines(record.files[0].hashes)
    return lines


def _remote_source_lines(record: ModelRecord) -> list[str]:
    """Return where a model can be pulled again, with its version: what a newcomer compares with a page."""
    return _fields("from", (_source_text(source) for source in record.sources if source.kind != "local"))


def _place_lines(record: ModelRecord) -> list[str]:
    if len(record.files) != 1:
        count = plural(len(record.files), "{count} file", "{count} files")
        return [field("place", f"{record.path} ({listed((count, label(record.state)))})")]
    return _fields("place", (f"{place.path} ({label(place.state)})" for place in record.files[0].locations))


def _source_text(source: Source) -> str:
    parts = [f"{label(source.kind)}: {source.reference}"]
    if source.path and source.path not in source.reference:
        parts.append(source.path)
    if source.kind == "local" and source.requested:
        return _("converted from {path}", path=source.reference)
    if source.requested:
        parts.append(_("requested as {name}", name=source.requested))
    if source.commit:
        from modelhub.fetch.sources.registry import find_row  # only models that were pulled need it

        row = find_row(source.kind)
        parts.append(f"{label(row.versioning.unit if row else 'commit')} {source.commit[:10]}")
    if source.base_model:
        parts.append(_("for {base}", base=source.base_model))
    if source.license:
        parts.append(_("license {license}", license=translate(source.license)))
    if source.scan:
        parts.append(_("scan by the source: {scan}", scan=label(source.scan)))
    return listed(parts)
