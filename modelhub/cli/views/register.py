"""What `sort --layout invokeai` prints: models are registered where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.output import clean, print_json
from modelhub.cli.session import Session
from modelhub.cli.views.sort import print_stays, what
from modelhub.errors import Exit


def register_in(session: Session, paths: Sequence[Path], address: str, *, dry_run: bool) -> int:
    """Register and tell; the exit code."""
    from modelhub.operations.sort.register import register
    from modelhub.uis.invokeai import InvokeAI

    # A path option turns "http://" into "http:/".
    fixed = address.replace("http:/", "http://").replace("https:/", "https://").replace(":///", "://")
    server = InvokeAI(fixed)
    catalog = session.catalog if session.has_catalog else None
    done = register(paths, server, catalog=catalog, dry_run=dry_run, progress=session.progress)
    failed = any(stay.kind == "failed" for stay in done.stays)
    if session.json:
        print_json(
            {
                "server": server.address,
                "registered": [str(item.path) for item in done.new],
                "known": [str(item.path) for item in done.known],
                "stays": [{"path": str(stay.path), "reason": stay.kind, "words": stay.words} for stay in done.stays],
            }
        )
        return Exit.FAILED if failed else Exit.OK
    for word, items in (("registered", done.new), ("known", done.known)):
        for item in items:
            print(f"{word:<12}{clean(item.path.name)}  ({what(item)})")
    print_stays(done.stays)
    tail = "Nothing was sent (--dry-run)." if dry_run else "No file was moved."
    text = f"{len(done.new)} registered, {len(done.known)} known, {len(done.stays)} not given to InvokeAI. {tail}"
    session.progress.note(text)
    return Exit.FAILED if failed else Exit.OK
