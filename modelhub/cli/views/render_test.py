"""The output of `render-test`: lines for each model, a sum, and a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.cli.labels import label
from modelhub.cli.output import clean, color, listed, pad, print_json, print_lines
from modelhub.cli.quoting import quote_argument
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.errors import Exit, UsageError
from modelhub.language import _, plural, translate
from modelhub.operations.library.advice import KNOWN_BASES
from modelhub.operations.render.options import RenderSelection, RenderTestType
from modelhub.operations.render.plan import NO_BASE
from modelhub.operations.render.report import remedy_of, render_test_document, write_contact_sheet
from modelhub.operations.render.run import RenderTestResult
from modelhub.quantities import format_duration, format_size
from modelhub.render.verdicts import RenderVerdict, is_good, not_tested

if TYPE_CHECKING:
    from modelhub.catalog import RenderRun

_VERDICT_WIDTH = 14
# Verdicts of a sum's "not tested": nothing is proven about the model.
_NOT_JUDGED = frozenset(
    {
        RenderVerdict.LOAD_ERROR,
        RenderVerdict.OUT_OF_MEMORY,
        RenderVerdict.TIMEOUT,
        RenderVerdict.CRASH,
        RenderVerdict.NOT_TESTED,
    }
)


class ResultPrinter:
    """The printer of a run: results as they arrive, at the end the sum, the JSON document and the sheet."""

    def __init__(self, session: Session, *, sheet: Path | None) -> None:
        self.session = session
        self.sheet = sheet
        self.results: list[RenderTestResult] = []

    @property
    def exit_code(self) -> int:
        """FAILED when a model was found not to work."""
        bad = [one for one in self.results if not one.good and one.run.verdict != RenderVerdict.NOT_TESTED]
        return Exit.FAILED if bad else Exit.OK

    def add(self, result: RenderTestResult) -> None:
        """Print one result."""
        self.results.append(result)
        if not self.session.json:
            print_lines(_result_lines(result), indent=_VERDICT_WIDTH + 2)

    def finish(self, *, nothing: str) -> None:
        """Print the sum, also of an interrupted run; `nothing` is the sentence for a run without models."""
        if self.session.json:
            library = self.session.settings.library
            print_json([render_test_document(one.record, one.run, library) for one in self.results])
        else:
            self.session.progress.note(sum_text([one.run.verdict for one in self.results]) if self.results else nothing)
            for hint in missing_base_hints(self.results):
                self.session.progress.note(hint)
        if self.sheet is not None:
            catalog, library = self.session.catalog, self.session.settings.library
            if write_contact_sheet(self.sheet, self.results, catalog=catalog, library=library):
                self.session.progress.note(_("Contact sheet: {path}", path=self.sheet))


def selection_from_flags(*, all_: bool, failed: bool, stale: bool) -> RenderSelection:
    """Return the selection that the flags state. Raise UsageError for more than one flag."""
    flags = ((all_, RenderSelection.ALL), (failed, RenderSelection.FAILED), (stale, RenderSelection.STALE))
    selected = [selection for is_given, selection in flags if is_given]
    if len(selected) > 1:
        raise UsageError("`--all`, `--failed` and `--stale` cannot be combined.")
    return selected[0] if selected else RenderSelection.PENDING


def nothing_to_test(
    session: Session, *, is_named: bool, selection: RenderSelection, type_: RenderTestType | None
) -> str:
    """Return the sentence for a run that found no model to test, in the language in use."""
    from modelhub.operations.render.select import has_testable_models

    if is_named:
        return _("None of these models is of type {type}.", type=type_) if type_ else _("No models were named.")
    if not session.catalog.counts().models:
        return _("No models yet. Add some with `modelhub add FOLDER` or `modelhub pull SOURCE`.")
    if not has_testable_models(session.catalog, type_):
        if type_ is RenderTestType.BASE:
            return _("Nothing to test: the library has no base. `modelhub known` lists some to download.")
        if type_:
            return _("Nothing to test: the library has no models of type {type}.", type=type_)
        return _("Nothing to test: bases, VAEs, LoRAs, embeddings and hypernetworks can be tested; you have none yet.")
    if selection is RenderSelection.FAILED:
        return _("No model has failed its last test.")
    if selection is RenderSelection.STALE:
        return _("No tested model has changed since.")
    return _("Every model has been tested and has not changed. `--all` tests them again.")


def missing_base_hints(results: Sequence[RenderTestResult]) -> list[str]:
    """Return how to get the bases that the tests of these models lacked, a sentence for each architecture."""
    lacking = [one.record.detection for one in results if one.run.words == not_tested(NO_BASE)]
    found = []
    for architecture in dict.fromkeys(each.architecture for each in lacking):
        if name := KNOWN_BASES.get(architecture or ""):
            command = f"modelhub pull {quote_argument(name)}"
            found.append(
                _("`{command}` downloads a base for {architecture}.", command=command, architecture=architecture)
            )
        else:
            found.append(_("An adapter needs a base of its own architecture; `modelhub known` lists some to download."))
    return list(dict.fromkeys(found))


def sum_text(verdicts: Sequence[str]) -> str:
    """Return the sum of a run's verdicts, such as "18 work, 2 do not, 5 not tested."."""
    good = sum(map(is_good, verdicts))
    not_judged = sum(verdict in _NOT_JUDGED for verdict in verdicts)
    bad = len(verdicts) - good - not_judged
    parts = []
    if good:
        parts.append(plural(good, "{count} works", "{count} work"))
    if bad and good:
        parts.append(plural(bad, "{count} does not", "{count} do not"))
    elif bad:
        parts.append(plural(bad, "{count} does not work", "{count} do not work"))
    if not_judged:
        parts.append(_("{count} not tested", count=not_judged))
    return _("{list}.", list=listed(parts))


def _result_lines(result: RenderTestResult) -> list[str]:
    run, record = result.run, result.record
    shade = "32" if result.good else "33" if run.verdict == RenderVerdict.NOT_TESTED else "31"
    if result.good and run.warnings:
        shade = "33"
    word = color(pad(label(run.verdict), _VERDICT_WIDTH), shade)
    indent = " " * (_VERDICT_WIDTH + 2)
    lines = [f"{word}  {clean(record.name)}  ({listed((label(record.detection.type), *_circumstances(run)))})"]
    lines += [f"{indent}{clean(translate(text))}" for text in (run.words, *run.warnings)]
    if remedy := sentence(remedy_of(record, run)):
        lines.append(f"{indent}{clean(translate(remedy))}")
    if result.preview:
        lines.append(indent + _("Preview: {path}", path=clean(str(result.preview))))
    return lines


def _circumstances(run: RenderRun) -> Iterator[str]:
    """Yield the base, the time and the memory of a render."""
    if run.base_name:
        yield _("on {base}", base=clean(run.base_name))
    if run.seconds:
        yield format_duration(run.seconds)
    if str(run.metrics.get("device", "")).startswith("cuda"):
        memory = format_size(int(run.metrics["peak_memory"]))
        yield _("{memory} of VRAM at {pixels} pixels", memory=memory, pixels=run.recipe.get("width"))


def last_test_lines(run: RenderRun, library: Path) -> list[str]:
    """Return the lines of `show` about the last render test."""
    facts = {"verdict": label(run.verdict), "text": translate(run.words), "date": run.started_at[:10]}
    if run.base_name:
        line = _("{verdict}: {text} (on {base}, {date})", base=run.base_name, **facts)
    else:
        line = _("{verdict}: {text} ({date})", **facts)
    lines = [line, *map(translate, run.warnings)]
    if "full" in run.pictures:
        lines.append(str(library / run.pictures["full"]))
    return lines
