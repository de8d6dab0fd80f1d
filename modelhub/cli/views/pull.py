"""Show pulls: each choice with its reason, then the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelhub.cli.output import Column, clean, color, print_json, print_lines, table
from modelhub.cli.quoting import quote_argument
from modelhub.cli.remedies import sentence
from modelhub.cli.screen.text_layout import width
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.cli.views.failures import show_failure
from modelhub.cli.views.safety_words import next_step, verdict_sentence
from modelhub.cli.views.usage import INDENT, pulled_usage_lines
from modelhub.documents.pull import PullDocument
from modelhub.domain import HARMLESS, ModelRecord, Verdict
from modelhub.errors import Exit, worst_exit_code
from modelhub.fetch.choice.choice import FileChoice, ModelLayout, total_size
from modelhub.fetch.fetcher import RemoteModel
from modelhub.fetch.malware_scans import scan_warning
from modelhub.fetch.sources.registry import fetchers, find_row
from modelhub.language import _, plural, translate
from modelhub.operations.remote.check import PICKLES
from modelhub.operations.remote.documents import plan_document, pull_document, pull_failure_document
from modelhub.operations.remote.obtain import FileOrigin, ObtainedFile
from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult
from modelhub.operations.remote.pull_many import PullFailure, plan_pulls, pull_many
from modelhub.quantities import format_size
from modelhub.redaction import redact_text

_FINDINGS_SHOWN = 3
_CANDIDATES = (
    Column(""),
    Column("file", flexible=True, least=20, main=True),
    Column("what", spare=1),  # the reason states the same in words
    Column("size", right=True),
    Column("why", flexible=True, least=20, wraps=True),
)


def run_pulls(session: Session, requests: Sequence[PullRequest], *, dry_run: bool) -> int:
    """Pull, or only plan, and show each step; return the exit code of the worst failure.

    The failure of a single request is raised, unless events are written.
    """
    documents: list[PullDocument] = []
    failures: list[PullFailure] = []
    codes: list[Exit] = []
    for step in _steps(session, requests, dry_run=dry_run):
        match step:
            case PullPlan():
                show_plan(session, step, full=dry_run)
                if dry_run:
                    documents.append(plan_document(step))
            case PullResult():
                show_result(session, step)
                documents.append(pull_document(step))
                codes.append(step.code)
            case PullFailure(error=error):
                if len(requests) == 1 and session.progress_form != "json":
                    raise error
                show_failure(session, error)
                failures.append(step)
                documents.append(pull_failure_document(step, hint=sentence(error.remedy)))
    if session.json:
        print_json(documents)
    elif len(requests) > 1:
        for line in _summary_lines(len(requests), failures):
            session.progress.note(line)
    return worst_exit_code([*codes, *(failure.error.code for failure in failures)])


def _steps(
    session: Session, requests: Sequence[PullRequest], *, dry_run: bool
) -> Iterator[PullPlan | PullResult | PullFailure]:
    sources = fetchers(session.settings)
    if dry_run:
        return iter(plan_pulls(requests, fetchers=sources))
    return pull_many(
        requests,
        fetchers=sources,
        open_catalog=lambda: session.catalog,
        settings=session.settings,
        progress=session.progress,
    )


def show_plan(session: Session, plan: PullPlan, *, full: bool) -> None:
    """Show the notices of a source and the choice; `full` adds the table of everything that was considered.

    Events announce a plan that is carried out, which a full one is not.
    """
    from modelhub.cli.progress import JsonProgress

    for notice in plan.remote.notices:
        session.progress.note(notice)
    if not session.json:
        print_lines(plan_lines(plan, full=full))
    if not full and isinstance(session.progress, JsonProgress):
        session.progress.plan(redact_text(plan.request.source), files=len(plan.choice.files), size=plan.choice.size)


def show_result(session: Session, result: PullResult) -> None:
    """Show where the models are now."""
    if not session.json:
        print_lines(result_lines(result), indent=result_indent() + 2)
        print_lines(pulled_usage_lines(result.models, session.catalog), indent=INDENT)


def _summary_lines(count: int, failures: Sequence[PullFailure]) -> list[str]:
    if not failures:
        return [_("All {count} sources are done.", count=count)]
    done, failed = count - len(failures), len(failures)
    lines = [_("{done} of {count} sources are done; {failed} failed:", done=done, count=count, failed=failed)]
    return lines + [
        f"  {clean(redact_text(failure.request.source))}: {clean(translate(failure.error.summary)).rstrip(':：')}"
        for failure in failures
    ]


def plan_lines(plan: PullPlan, *, full: bool) -> list[str]:
    """Return the choice in two lines; with `full`, also the table of everything that was considered."""
    choice = plan.choice
    size = translate(format_size(total_size(choice.files)))
    source = color(clean(plan.remote.reference), "1")
    lines = [
        _("{source}: {files}, {size}", source=source, files=clean(_files_text(choice)), size=size),
        *_version_lines(plan.remote),
        _("  because: {reason}", reason=clean(translate(choice.reason))),
    ]
    if not full:
        return lines
    rows = [
        (
            "→" if candidate.chosen else "",
            candidate.file.name,
            candidate.role,
            translate(format_size(candidate.file.size)),
            translate(candidate.reason),
        )
        for candidate in choice.candidates
    ]
    if rows:  # an update takes the files that it replaces; nothing was chosen
        lines += table(_CANDIDATES, rows, indent=2)
    if not all(candidate.chosen for candidate in choice.candidates):
        lines.append(_("Choose other files with `--file`."))
    lines.append(_("Nothing was downloaded (--dry-run)."))
    return lines


def _version_lines(remote: RemoteModel) -> Iterator[str]:
    """Yield the line about the version that was resolved, where the source has versions."""
    version = remote.version
    if version is None:
        return
    name, base = clean(version.name), clean(version.base_model or _("base model unknown"))
    if len(remote.versions) > 1:
        yield _(
            "  version {name} ({base}), one of {count}: {reason}",
            name=name,
            base=base,
            count=len(remote.versions),
            reason=translate(remote.version_reason),
        )
    else:
        yield _("  version {name} ({base})", name=name, base=base)


def _files_text(choice: FileChoice) -> str:
    if choice.layout is ModelLayout.DIFFUSERS:
        return plural(len(choice.files), "the diffusers folder, {count} file", "the diffusers folder, {count} files")
    return choice.files[0].name if len(choice.files) == 1 else _("{count} files", count=len(choice.files))


def result_indent() -> int:
    """Return the columns in front of the text about a model: those of its status, and a gap."""
    return width(_("ready")) + 2


def result_lines(result: PullResult) -> list[str]:
    """Return where the models are now, and how their files were obtained."""
    lines = [_("warning: {note}", note=clean(translate(note))) for note in result.notes]
    space = " " * result_indent()
    for model in result.models:
        facts = f"{clean(headline(model.detection))}, {format_size(model.size)}"
        lines.append(f"{color(_('ready'), '32')}  {clean(model.name)}  ({facts})")
        lines.append(space + clean(str(model.path)))
        if result.known is not None:
            lines.append(space + _("This is {name}.", name=result.known.name))
        lines += [space + _("note: {problem}", problem=clean(translate(problem))) for problem in model.problems]
        lines += [space + line for line in (*_warning_lines(model), *_pickle_lines(model))]
    for error in result.refused:
        lines.append(f"{color(_('refused'), '31;1')}  {clean(translate(error.summary))}")
        lines += [space + clean(translate(text)) for text in (*error.details, sentence(error.remedy)) if text]
    return lines + [space + clean(text) for text in (*_obtained_lines(result.obtained), *_source_lines(result))]


def _warning_lines(model: ModelRecord) -> Iterator[str]:
    """Yield the verdict on a folder that came whole although a part of it may act, with what was found."""
    if model.safety.verdict in (Verdict.SUSPICIOUS, Verdict.DANGEROUS):
        yield _("warning: {note}", note=translate(verdict_sentence(model, broken=False)))
        yield from (f"- {clean(translate(finding))}" for finding in model.safety.findings[:_FINDINGS_SHOWN])
        yield translate(next_step(model, broken=False))


def _pickle_lines(model: ModelRecord) -> Iterator[str]:
    """Yield what to do about a model that was kept as a pickle."""
    if model.format in PICKLES and model.safety.verdict in HARMLESS:
        yield _(
            "It is a pickle. `modelhub convert {name}` makes a safetensors file of it.",
            name=quote_argument(model.name),
        )


def _source_lines(result: PullResult) -> Iterator[str]:
    """Yield the license, and the verdict of the source's malware scan where it is not clean."""
    remote = result.plan.remote
    row = find_row(remote.kind)
    if remote.license:
        yield _("license: {license}", license=translate(remote.license))
    for file in result.obtained:
        warning = scan_warning(file.remote.scan, row.name if row else remote.kind) if file.remote.scan else None
        if warning:
            yield _("warning: {file}: {warning}", file=file.remote.name, warning=translate(warning))


def _obtained_lines(obtained: Sequence[ObtainedFile]) -> Iterator[str]:
    """Yield one sentence for each way in which files were obtained."""
    held = _count(obtained, FileOrigin.HELD)
    if held:
        yield plural(
            held,
            "{count} file is in the library already and was not downloaded.",
            "{count} files are in the library already and were not downloaded.",
        )
    cached = _count(obtained, FileOrigin.CACHED)
    if cached:
        yield plural(
            cached,
            "{count} file was taken from a cache on this machine.",
            "{count} files were taken from a cache on this machine.",
        )
    resumed = sum(file.resumed for file in obtained)
    if resumed:
        yield _("Resumed: {size} had been downloaded before.", size=format_size(resumed))
    verified = _count((file for file in obtained if file.remote.sha256), FileOrigin.DOWNLOADED)
    if verified:
        yield plural(
            verified,
            "The SHA-256 is the one that the source states.",
            "The SHA-256 of {count} files are those that the source states.",
        )


def _count(files: Iterable[ObtainedFile], origin: FileOrigin) -> int:
    return sum(file.origin is origin for file in files)
