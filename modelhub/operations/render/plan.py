"""Which model is rendered on which base, and why; pure but for reading headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import RenderRun
from modelhub.domain import Format, LocationState, ModelRecord, ModelType, Verdict
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.render.compatibility import BUILT, Facts, facts, fits
from modelhub.render.messages import Part
from modelhub.render.recipes import Recipe
from modelhub.render.verdicts import MEANINGS, RenderVerdict, is_good

TESTED = (ModelType.BASE, ModelType.VAE, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK)
_WORDS = 3  # trigger words that go into the prompt
_RESCUES = 3  # VAEs that are tried when a base's own is the culprit
# Models of architectures that are not built here: adapters, and bases in single files.
_OTHERS = {
    True: "{0} is rendered from diffusers folders only: a file lacks the configurations and tokenizers that it needs",
    False: "what goes on {0} is not rendered with",
}
_PLAIN = (Verdict.SAFE, Verdict.SAFE_LEGACY, Verdict.SUSPICIOUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model that can be tested, with what its header says."""

    record: ModelRecord
    part: Part
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A subject and the bases it may be tested on, best first; `why` says how the first was chosen."""

    subject: Subject
    bases: tuple[Subject, ...]
    why: str = ""
    rescues: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderPlan:
    """`untested`: models with the verdict that they have without any rendering, and the reason."""

    choices: tuple[Choice, ...] = ()
    untested: tuple[tuple[ModelRecord, RenderVerdict, str], ...] = ()


@dataclass
class Bench:
    """What a plan is made from. `configured`: architecture → the base that the settings name for it."""

    library: Sequence[ModelRecord]
    last: Mapping[int, RenderRun]
    named: ModelRecord | None = None
    configured: Mapping[str, ModelRecord] = field(default_factory=dict)


def plan_renders(records: Iterable[ModelRecord], bench: Bench) -> RenderPlan:
    """A choice of bases for every model that can be tested, a reason for every other one."""
    known: dict[int, Subject | str] = {}
    choices: list[Choice] = []
    untested: list[tuple[ModelRecord, RenderVerdict, str]] = []

    def subject_of(record: ModelRecord) -> Subject | str:
        if record.id not in known:
            known[record.id] = _subject(record)
        return known[record.id]

    def library(kind: ModelType) -> list[Subject]:
        sound = (subject_of(r) for r in bench.library if r.detection.type is kind and obstacle(r) is None)
        return [subject for subject in sound if isinstance(subject, Subject)]

    def rescues_for(base: Subject) -> tuple[Part, ...]:
        vaes = [vae for vae in library(ModelType.VAE) if fits(vae.facts, base.facts)]
        vaes.sort(key=lambda vae: not _proven_good(vae, bench.last))
        return tuple(vae.part for vae in vaes[:_RESCUES])

    for record in records:
        reason = obstacle(record)
        subject = subject_of(record) if reason is None else None
        if isinstance(subject, str):
            reason = (RenderVerdict.LOAD_ERROR, subject)
        if reason is not None or not isinstance(subject, Subject):
            untested.append((record, *(reason or (RenderVerdict.LOAD_ERROR, "it cannot be read"))))
        elif record.detection.type is ModelType.BASE:
            choices.append(Choice(subject=subject, bases=(subject,), rescues=rescues_for(subject)))
        else:
            chosen, why = _bases_for(subject, bench, subject_of, library)
            if chosen:
                rescues = rescues_for(chosen[0])
                choices.append(Choice(subject=subject, bases=tuple(chosen), rescues=rescues, why=why))
            else:
                untested.append((record, RenderVerdict.NOT_TESTED, why))
    return RenderPlan(choices=tuple(choices), untested=tuple(untested))


def obstacle(record: ModelRecord) -> tuple[RenderVerdict, str] | None:
    """Why a model cannot be tested as it is; None when nothing speaks against it."""
    kind, path = record.detection.type, record.path
    if record.safety.verdict not in _PLAIN:
        return RenderVerdict.NOT_TESTED, f"{record.safety.verdict.value} file"
    if kind is ModelType.UNET:
        return RenderVerdict.NOT_TESTED, "it is the network alone, without text encoder and VAE"
    if kind not in TESTED:
        return RenderVerdict.NOT_TESTED, f"models of type {kind.value} are not rendered with"
    if record.state is not LocationState.PRESENT or path is None or not path.exists():
        return RenderVerdict.NOT_TESTED, "its file is not there (modelhub scan)"
    if record.format is Format.GGUF:
        return RenderVerdict.NOT_TESTED, "GGUF files are not rendered with"
    if record.main.broken:
        return RenderVerdict.INCOMPLETE, record.problems[0] if record.problems else "the file is broken"
    architecture = record.detection.architecture
    if architecture and architecture not in BUILT and record.format is not Format.DIFFUSERS:
        return RenderVerdict.NOT_TESTED, _OTHERS[kind is ModelType.BASE].format(architecture)
    return None


def is_stale(record: ModelRecord, run: RenderRun | None, recipe: Recipe, base: ModelRecord | None) -> bool:
    """Whether the file or the recipe has changed since the run, or there is no run that proves anything."""
    if run is None or run.verdict not in MEANINGS or not MEANINGS[RenderVerdict(run.verdict)].proven:
        return True
    return run.key != key_of(record, recipe, base)


def key_of(record: ModelRecord, recipe: Recipe, base: ModelRecord | None) -> str:
    """What a run's result hangs on: recipe, the file, and the base where the user named one."""
    return recipe.key(parts={"subject": record.main.sha256, "base": base.main.sha256 if base else None})


def _subject(record: ModelRecord) -> Subject | str:
    assert record.path is not None
    detection = record.detection
    try:
        header = read_header(record.path)
    except (ModelhubError, OSError) as exc:
        return exc.message if isinstance(exc, ModelhubError) else f"{record.path} cannot be read: {exc.strerror}"
    resolution = re.match(r"(\d+)", header.metadata.get("modelspec.resolution", ""))
    part = Part(
        path=str(record.path),
        name=record.name,
        type=detection.type.value,
        sha256=record.main.sha256,
        architecture=detection.architecture,
        prediction=detection.prediction,
        words=tuple(word.word for word in detection.trigger_words[:_WORDS]),
        native=int(resolution[1]) if resolution and 64 <= int(resolution[1]) <= 4096 else None,
    )
    return Subject(record=record, part=part, facts=facts(header, detection))


def _bases_for(subject: Subject, bench: Bench, subject_of: object, library: object) -> tuple[list[Subject], str]:
    of, every = subject_of, library
    assert callable(of)
    assert callable(every)
    if bench.named is not None:
        reason = obstacle(bench.named)
        chosen = of(bench.named) if reason is None else reason[1]
        return ([chosen], "named with --base") if isinstance(chosen, Subject) else ([], f"{bench.named.name}: {chosen}")
    # Nothing is put on what is rendered through a pipeline of diffusers.
    built = (base for base in every(ModelType.BASE) if base.record.detection.architecture in (None, *BUILT))
    bases = [base for base in built if fits(subject.facts, base.facts)]
    if not bases:
        return [], "no compatible base in the library"
    preferred = {record.id for record in bench.configured.values()}

    def order(base: Subject) -> tuple[bool, bool, bool, int]:
        run = bench.last.get(base.record.id)
        bad = run is not None and not is_good(run.verdict) and run.verdict != RenderVerdict.NOT_TESTED
        return bad, base.record.id not in preferred, base.record.detection.subtype is not None, base.record.size

    bases.sort(key=order)
    why = "named in the settings" if bases[0].record.id in preferred else _reason(subject, len(bases))
    return bases, why


def _reason(subject: Subject, count: int) -> str:
    width = ", ".join(map(str, sorted(subject.facts.contexts or subject.facts.texts)))
    what = f"fits by its width {width}" if width else "fits"
    return f"the only base that {what}" if count == 1 else f"the smallest of {count} bases that {what}"


def _proven_good(subject: Subject, last: Mapping[int, RenderRun]) -> bool:
    run = last.get(subject.record.id)
    return run is not None and is_good(run.verdict)


def folder_for_pictures(library: Path, record: ModelRecord, stamp: str) -> Path:
    """Where a run's pictures go: `renders/<model id>/<time>` in the library."""
    return library / "renders" / str(record.id) / stamp
