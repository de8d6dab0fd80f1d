"""The result of a click on a shortcut: a report, a notification, and the report opened when a person is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from modelhub.errors import NotFoundError

_KEPT = 20  # reports of each shortcut


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickResult:
    """The outcome of a click: title and text of the notification, the report, and whether it must be seen."""

    title: str
    text: str
    report: Path
    needs_attention: bool


def new_report_path(state: Path, shortcut_id: str) -> Path:
    """Return the path for a new report of a shortcut, and delete all but its latest ones."""
    folder = state / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob(f"{shortcut_id}--*.html"))[: -_KEPT + 1]:
        old.unlink(missing_ok=True)
    return folder / f"{shortcut_id}--{datetime.now():%Y%m%d-%H%M%S-%f}.html"


def last_report(state: Path, shortcut_id: str) -> Path | None:
    """Return the newest report of a shortcut."""
    found = sorted((state / "reports").glob(f"{shortcut_id}--*.html"))
    return found[-1] if found else None


def show_result(
    result: ClickResult,
    *,
    notify: Callable[..., bool],
    open_file: Callable[[Path], bool],
) -> None:
    """Show a notification; open the report when it must be seen, or when no notification can be shown."""
    is_shown = notify(result.title, result.text, open=result.report)
    if result.needs_attention or not is_shown:
        open_file(result.report)


def dropped_paths(names: Sequence[str]) -> list[Path]:
    """Return the files and folders that were dropped or selected, given as paths or `file://` URLs.

    Raise NotFoundError when none of them exists.
    """
    paths = [Path(_path_of(name)) for name in names]
    present = [path for path in paths if path.exists()]
    if paths and not present:
        raise NotFoundError(f"{paths[0]} does not exist.", "Drop files or folders of this computer.")
    return present


def _path_of(name: str) -> str:
    # The bytes of a URL are those of the name, which need not be UTF-8.
    return os.fsdecode(unquote_to_bytes(urlsplit(name).path)) if name.startswith("file://") else name
