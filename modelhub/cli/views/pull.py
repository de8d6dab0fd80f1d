"""What `pull` prints: the choice and its reason, then what came of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from modelhub.cli.output import Column, clean, colour, print_json, table
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.errors import ModelhubError, UsageError, worst_exit_code
from modelhub.fetch.choice.choice import total_size
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.malware_scans import scan_warning
from modelhub.fetch.sources.registry import find_row
from modelhub.operations.remote.obtain import ObtainedFile
from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult, plan_pull, pull
from modelhub.quantities import format_size

PROGRESS_FORMS = ("bars", "none", "json")
_CANDIDATES = (
    Column(""),
    Column("file", flexible=True, least=20),
    Column("what", flexible=True),
    Column("size", right=True),
    Column("why", flexible=True),
)


def run_pulls(session: Session, requests: Sequence[PullRequest], *, dry_run: bool) -> int:
    """Pull one after the other. One that fails does not stop the others; the exit code is that of the worst failure.

    A single one that fails raises its error, unless events are read.
    """
    from modelhub.fetch.sources.registry import fetchers

    sources = fetchers(session.settings)
    documents = []
    failures: list[tuple[PullRequest, ModelhubError]] = []
    for request in requests:
        try:
            documents.append(_pull_one(session, request, sources, dry_run=dry_run))
        except ModelhubError as exc:
            if len(requests) == 1 and session.progress_form != "json":
                raise
            tell(session, exc)
            failures.append((request, exc))
            documents.append(failure_to_json(request.source, exc))
    if session.json:
        print_json(documents)
    elif len(requests) > 1:
        session.progress.note("\n".join(_summary(len(requests), failures)))
    return worst_exit_code(error.code for _, error in failures)


def _pull_one(
    session: Session, request: PullRequest, sources: Sequence[Fetcher], *, dry_run: bool
) -> dict[str, object]:
    plan = plan_pull(request, fetchers=sources)
    for notice in plan.remote.notices:
        session.progress.note(notice)
    if not session.json:
        print("\n".join(plan_lines(plan, full=dry_run)), flush=True)
    if dry_run:
        return plan_to_json(plan)
    announce(session, plan)
    result = pull(plan, catalog=session.catalog, settings=session.settings, progress=session.progress)
    if not session.json:
        print("\n".join(result_lines(result)), flush=True)
    return result_to_json(result)


def announce(session: Session, plan: PullPlan) -> None:
    """Tell whoever reads events what is going to come."""
    from modelhub.cli.progress import JsonProgress

    if isinstance(session.progress, JsonProgress):
        session.progress.plan(plan.request.source, files=len(plan.choice.files), size=plan.choice.size)


def tell(session: Session, error: ModelhubError) -> None:
    """Say at once what failed, while the others go on; as an event to whoever reads events."""
    from modelhub.cli.errors import say
    from modelhub.cli.progress import JsonProgress

    if isinstance(session.progress, JsonProgress):
        session.progress.write("error", message=error.message, hint=sentence(error.remedy), exit_code=int(error.code))
        return
    say(error.message, sentence(error.remedy))


def failure_to_json(source: str, error: ModelhubError) -> dict[str, object]:
    """A source that could not be pulled, in a run of many."""
    return {"source": source, "error": error.message, "hint": sentence(error.remedy), "exit_code": int(error.code)}


def _summary(count: int, failures: Sequence[tuple[PullRequest, ModelhubError]]) -> list[str]:
    if not failures:
        return [f"All {count} sources are done."]
    lines = [f"{count - len(failures)} of {count} sources are done; {len(failures)} failed:"]
    return lines + [f"  {clean(request.source)}: {clean(error.message.splitlines()[0])}" for request, error in failures]


def adjust(session: Session, *, limit_rate: str | None, offline: bool, progress: str | None) -> None:
    """Lay a run's own options over the settings. Raises UsageError."""
    from modelhub.config_keys import KEYS, convert

    if limit_rate is not None:
        key = next(key for key in KEYS if key.name == "transfer.limit_rate")
        session.adjust({key.name: convert(key, limit_rate, "--limit-rate")})
    if offline:
        session.adjust({"offline": True})
    if progress is not None:
        if progress not in PROGRESS_FORMS:
            raise UsageError(f"--progress {progress}: there is no such form.", f"One of: {', '.join(PROGRESS_FORMS)}.")
        session.progress_form = progress


def refuse_with(option: str, others: Mapping[str, object], reason: str) -> None:
    """Raises UsageError when one of `others` was given too: it would be ignored."""
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"{' and '.join(given)} cannot be said with {option}.", reason)


def given_sources(words: Sequence[str]) -> list[str]:
    """The sources of a command line; `-` stands for those that are read from standard input."""
    found: list[str] = []
    for word in words:
        found += read_sources(_standard_input()) if word == "-" else [word]
    return list(dict.fromkeys(found))


def _standard_input() -> list[str]:
    """Its lines, as UTF-8 whatever the terminal's encoding is."""
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace").splitlines()


def read_sources(lines: Iterable[str]) -> list[str]:
    """The sources of a list, one a line; what follows ` #` and lines that begin with # are comments; each once.

    Raises UsageError for a list without any.
    """
    texts = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)
    found = list(dict.fromkeys(text for text in texts if text))
    if not found:
        raise UsageError("The list of sources is empty.", "Write one a line, such as org/name or civitai:4384.")
    return found


def plan_lines(plan: PullPlan, *, full: bool) -> list[str]:
    """The choice in one line; with `full` the table of everything that was looked at."""
    choice = plan.choice
    count = "the diffusers folder, " if choice.layout == "diffusers" else ""
    files = f"{len(choice.files)} files" if len(choice.files) != 1 else choice.files[0].name
    size = format_size(total_size(choice.files))
    head = f"{colour(clean(plan.remote.reference), '1')}: {count}{clean(files)}, {size}"
    lines = [head, f"  because: {clean(choice.reason)}"]
    if full:
        rows = [
            (
                "→" if candidate.chosen else "",
                candidate.file.name,
                candidate.role,
                format_size(candidate.file.size),
                candidate.reason,
            )
            for candidate in choice.candidates
        ]
        lines += [f"  {line}" for line in table(_CANDIDATES, rows)]
        lines.append("Nothing was downloaded (--dry-run).")
    return lines


def result_lines(result: PullResult) -> list[str]:
    """Where the models are now, and how their bytes came."""
    lines = []
    for model in result.models:
        lines.append(
            f"{colour('ready', '32')}  {clean(model.name)}  ({headline(model.detection)}, {format_size(model.size)})"
        )
        lines.append(f"       {clean(str(model.path))}")
        lines += [f"       note: {clean(problem)}" for problem in model.problems]
    how = _ways(result.obtained)
    said = (how, *_said_by_source(result))
    return lines + [f"       {clean(text)}" for text in said if text]


def _said_by_source(result: PullResult) -> list[str]:
    """The licence, and the source's scan where it is not clean."""
    remote = result.plan.remote
    row = find_row(remote.kind)
    lines = [f"licence: {remote.license}"] if remote.license else []
    for item in result.obtained:
        warning = scan_warning(item.remote.scan, row.name if row else remote.kind) if item.remote.scan else None
        if warning:
            lines.append(f"warning: {item.remote.name}: {warning}")
    return lines


def _ways(obtained: Sequence[ObtainedFile]) -> str:
    words = {"held": "already held", "cached": "taken from the Hugging Face cache"}
    parts = []
    for way, text in words.items():
        count = sum(item.origin == way for item in obtained)
        if count:
            parts.append(f"{count} file{'s' * (count != 1)} {text}, not downloaded")
    resumed = sum(item.resumed for item in obtained)
    if resumed:
        parts.append(f"{format_size(resumed)} were there from an earlier try")
    checked = sum(item.origin == "downloaded" and item.remote.sha256 is not None for item in obtained)
    if checked:
        parts.append("SHA-256 is the one that the source states" if checked == 1 else f"{checked} SHA-256 as stated")
    return "; ".join(parts)


def plan_to_json(plan: PullPlan) -> dict[str, object]:
    """A plan as `pull --dry-run --json` prints it."""
    remote, choice = plan.remote, plan.choice
    return {
        "source": plan.request.source,
        "reference": remote.reference,
        "requested": remote.requested,
        "commit": remote.commit,
        "license": remote.license,
        "notices": list(remote.notices),
        "layout": choice.layout,
        "reason": choice.reason,
        "size": choice.size,
        "files": [{"name": f.name, "size": f.size, "sha256": f.sha256, "scan": f.scan} for f in choice.files],
        "candidates": [
            {"name": c.file.name, "size": c.file.size, "what": c.role, "chosen": c.chosen, "why": c.reason}
            for c in choice.candidates
        ],
    }


def result_to_json(result: PullResult) -> dict[str, object]:
    """A finished pull as `pull --json` prints it."""
    from modelhub.documents.model import model_document

    document = plan_to_json(result.plan)
    document["obtained"] = [
        {
            "name": item.remote.name,
            "how": item.origin,
            "size": item.size,
            "resumed": item.resumed,
            "sha256": item.hashes.sha256,
        }
        for item in result.obtained
    ]
    document["models"] = [model_document(model) for model in result.models]
    return document
