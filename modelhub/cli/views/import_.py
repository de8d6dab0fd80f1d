"""What `export` and `import` read, write and print."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.errors import ModelhubError, NotFoundError, worst_exit_code

if TYPE_CHECKING:
    from modelhub.operations.remote.import_manifest import ImportResult

_COLOURS = {"held": "32", "pulled": "32", "missing": "36", "no source": "33", "failed": "31"}
_SHOWN = 20


def run_export(session: Session, file: str, models: Sequence[str]) -> None:
    """Write the manifest; what it cannot bring back elsewhere is said."""
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.remote.manifest import manifest_of, to_text

    records = chosen_models(models, catalog=session.catalog)
    manifest = manifest_of(records, made_at=datetime.now(UTC).isoformat(timespec="seconds"))
    text = to_text(manifest)
    without = [model.name for model in manifest.models if not model.sources]
    if file == "-":
        sys.stdout.write(text)
    else:
        _write(Path(file).expanduser(), text)
        if session.json:
            print_json({"file": file, "models": len(manifest.models), "without_source": without})
    session.progress.note(f"{len(manifest.models)} models are in the manifest.")
    if without:
        shown = ", ".join(clean(name) for name in without[:_SHOWN])
        more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
        session.progress.note(f"{len(without)} without a source, which import cannot bring back: {shown}{more}.")


def _write(path: Path, text: str) -> None:
    """Whole or not at all; a file that is no manifest is never replaced."""
    from modelhub.operations.remote.manifest import is_manifest
    from modelhub.storage.atomic_write import replace_file

    if path.exists() and not is_manifest(path):
        raise ModelhubError(f"{path} exists already and is no manifest.", "Choose another name.")
    replace_file(path, text.encode("ascii"))


def run_import(session: Session, file: str, *, allow_pickle: bool, dry_run: bool) -> int:
    """Rebuild, one line a model; the exit code of the worst failure."""
    from modelhub.fetch.sources.registry import fetchers
    from modelhub.operations.remote.import_manifest import rebuild_library
    from modelhub.operations.remote.manifest import from_text

    manifest = from_text(_read(file), "standard input" if file == "-" else file)
    seen: list[ImportResult] = []
    for item in rebuild_library(
        manifest,
        catalog=session.catalog,
        fetchers=fetchers(session.settings),
        settings=session.settings,
        allow_pickle=allow_pickle,
        dry_run=dry_run,
        progress=session.progress,
    ):
        seen.append(item)
        if not session.json:
            print("\n".join(_lines(item)), flush=True)
    if session.json:
        print_json([_to_json(item) for item in seen])
    counts = Counter(item.fate.value for item in seen)
    session.progress.note(", ".join(f"{n} {word}" for word, n in counts.items()) or "The manifest is empty.")
    return worst_exit_code(item.code for item in seen)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).expanduser().read_bytes()
    except FileNotFoundError as exc:
        raise NotFoundError(f"There is no manifest at {file}.", "`modelhub export FILE` writes one.") from exc


def _lines(item: ImportResult) -> list[str]:
    head = f"{colour(f'{item.fate.value:<10}', _COLOURS[item.fate.value])}  {clean(item.wanted.name)}"
    return [head, *([f"            {clean(item.message)}"] if item.message else [])]


def _to_json(item: ImportResult) -> dict[str, object]:
    record = item.record
    return {
        "name": item.wanted.name,
        "fate": item.fate.value,
        "sha256": item.wanted.hashes[0],
        "id": record.id if record else None,
        "path": str(record.path) if record and record.path else None,
        "message": item.message,
        "exit_code": int(item.code),
    }
