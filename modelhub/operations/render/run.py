"""Render-test: prove that models work, by rendering with each; verdict, numbers and pictures go into the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from modelhub.catalog import Catalog, ModelQuery, RenderRun, Term
from modelhub.domain import ModelRecord, ModelType
from modelhub.operations.render.plan import (
    TESTED,
    Bench,
    Choice,
    folder_for_pictures,
    is_stale,
    key_of,
    plan_renders,
)
from modelhub.progress import SILENT, Progress
from modelhub.render import runner
from modelhub.render.messages import Job, Ready, Result
from modelhub.render.recipes import Recipe
from modelhub.render.verdicts import MEANINGS, RenderVerdict, is_good

_CHUNK = 32  # jobs of one base that a worker takes at once; the next one may go to another GPU


class Which(StrEnum):
    """Which models are tested when none are named."""

    PENDING = "pending"  # never tested, or changed since
    ALL = "all"
    FAILED = "failed"
    STALE = "stale"  # tested, but the file or the recipe has changed since


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to test. `base`: test adapters on this one. `bases`: architecture → base, from the settings."""

    recipe: Recipe = field(default_factory=Recipe)
    device: str = "auto"
    base: ModelRecord | None = None
    bases: Mapping[str, ModelRecord] = field(default_factory=dict)
    limits: runner.Limits = field(default_factory=runner.Limits)
    limit: int | None = None
    as_preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One model's result. `base_why`: how its base was chosen. `preview`: the preview picture that was written."""

    record: ModelRecord
    run: RenderRun
    base_why: str = ""
    preview: Path | None = None

    @property
    def good(self) -> bool:
        """Whether the model does what it is for."""
        return is_good(self.run.verdict)


def _of_type(kind: str | None) -> ModelQuery:
    return ModelQuery(terms=(Term("type", kind),) if kind else ())


def select(catalog: Catalog, *, which: Which, options: Options, type_: str | None = None) -> list[ModelRecord]:
    """The models of the catalog that a run without named models tests."""
    last = catalog.last_render_runs()
    chosen = []
    for record in catalog.records(_of_type(type_)):
        run = last.get(record.id)
        stale = is_stale(record, run, options.recipe, _named_base(record, options))
        wanted = {
            Which.ALL: True,
            Which.PENDING: stale,
            Which.FAILED: run is not None and not is_good(run.verdict),
            Which.STALE: run is not None and stale,
        }[which]
        if wanted and record.detection.type in TESTED:
            chosen.append(record)
    return chosen


def render_test(
    records: Sequence[ModelRecord],
    *,
    catalog: Catalog,
    library: Path,
    options: Options,
    progress: Progress = SILENT,
) -> Iterator[Rendered]:
    """Test each; results come as they are done and are in the catalog by then, so that a broken-off run can go on.

    Raises ModelhubError when no render process can start; every other failure is a verdict.
    """
    last = catalog.last_render_runs()
    bench = Bench(
        library=[r for kind in (ModelType.BASE, ModelType.VAE) for r in catalog.records(_of_type(kind))],
        last=last,
        named=options.base,
        configured=options.bases,
    )
    plan = plan_renders(records[: options.limit] if options.limit is not None else records, bench)
    service = _Service(catalog, library, options, last, progress)
    for record, verdict, words in plan.untested:
        yield service.untested(record, verdict, words)
    if plan.choices:
        with progress.task("rendering", total=len(plan.choices), unit="models") as task:
            for tested in service.rendered(plan.choices, on_stage=lambda job, stage: task.describe(stage.text)):
                yield tested
                task.advance(1)


def _on_another(choice: Choice, bad: Set[int]) -> Choice:
    """The same subject on the next base that is not known to be bad; on the next at all when every one is."""
    rest = choice.bases[1:]
    bases = tuple(base for base in rest if base.record.id not in bad) or rest
    return replace(choice, bases=bases, why=f"{choice.bases[0].record.name} does not work")


def _named_base(record: ModelRecord, options: Options) -> ModelRecord | None:
    return None if record.detection.type is ModelType.BASE else options.base


class _Service:
    def __init__(
        self, catalog: Catalog, library: Path, options: Options, last: Mapping[int, RenderRun], progress: Progress
    ) -> None:
        self.catalog = catalog
        self.library = library
        self.options = options
        self.last = last
        self.progress = progress
        self.stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")

    def untested(self, record: ModelRecord, verdict: RenderVerdict, words: str) -> Rendered:
        """A result without a render. It is stored, unless that would hide what an earlier render proved."""
        run = RenderRun(
            model_id=record.id,
            verdict=verdict.value,
            words=words,
            key=key_of(record, self.options.recipe, _named_base(record, self.options)),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        earlier = self.last.get(record.id)
        if earlier is None or not MEANINGS[RenderVerdict(earlier.verdict)].proven:
            run = self.catalog.add_render_run(run)
        return Rendered(record=record, run=run)

    def rendered(self, choices: Sequence[Choice], on_stage: runner.OnStage) -> Iterator[Rendered]:
        """Run the jobs; where a base turns out not to work, its adapters go to the next one that fits."""
        bad: set[int] = set()
        with runner.Pool(self.options.device, limits=self.options.limits, on_stage=on_stage) as pool:
            self._ready(pool.start())
            while choices:
                by_id = {choice.subject.record.id: choice for choice in choices}
                again: list[Choice] = []
                pool.submit(self._groups(choices))
                for job, result in pool.results():
                    choice = by_id[job.id]
                    if result.base_failed or (job.subject.path == job.base.path and not is_good(result.verdict)):
                        bad.add(choice.bases[0].record.id)
                    if result.base_failed and len(choice.bases) > 1:
                        again.append(choice)
                    else:
                        yield self._rendered(choice, result)
                choices = [_on_another(choice, bad) for choice in again]

    def _ready(self, ready: Ready) -> None:
        versions = ", ".join(f"{name} {version}" for name, version in ready.versions.items())
        self.progress.note(f"rendering on {ready.device_name} ({versions})")

    def _groups(self, choices: Sequence[Choice]) -> list[list[Job]]:
        """Jobs by base, its own first, so that each base loads once; smallest bases first."""
        by_base: dict[int, list[Choice]] = {}
        for choice in sorted(choices, key=lambda c: (c.bases[0].record.size, c.bases[0].record.id)):
            by_base.setdefault(choice.bases[0].record.id, []).append(choice)
        groups = []
        for members in by_base.values():
            members.sort(
                key=lambda c: (c.subject.record.id != c.bases[0].record.id, c.subject.part.type, c.subject.part.name)
            )
            exact = any(choice.subject.part.type != ModelType.BASE for choice in members)
            jobs = [self._job(choice, exact=exact) for choice in members]
            groups += [jobs[at : at + _CHUNK] for at in range(0, len(jobs), _CHUNK)]
        return groups

    def _job(self, choice: Choice, *, exact: bool) -> Job:
        record = choice.subject.record
        return Job(
            id=record.id,
            subject=choice.subject.part,
            base=choice.bases[0].part,
            recipe=self.options.recipe,
            pictures=str(folder_for_pictures(self.library, record, self.stamp)),
            exact=exact,
            rescues=choice.rescues,
            alternatives=len(choice.bases) > 1,
        )

    def _rendered(self, choice: Choice, result: Result) -> Rendered:
        record, base = choice.subject.record, choice.bases[0].record
        pictures = {kind: Path(path).relative_to(self.library).as_posix() for kind, path in result.pictures.items()}
        run = self.catalog.add_render_run(
            RenderRun(
                model_id=record.id,
                base_model_id=base.id if base.id != record.id else None,
                base_name=base.name if base.id != record.id else "",
                recipe={**result.recipe, "base_why": choice.why},
                verdict=result.verdict,
                words=result.words,
                metrics=result.metrics,
                warnings=result.warnings,
                pictures=pictures,
                key=key_of(record, self.options.recipe, _named_base(record, self.options)),
                seconds=result.seconds,
                started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )
        return Rendered(record=record, run=run, base_why=choice.why, preview=self._preview(record, run))

    def _preview(self, record: ModelRecord, run: RenderRun) -> Path | None:
        if not self.options.as_preview or not is_good(run.verdict) or "full" not in run.pictures or record.path is None:
            return None
        from modelhub.render.pictures import write_preview

        return write_preview(self.library / run.pictures["full"], record.path)
