"""The report of a sort as one self-contained page, for the user who clicked an icon and reads it later.

Its only references lead to folders of this computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from modelhub.language import _, plural
from modelhub.pages.environment import render_page
from modelhub.pages.labels import reason_labels, show_value
from modelhub.pages.markup import link
from modelhub.pages.thumbnails import Thumbnails
from modelhub.pages.write import write_page
from modelhub.quantities import format_size

_T = TypeVar("_T")
# A page with more rows starts with its groups closed, so that it opens at once.
OPEN_ROWS = 120
# Reasons that mean harm or damage; every other that needs the person is only to be looked at.
_BAD = frozenset(("dangerous", "broken", "unreadable", "failed"))


@dataclass(frozen=True, kw_only=True)
class MovedFile:
    """A model that has a new place, with its sidecars. `size` in bytes; `what`: "lora · sd1 · rank 32".

    `how`: moved, copied, linked, cloned, registered (in its place, with a program) trashed (`target` is then the
    equal file that is kept) or deleted (a copy, by an undo). `preview`: the present path of its picture.
    """

    source: Path
    target: Path
    what: str
    size: int
    how: str
    preview: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """A file left where it is. `reason`: a short word ("collision"); `text`: a sentence with the next step."""

    path: Path
    reason: str
    text: str
    needs_attention: bool


@dataclass(frozen=True, kw_only=True)
class SortReport:
    """One run. `started_at` in ISO 8601; `operation`: its number in the history; `undo_command`: "" where none helps.

    `recovered`: how an earlier, interrupted run was completed, as a sentence.
    """

    title: str
    folder: Path
    into: Path
    layout: str
    started_at: str
    operation: int | None
    dry_run: bool
    moved: tuple[MovedFile, ...]
    skipped: tuple[SkippedFile, ...]
    undo_command: str
    recovered: str = ""


# A folder, and the text that it is shown with.
_Place = tuple[Path, str]


@dataclass(frozen=True, kw_only=True)
class _MovedRow:
    """A row of the page. `kept`: the equal file, of one that went to the trash; `former`: the old name."""

    name: str
    what: str
    facts: tuple[str, ...]
    picture: str
    folder: _Place | None
    kept: str
    former: str


@dataclass(frozen=True, kw_only=True)
class _MovedGroup:
    """The files of one target folder; `heading` is text or HTML."""

    heading: str
    total: str
    opened: bool
    rows: tuple[_MovedRow, ...]


@dataclass(frozen=True, kw_only=True)
class _SkippedRow:
    """A row of the page about a file that was left in place."""

    name: str
    text: str
    folder: _Place | None


@dataclass(frozen=True, kw_only=True)
class _SkippedGroup:
    """The files left in place for one reason; `label` and `level` are those of its chip."""

    label: str
    level: str
    opened: bool
    rows: tuple[_SkippedRow, ...]


def write_report(target: Path, report: SortReport) -> None:
    """Write the page. Raise ModelhubError when it cannot be written, or where another file is in its place."""
    attention = [file for file in report.skipped if file.needs_attention]
    in_place = [file for file in report.skipped if not file.needs_attention]
    page = render_page(
        "report.html",
        assets=("report",),
        report=report,
        counts=list(_counts(report)),
        attention=list(_skipped_groups(attention, report.folder, opened=len(attention) <= OPEN_ROWS)),
        moved=list(_moved_groups(report)),
        in_place=list(_skipped_groups(in_place, report.folder, opened=len(in_place) <= OPEN_ROWS // 4)),
    )
    write_page(target, page)


def _how_sentences() -> Mapping[str, tuple[str, str, str]]:
    """Return how a file came to its place → its words in the counts, in those of a dry run, and beside a file."""
    return {
        "moved": (_("{count} moved, {size}"), _("{count} to move, {size}"), ""),
        "copied": (_("{count} copied, {size}"), _("{count} to copy, {size}"), _("copied")),
        "linked": (_("{count} linked, {size}"), _("{count} to link, {size}"), _("linked")),
        "cloned": (_("{count} cloned, {size}"), _("{count} to clone, {size}"), _("cloned")),
        "registered": (
            _("{count} registered in place, {size}"),
            _("{count} to register in place, {size}"),
            _("registered"),
        ),
        "trashed": (
            _("{count} put into the trash, {size}"),
            _("{count} to put into the trash, {size}"),
            _("trashed"),
        ),
        "deleted": (_("{count} deleted, {size}"), _("{count} to delete, {size}"), _("deleted")),
    }


def _counts(report: SortReport) -> Iterator[tuple[str, str]]:
    """Yield the chips of the page's head: the level, and the sentence."""
    sentences = _how_sentences()
    for how, rows in _grouped(report.moved, lambda row: row.how).items():
        sentence = sentences[how][report.dry_run] if how in sentences else "{count} {how}, {size}"
        total = format_size(sum(row.size for row in rows))
        level = "quiet" if how == "trashed" else "good"
        yield level, sentence.format(count=f"{len(rows):,}", size=total, how=how)
    waiting = sum(file.needs_attention for file in report.skipped)
    if waiting:
        yield "mind", plural(waiting, "{count:,} needs your attention", "{count:,} need your attention")
    if len(report.skipped) > waiting:
        yield "quiet", plural(len(report.skipped) - waiting, "{count:,} left in place", "{count:,} left in place")
    if not report.moved and not report.skipped:
        yield "quiet", _("no model files found")


def _skipped_groups(skipped: Sequence[SkippedFile], folder: Path, *, opened: bool) -> Iterator[_SkippedGroup]:
    groups, labels = _grouped(skipped, lambda file: file.reason), reason_labels()
    for reason, rows in sorted(groups.items(), key=lambda group: (group[0] not in _BAD, -len(group[1]), group[0])):
        yield _SkippedGroup(
            label=show_value(reason, labels),
            level="bad" if reason in _BAD else "mind" if rows[0].needs_attention else "quiet",
            opened=opened,
            rows=tuple(
                _SkippedRow(name=file.path.name, text=file.text, folder=_place(file.path.parent, folder))
                for file in rows
            ),
        )


def _moved_groups(report: SortReport) -> Iterator[_MovedGroup]:
    opened, thumbnails = len(report.moved) <= OPEN_ROWS, Thumbnails()
    placed = [row for row in report.moved if row.how != "trashed"]
    for folder, rows in sorted(_grouped(placed, lambda row: str(row.target.parent)).items()):
        heading: str = link(Path(folder), _relative_path(Path(folder), report.into))
        yield _moved_group(heading, rows, report, thumbnails, opened=opened)
    trashed = [row for row in report.moved if row.how == "trashed"]
    if trashed:
        heading = _("Trash: copies of files that are kept")
        yield _moved_group(heading, trashed, report, thumbnails, opened=opened)


def _moved_group(
    heading: str, rows: Sequence[MovedFile], report: SortReport, thumbnails: Thumbnails, *, opened: bool
) -> _MovedGroup:
    size = format_size(sum(row.size for row in rows))
    return _MovedGroup(
        heading=heading,
        total=plural(len(rows), "{count:,} file, {size}", "{count:,} files, {size}", size=size),
        opened=opened,
        rows=tuple(_moved_row(row, report, thumbnails) for row in rows),
    )


def _moved_row(row: MovedFile, report: SortReport, thumbnails: Thumbnails) -> _MovedRow:
    is_trashed = row.how == "trashed"
    name = row.source.name if is_trashed else row.target.name
    sentences = _how_sentences().get(row.how)
    how = sentences[2] if sentences else row.how
    return _MovedRow(
        name=name,
        what=row.what,
        facts=tuple(fact for fact in (row.what, format_size(row.size), how) if fact),
        picture=thumbnails.uri(row.preview),
        folder=_place(row.source.parent, report.folder),
        kept=str(row.target) if is_trashed else "",
        former="" if is_trashed or row.source.name == name else row.source.name,
    )


def _place(folder: Path, root: Path) -> _Place | None:
    """Return a folder with its text, None for the one that was sorted."""
    return None if folder == root else (folder, _relative_path(folder, root))


def _relative_path(folder: Path, root: Path) -> str:
    """Return the folder relative to `root`, in full outside it."""
    return folder.relative_to(root).as_posix() if folder != root and folder.is_relative_to(root) else str(folder)


def _grouped(rows: Iterable[_T], key: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
