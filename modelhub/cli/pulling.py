"""What `pull` prints: the choice and its reason, then what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.cli.output import Column, clean, colour, print_json, size_text, table
from modelhub.cli.report import headline
from modelhub.cli.session import Session
from modelhub.operations.obtain import Obtained
from modelhub.operations.pull import Plan, Pulled, Request, plan_pull, pull

_CANDIDATES = (
    Column(""),
    Column("file", flexible=True, least=20),
    Column("what", flexible=True),
    Column("size", right=True),
    Column("why", flexible=True),
)


def run_pulls(session: Session, requests: Sequence[Request], *, dry_run: bool) -> None:
    """Pull one after the other. The first failure ends the run; what was finished before stays."""
    from modelhub.fetch.sources import fetchers

    sources = fetchers(session.settings)
    documents = []
    for request in requests:
        plan = plan_pull(request, fetchers=sources)
        for notice in plan.remote.notices:
            session.progress.note(notice)
        if not session.json:
            print("\n".join(plan_lines(plan, full=dry_run)), flush=True)
        if dry_run:
            documents.append(plan_to_json(plan))
            continue
        result = pull(plan, catalog=session.catalog, settings=session.settings, progress=session.progress)
        documents.append(result_to_json(result))
        if not session.json:
            print("\n".join(result_lines(result)), flush=True)
    if session.json:
        print_json(documents)


def plan_lines(plan: Plan, *, full: bool) -> list[str]:
    """The choice in one line; with `full` the table of everything that was looked at."""
    choice = plan.choice
    count = "the diffusers folder, " if choice.layout == "diffusers" else ""
    files = f"{len(choice.files)} files" if len(choice.files) != 1 else choice.files[0].name
    head = f"{colour(clean(plan.remote.reference), '1')}: {count}{clean(files)}, {size_text(choice.size)}"
    lines = [head, f"  because: {clean(choice.reason)}"]
    if full:
        rows = [
            (
                "→" if candidate.chosen else "",
                candidate.file.name,
                candidate.role,
                size_text(candidate.file.size) if candidate.file.size is not None else "?",
                candidate.reason,
            )
            for candidate in choice.candidates
        ]
        lines += [f"  {line}" for line in table(_CANDIDATES, rows)]
        lines.append("Nothing was downloaded (--dry-run).")
    return lines


def result_lines(result: Pulled) -> list[str]:
    """Where the models are now, and how their bytes came."""
    lines = []
    for model in result.models:
        lines.append(
            f"{colour('ready', '32')}  {clean(model.name)}  ({headline(model.detection)}, {size_text(model.size)})"
        )
        lines.append(f"       {clean(str(model.path))}")
        lines += [f"       note: {clean(problem)}" for problem in model.problems]
    how = _ways(result.obtained)
    return lines + ([f"       {how}"] if how else [])


def _ways(obtained: Sequence[Obtained]) -> str:
    words = {"held": "already held", "cached": "taken from the Hugging Face cache"}
    parts = []
    for way, text in words.items():
        count = sum(item.how == way for item in obtained)
        if count:
            parts.append(f"{count} file{'s' * (count != 1)} {text}, not downloaded")
    resumed = sum(item.resumed for item in obtained)
    if resumed:
        parts.append(f"{size_text(resumed)} were there from an earlier try")
    checked = sum(item.how == "downloaded" and item.remote.sha256 is not None for item in obtained)
    if checked:
        parts.append("SHA-256 is the one that the source states" if checked == 1 else f"{checked} SHA-256 as stated")
    return "; ".join(parts)


def plan_to_json(plan: Plan) -> dict[str, object]:
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
        "files": [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in choice.files],
        "candidates": [
            {"name": c.file.name, "size": c.file.size, "what": c.role, "chosen": c.chosen, "why": c.reason}
            for c in choice.candidates
        ],
    }


def result_to_json(result: Pulled) -> dict[str, object]:
    """A finished pull as `pull --json` prints it."""
    from modelhub.wire import record_to_json

    document = plan_to_json(result.plan)
    document["obtained"] = [
        {
            "name": item.remote.name,
            "how": item.how,
            "size": item.size,
            "resumed": item.resumed,
            "sha256": item.hashes.sha256,
        }
        for item in result.obtained
    ]
    document["models"] = [record_to_json(model) for model in result.models]
    return document
