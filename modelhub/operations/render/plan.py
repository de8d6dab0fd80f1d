"""Plan render tests: the base for each model, and the reason where a model is not tested. Reads only headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import RenderRun
from modelhub.domain import Format, LocationState, ModelRecord, ModelType, Verdict
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.operations.render.options import RenderTestType
from modelhub.render.compatibility import BUILT_ARCHITECTURES, Interface, fits, read_interface
from modelhub.render.messages import Part
from modelhub.render.recipes import Recipe
from modelhub.render.verdicts import RenderVerdict, is_good, is_proven, not_testable, not_tested

_TRIGGER_WORDS = 3  # in the prompt
_FALLBACK_VAES = 3  # tried when a base's own VAE fails
_LOADABLE = (Verdict.SAFE, Verdict.SAFE_LEGACY, Verdict.SUSPICIOUS)

# Why an adapter is not tested when nothing is there to test it on.
NO_BASE = "the library has no matching base"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestableModel:
    """A model that can be tested, with its part in a job and its interface."""

    record: ModelRecord
    part: Part
    interface: Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Untested:
    """A model with the verdict that it has without a render, in a word and in sentences."""

    record: ModelRecord
    verdict: RenderVerdict
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTest:
    """A model and the bases it may be tested on, best first; `why`: how the first was chosen."""

    subject: TestableModel
    bases: tuple[TestableModel, ...]
    why: str = ""
    fallback_vaes: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderPlan:
    """The tests to run, and the models that are not tested."""

    tests: tuple[PlannedTest, ...] = ()
    untested: tuple[Untested, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderLibrary:
    """The bases and VAEs of the catalog, and the last run of every model.

    `requested`: the only base for adapters; `preferred`: architecture → base.
    """

    models: Sequence[ModelRecord]
    last_runs: Mapping[int, RenderRun]
    requested: ModelRecord | None = None
    preferred: Mapping[str, ModelRecord] = field(default_factory=dict)


def plan_renders(records: Iterable[ModelRecord], library: RenderLibrary) -> RenderPlan:
    """Return the bases for every model that can be tested, and a reason for every other one."""
    planner = _Planner(library)
    tests: list[PlannedTest] = []
    untested: list[Untested] = []
    for record in records:
        planned = planner.plan(record)
        if isinstance(planned, Untested):
            untested.append(planned)
        else:
            tests.append(planned)
    return RenderPlan(tests=tuple(tests), untested=tuple(untested))


class _Planner:
    """A library whose models are read once."""

    def __init__(self, library: RenderLibrary) -> None:
        self._library = library
        self._read: dict[int, TestableModel | Untested] = {}

    def plan(self, record: ModelRecord) -> PlannedTest | Untested:
        subject = self._model(record)
        if isinstance(subject, Untested):
            return subject
        if record.detection.type is ModelType.BASE:
            return PlannedTest(subject=subject, bases=(subject,), fallback_vaes=self._fallback_vaes(subject))
        bases, why = self._bases(subject)
        if not bases:
            return Untested(record=record, verdict=RenderVerdict.NOT_TESTED, words=not_tested(why))
        return PlannedTest(subject=subject, bases=tuple(bases), fallback_vaes=self._fallback_vaes(bases[0]), why=why)

    def _model(self, record: ModelRecord) -> TestableModel | Untested:
        if record.id not in self._read:
            self._read[record.id] = find_obstacle(record) or _read_model(record)
        return self._read[record.id]

    def _models(self, type_: ModelType) -> list[TestableModel]:
        """Return the models of a type in the library that can be loaded."""
        models = (self._model(record) for record in self._library.models if record.detection.type is type_)
        return [model for model in models if isinstance(model, TestableModel)]

    def _fallback_vaes(self, base: TestableModel) -> tuple[Part, ...]:
        vaes = [vae for vae in self._models(ModelType.VAE) if fits(vae.interface, base.interface)]
        vaes.sort(key=lambda vae: not _is_known_good(vae, self._library.last_runs))
        return tuple(vae.part for vae in vaes[:_FALLBACK_VAES])

    def _bases(self, subject: TestableModel) -> tuple[list[TestableModel], str]:
        """Return the bases for an adapter, best first, with how the first was chosen; or none, with the reason."""
        if (requested := self._library.requested) is not None:
            model = self._model(requested)
            if isinstance(model, Untested):
                return [], f"{requested.name} cannot be the base: {_reason_of(model.words)}"
            return [model], "the requested base"
        # Adapters cannot be applied to what is rendered by a pipeline of diffusers.
        built = (
            base
            for base in self._models(ModelType.BASE)
            if base.record.detection.architecture in (None, *BUILT_ARCHITECTURES)
        )
        bases = [base for base in built if fits(subject.interface, base.interface)]
        if not bases:
            return [], NO_BASE
        preferred = {record.id for record in self._library.preferred.values()}

        def order(base: TestableModel) -> tuple[bool, bool, bool, int]:
            run = self._library.last_runs.get(base.record.id)
            is_bad = run is not None and not is_good(run.verdict) and run.verdict != RenderVerdict.NOT_TESTED
            has_subtype = base.record.detection.subtype is not None
            return is_bad, base.record.id not in preferred, has_subtype, base.record.size

        bases.sort(key=order)
        is_preferred = bases[0].record.id in preferred
        return bases, "named in the settings" if is_preferred else _describe_choice(subject, len(bases))


def find_obstacle(record: ModelRecord) -> Untested | None:
    """Return why a model cannot be tested as it is; None when it can."""
    type_, path, architecture = record.detection.type, record.path, record.detection.architecture
    reason = ""
    is_cut = record.main.broken and record.safety.verdict is Verdict.UNRECOGNISED  # damaged, not unsafe
    if record.safety.verdict not in _LOADABLE and not is_cut:
        reason = f"the safety scan judged the file as {record.safety.verdict.value}"
    elif type_ is ModelType.UNET:
        reason = "it is the network alone, without text encoder and VAE"
    elif type_.value not in tuple(RenderTestType):
        reason = f"models of type {type_.value} cannot be render-tested yet"
    elif record.state is not LocationState.PRESENT or path is None or not path.exists():
        reason = "its file is missing"
    elif record.format is Format.GGUF:
        reason = "GGUF files cannot be render-tested yet"
    elif record.main.broken:
        words = record.problems[0] if record.problems else "The file is broken."
        return Untested(record=record, verdict=RenderVerdict.INCOMPLETE, words=words)
    elif architecture and architecture not in BUILT_ARCHITECTURES and record.format is not Format.DIFFUSERS:
        reason = f"adapters for {architecture} cannot be render-tested yet"
        if type_ is ModelType.BASE:
            reason = f"{architecture} models can be render-tested only as a diffusers folder"
    if not reason:
        return None
    return Untested(record=record, verdict=RenderVerdict.NOT_TESTED, words=not_tested(reason))


def is_stale(record: ModelRecord, run: RenderRun | None, recipe: Recipe, base: ModelRecord | None) -> bool:
    """Return whether the file or the recipe has changed since the run, or no run has judged the model."""
    if run is None or run.verdict not in tuple(RenderVerdict) or not is_proven(run.verdict):
        return True
    return run.key != recipe_key(record, recipe, base)


def recipe_key(record: ModelRecord, recipe: Recipe, base: ModelRecord | None) -> str:
    """Return the key of a result: it changes with the recipe, the file, and the base that the user requested."""
    return recipe.key(parts={"subject": record.main.sha256, "base": base.main.sha256 if base else None})


def _read_model(record: ModelRecord) -> TestableModel | Untested:
    assert record.path is not None
    detection = record.detection
    try:
        header = read_header(record.path)
    except (ModelhubError, OSError) as exc:
        reason = exc.message if isinstance(exc, ModelhubError) else f"{record.path} cannot be read: {exc.strerror}"
        return Untested(record=record, verdict=RenderVerdict.LOAD_ERROR, words=not_testable(reason))
    resolution = re.match(r"(\d+)", header.metadata.get("modelspec.resolution", ""))
    part = Part(
        path=str(record.path),
        name=record.name,
        type=detection.type.value,
        sha256=record.main.sha256,
        architecture=detection.architecture,
        prediction=detection.prediction,
        trigger_words=tuple(word.word for word in detection.trigger_words[:_TRIGGER_WORDS]),
        native_size=int(resolution[1]) if resolution and 64 <= int(resolution[1]) <= 4096 else None,
    )
    return TestableModel(record=record, part=part, interface=read_interface(header, detection))


def _describe_choice(subject: TestableModel, count: int) -> str:
    """Return how the first of `count` bases was chosen."""
    widths = ", ".join(map(str, sorted(subject.interface.contexts or subject.interface.texts)))
    if count == 1:
        return f"the only base that fits by its width {widths}" if widths else "the only base that fits"
    if widths:
        return f"the smallest of {count} bases that fit by their width {widths}"
    return f"the smallest of {count} bases that fit"


def _reason_of(words: str) -> str:
    """Return the reason of a "Not tested" sentence as a clause."""
    return words.removeprefix("Not tested: ").removesuffix(".")


def _is_known_good(model: TestableModel, last_runs: Mapping[int, RenderRun]) -> bool:
    run = last_runs.get(model.record.id)
    return run is not None and is_good(run.verdict)


def folder_for_pictures(library: Path, record: ModelRecord, stamp: str) -> Path:
    """Return the folder for a run's pictures: `renders/<model id>/<time>` in the library."""
    return library / "renders" / str(record.id) / stamp
