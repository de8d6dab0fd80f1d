"""A click on a shortcut: sort what is sure, write a report, say so, and open it when a person is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from modelhub.errors import ModelhubError

_KEPT = 20  # reports of each shortcut


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a click ends with: a title and a sentence for the notification, the report, whether it must be seen."""

    title: str
    text: str
    report: Path
    needs_you: bool


def report_path(state: Path, shortcut_id: str) -> Path:
    """A new place for a report; older ones than the last twenty of this shortcut are removed."""
    folder = state / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob(f"{shortcut_id}--*.html"))[: -_KEPT + 1]:
        old.unlink(missing_ok=True)
    return folder / f"{shortcut_id}--{datetime.now():%Y%m%d-%H%M%S-%f}.html"


def last_report(state: Path, shortcut_id: str) -> Path | None:
    """The newest report of a shortcut."""
    found = sorted((state / "reports").glob(f"{shortcut_id}--*.html"))
    return found[-1] if found else None


def tell(
    told: Told,
    *,
    notify: Callable[..., bool],
    open_file: Callable[[Path], bool],
) -> None:
    """Show a notification; open the report when something needs the person, or when there is no notification."""
    shown = notify(told.title, told.text, open=told.report)
    if told.needs_you or not shown:
        open_file(told.report)


def files_of(names: Sequence[str], folder: Path) -> list[Path]:
    """What is to be sorted: the files that were dropped or selected, else the shortcut's folder.

    Raises ModelhubError when none of the dropped things is there.
    """
    from urllib.parse import unquote, urlsplit

    if not names:
        return [folder]
    paths = [Path(unquote(urlsplit(name).path)) if name.startswith("file://") else Path(name) for name in names]
    present = [path for path in paths if path.exists()]
    if not present:
        raise ModelhubError(f"There is nothing at {paths[0]}.", "Drop files or folders of this machine.")
    return present
