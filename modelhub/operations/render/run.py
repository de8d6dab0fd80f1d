"""Render with models to test them; verdict, metrics and pictures go into the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from modelhub.catalog import Catalog, RenderRun
from modelhub.domain import ModelRecord, ModelType
from modelhub.operations.render.options import RenderOptions, RenderSelection, RenderTestType
from modelhub.operations.render.plan import (
    PlannedTest,
    RenderLibrary,
    RenderPlan,
    Untested,
    folder_for_pictures,
    plan_renders,
    recipe_key,
)
from modelhub.operations.render.select import models_of_type, requested_base, select_models
from modelhub.progress import SILENT, Progress
from modelhub.render import runner
from modelhub.render.messages import Job, Ready, Result
from modelhub.render.verdicts import is_good, is_proven

_CHUNK = 32  # jobs of one base that a worker takes at once; the next chunk may go to another GPU


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTestResult:
    """One model's result. `base_why`: how its base was chosen; `preview`: the preview picture that was written."""

    record: ModelRecord
    run: RenderRun
    base_why: str = ""
    preview: Path | None = None

    @property
    def good(self) -> bool:
        """True when the model does what it is for."""
        return is_good(self.run.verdict)


def render_test(
    models: Sequence[ModelRecord] | None = None,
    *,
    catalog: Catalog,
    library: Path,
    selection: RenderSelection = RenderSelection.PENDING,
    type_: RenderTestType | None = None,
    options: RenderOptions | None = None,
    progress: Progress = SILENT,
) -> list[RenderTestResult]:
    """Test models and return all results; parameters and errors as for `iter_render_test`."""
    return list(
        iter_render_test(
            models,
            catalog=catalog,
            library=library,
            selection=selection,
            type_=type_,
            options=options,
            progress=progress,
        )
    )


def iter_render_test(
    models: Sequence[ModelRecord] | None = None,
    *,
    catalog: Catalog,
    library: Path,
    selection: RenderSelection = RenderSelection.PENDING,
    type_: RenderTestType | None = None,
    options: RenderOptions | None = None,
    progress: Progress = SILENT,
) -> Iterator[RenderTestResult]:
    """Test `models`, or those of a selection; yield each result as soon as it is in the catalog.

    The models are selected and planned before this returns; rendering starts with the first result that is read. A run
    that is interrupted resumes with the models that have no result yet. `library`: the folder that gets the pictures.
    Raise UsageError, and ModelhubError when a library is not installed or no render process can start; every other
    failure is a verdict.
    """
    options = options or RenderOptions()
    records = select_models(catalog, models=models, selection=selection, type_=type_, options=options)
    if records:
        runner.require()
    last_runs = catalog.last_render_runs()
    bases_and_vaes = [model for kind in (ModelType.BASE, ModelType.VAE) for model in models_of_type(catalog, kind)]
    plan = plan_renders(
        records,
        RenderLibrary(models=bases_and_vaes, last_runs=last_runs, requested=options.base, preferred=options.bases),
    )
    return _TestRun(catalog, library, options, last_runs, progress).results(plan)


class _TestRun:
    """One run of render tests."""

    def __init__(
        self,
        catalog: Catalog,
        library: Path,
        options: RenderOptions,
        last_runs: Mapping[int, RenderRun],
        progress: Progress,
    ) -> None:
        self.catalog = catalog
        self.library = library
        self.options = options
        self.last_runs = last_runs
        self.progress = progress
        self.stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")

    def results(self, plan: RenderPlan) -> Iterator[RenderTestResult]:
        """Yield the results of a plan: first those without a render."""
        for untested in plan.untested:
            yield self._store_untested(untested)
        if plan.tests:
            with self.progress.task("rendering", total=len(plan.tests), unit="models") as task:
                for result in self._render(plan.tests, on_stage=lambda job, stage: task.describe(stage.text)):
                    yield result
                    task.advance(1)

    def _store_untested(self, untested: Untested) -> RenderTestResult:
        """Return a result without a render; it is stored unless that would hide what an earlier render has proven."""
        record = untested.record
        run = RenderRun(
            model_id=record.id,
            verdict=untested.verdict.value,
            words=untested.words,
            key=recipe_key(record, self.options.recipe, requested_base(record, self.options)),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        earlier = self.last_runs.get(record.id)
        if earlier is None or not is_proven(earlier.verdict):
            run = self.catalog.add_render_run(run)
        return RenderTestResult(record=record, run=run)

    def _render(self, tests: Sequence[PlannedTest], on_stage: runner.OnStage) -> Iterator[RenderTestResult]:
        """Run the tests; where a base turns out not to work, its adapters are tested on the next one that fits."""
        bad_bases: set[int] = set()
        with runner.Pool(self.options.device, limits=self.options.limits, on_stage=on_stage) as pool:
            self._note_device(pool.start())
            while tests:
                by_id = {test.subject.record.id: test for test in tests}
                again: list[PlannedTest] = []
                pool.submit(self._group_jobs(tests))
                for job, result in pool.results():
                    test = by_id[job.id]
                    if result.base_failed or (job.subject.path == job.base.path and not is_good(result.verdict)):
                        bad_bases.add(test.bases[0].record.id)
                    if result.base_failed and len(test.bases) > 1:
                        again.append(test)
                    else:
                        yield self._store(test, result)
                tests = [_on_next_base(test, bad_bases) for test in again]

    def _note_device(self, ready: Ready) -> None:
        versions = ", ".join(f"{name} {version}" for name, version in ready.versions.items())
        self.progress.note(f"rendering on {ready.device_name} ({versions})")

    def _group_jobs(self, tests: Sequence[PlannedTest]) -> list[list[Job]]:
        """Return jobs by base, its own first, so that each base is loaded once; smallest bases first."""
        by_base: dict[int, list[PlannedTest]] = {}
        for test in sorted(tests, key=lambda t: (t.bases[0].record.size, t.bases[0].record.id)):
            by_base.setdefault(test.bases[0].record.id, []).append(test)
        groups = []
        for members in by_base.values():
            members.sort(
                key=lambda t: (t.subject.record.id != t.bases[0].record.id, t.subject.part.type, t.subject.part.name)
            )
            exact = any(test.subject.part.type != ModelType.BASE for test in members)
            jobs = [self._make_job(test, exact=exact) for test in members]
            groups += [jobs[at : at + _CHUNK] for at in range(0, len(jobs), _CHUNK)]
        return groups

    def _make_job(self, test: PlannedTest, *, exact: bool) -> Job:
        record = test.subject.record
        return Job(
            id=record.id,
            subject=test.subject.part,
            base=test.bases[0].part,
            recipe=self.options.recipe,
            pictures=str(folder_for_pictures(self.library, record, self.stamp)),
            exact=exact,
            fallback_vaes=test.fallback_vaes,
            has_alternatives=len(test.bases) > 1,
        )

    def _store(self, test: PlannedTest, result: Result) -> RenderTestResult:
        record, base = test.subject.record, test.bases[0].record
        pictures = {kind: Path(path).relative_to(self.library).as_posix() for kind, path in result.pictures.items()}
        run = self.catalog.add_render_run(
            RenderRun(
                model_id=record.id,
                base_model_id=base.id if base.id != record.id else None,
                base_name=base.name if base.id != record.id else "",
                recipe={**result.recipe, "base_why": test.why},
                verdict=result.verdict,
                words=result.words,
                metrics=result.metrics,
                warnings=result.warnings,
                pictures=pictures,
                key=recipe_key(record, self.options.recipe, requested_base(record, self.options)),
                seconds=result.seconds,
                started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )
        return RenderTestResult(record=record, run=run, base_why=test.why, preview=self._write_preview(record, run))

    def _write_preview(self, record: ModelRecord, run: RenderRun) -> Path | None:
        if not self.options.as_preview or not is_good(run.verdict) or "full" not in run.pictures or record.path is None:
            return None
        from modelhub.render.pictures import write_preview

        return write_preview(self.library / run.pictures["full"], record.path)


def _on_next_base(test: PlannedTest, bad_bases: Set[int]) -> PlannedTest:
    """Return the test on the next base that is not known to be bad, or on the next one when all are."""
    rest = test.bases[1:]
    bases = tuple(base for base in rest if base.record.id not in bad_bases) or rest
    return replace(test, bases=bases, why=f"{test.bases[0].record.name} does not work")
