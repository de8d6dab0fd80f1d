"""The report of a sort as one self-contained page, for the user who clicked an icon and reads it later.

Every text is escaped, and the page's Content-Security-Policy allows only the style and the script below, by their
hashes, so that a file's name can do nothing even if an escape were missing. Nothing is loaded from anywhere; the only
references lead to folders of this computer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from modelhub.desktop.previews import Previews
from modelhub.desktop.wording import escape_html, format_time, mark_up_commands
from modelhub.quantities import format_size
from modelhub.storage.atomic_write import replace_file

_T = TypeVar("_T")
# A page with more rows starts with its groups closed, so that it opens at once.
OPEN_ROWS = 120
# How a file came to its place → its name in the counts and in those of a dry run.
HOW = {
    "moved": ("moved", "to move"),
    "copied": ("copied", "to copy"),
    "linked": ("linked", "to link"),
    "cloned": ("cloned", "to clone"),
    "registered": ("registered in place", "to register in place"),
    "trashed": ("put into the trash", "to put into the trash"),
    "deleted": ("deleted", "to delete"),
}
# Reasons that mean harm or damage; every other that needs the person is only to be looked at.
_BAD = frozenset(("dangerous", "broken", "truncated", "damaged", "unreadable", "failed"))


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


def write_report(target: Path, report: SortReport) -> None:
    """Write the page as UTF-8, whole or not at all. Raise ModelhubError when it cannot be written."""
    replace_file(target, "".join(_page(report)).encode("utf-8"))


def _page(report: SortReport) -> Iterator[str]:
    style, script = _read_data("report.css"), _read_data("report.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_policy_source(style)}; script-src {_policy_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape_html(report.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    yield from _page_header(report)
    yield "<main>\n"
    yield from _attention_section([file for file in report.skipped if file.needs_attention], report.folder)
    yield from _moved_section(report)
    yield from _skipped_section([file for file in report.skipped if not file.needs_attention], report)
    yield f'<p class="nothing" id="nothing" hidden>No file matches.</p>\n</main>\n<script>{script}</script>\n'
    yield "</body>\n</html>\n"


def _read_data(name: str) -> str:
    # No carriage return, whatever the checkout did: a browser hashes what it has parsed, with plain line feeds.
    return files("modelhub.desktop").joinpath("data", name).read_text("utf-8").replace("\r\n", "\n")


def _policy_source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _page_header(report: SortReport) -> Iterator[str]:
    yield f"<header>\n<h1>{escape_html(report.title)}</h1>\n"
    number = f" · run {report.operation}" if report.operation is not None else ""
    yield (
        f'<p class="from">{_link(report.folder)} <span class="arrow">→</span> {_link(report.into)}</p>\n'
        f'<p class="soft">{escape_html(report.layout)} · {format_time(report.started_at)}{number}</p>\n'
    )
    yield from _counts(report)
    if report.dry_run:
        yield '<p class="note">A dry run: this is the plan. Nothing was changed.</p>\n'
    if report.recovered:
        yield f'<p class="note">{escape_html(report.recovered)}</p>\n'
    if report.undo_command:
        yield (
            '<p class="undo"><span>Undo with</span> '
            f'<code id="undo" tabindex="0"><bdi>{escape_html(report.undo_command)}</bdi></code>'
            '<button type="button" id="copy">Copy</button><output id="copied" aria-live="polite"></output></p>\n'
        )
    if len(report.moved) + len(report.skipped) > 8:
        yield (
            '<form id="filter" role="search"><label>Search <input type="search" id="words" autocomplete="off" '
            'spellcheck="false" placeholder="name, type, reason … (press /)"></label>'
            '<output id="shown" aria-live="polite"></output></form>\n'
        )
    yield "</header>\n"


def _counts(report: SortReport) -> Iterator[str]:
    yield '<p class="counts">'
    for how, rows in _grouped(report.moved, lambda row: row.how).items():
        text = escape_html(HOW.get(how, (how, how))[report.dry_run])
        level = "quiet" if how == "trashed" else "good"
        total = format_size(sum(row.size for row in rows))
        yield f'<span class="chip {level}">{len(rows):,} {text}, {total}</span> '
    waiting = sum(file.needs_attention for file in report.skipped)
    if waiting:
        yield f'<span class="chip mind">{waiting:,} {"needs" if waiting == 1 else "need"} your attention</span> '
    if len(report.skipped) > waiting:
        yield f'<span class="chip quiet">{len(report.skipped) - waiting:,} left in place</span>'
    if not report.moved and not report.skipped:
        yield '<span class="chip quiet">no model files found</span>'
    yield "</p>\n"


def _attention_section(skipped: Sequence[SkippedFile], folder: Path) -> Iterator[str]:
    if skipped:
        yield "<section>\n<h2>Needs your attention</h2>\n"
        yield from _reason_groups(skipped, folder, opened=len(skipped) <= OPEN_ROWS)
        yield "</section>\n"


def _skipped_section(skipped: Sequence[SkippedFile], report: SortReport) -> Iterator[str]:
    if skipped:
        yield "<section>\n<h2>Left in place</h2>\n"
        yield from _reason_groups(skipped, report.folder, opened=len(skipped) <= OPEN_ROWS // 4)
        yield "</section>\n"


def _reason_groups(skipped: Sequence[SkippedFile], folder: Path, *, opened: bool) -> Iterator[str]:
    groups = _grouped(skipped, lambda file: file.reason)
    for reason, rows in sorted(groups.items(), key=lambda group: (group[0] not in _BAD, -len(group[1]), group[0])):
        level = "bad" if reason in _BAD else "mind" if rows[0].needs_attention else "quiet"
        chip = f'<span class="chip {level}">{escape_html(reason)}</span>'
        yield _summary(chip, _count_files(len(rows)), opened=opened)
        for file in rows:
            yield (
                f'<li class="row"><div class="about"><h3><bdi>{escape_html(file.path.name)}</bdi></h3>'
                f'<p class="words">{mark_up_commands(file.text)}</p>'
                f"{_folder_line('in', file.path.parent, folder)}</div></li>\n"
            )
        yield "</ol></details>\n"


def _moved_section(report: SortReport) -> Iterator[str]:
    if not report.moved:
        return
    yield f"<section>\n<h2>{'Would move' if report.dry_run else 'Moved'}</h2>\n"
    opened, previews = len(report.moved) <= OPEN_ROWS, Previews()
    placed = [row for row in report.moved if row.how != "trashed"]
    for folder, rows in sorted(_grouped(placed, lambda row: str(row.target.parent)).items()):
        place = _relative_path(Path(folder), report.into)
        yield from _group(_link(Path(folder), place), rows, report, previews, opened=opened)
    trashed = [row for row in report.moved if row.how == "trashed"]
    if trashed:
        yield from _group("Trash: copies of files that are kept", trashed, report, previews, opened=opened)
    yield "</section>\n"


def _group(
    heading: str, rows: Sequence[MovedFile], report: SortReport, previews: Previews, *, opened: bool
) -> Iterator[str]:
    total = f"{_count_files(len(rows))}, {format_size(sum(row.size for row in rows))}"
    yield _summary(f"<strong>{heading}</strong>", total, opened=opened)
    for row in rows:
        name = row.source.name if row.how == "trashed" else row.target.name
        facts = [escape_html(row.what), format_size(row.size), *([] if row.how == "moved" else [escape_html(row.how)])]
        notes = _folder_line("from", row.source.parent, report.folder)
        if row.how == "trashed":
            notes += f'<p class="soft">equal to <bdi>{escape_html(str(row.target))}</bdi></p>'
        elif row.source.name != name:
            notes += f'<p class="soft">was <bdi>{escape_html(row.source.name)}</bdi></p>'
        picture = _picture(previews.uri(row.preview), row.what)
        yield (
            f'<li class="row">{picture}<div class="about"><h3><bdi>{escape_html(name)}</bdi></h3>'
            f"<p>{' · '.join(fact for fact in facts if fact)}</p>{notes}</div></li>\n"
        )
    yield "</ol></details>\n"


def _summary(heading: str, total: str, *, opened: bool) -> str:
    return f'<details{" open" if opened else ""}><summary>{heading} <span class="soft">{total}</span></summary>\n<ol>\n'


def _picture(uri: str, what: str) -> str:
    if uri:
        return f'<img class="thumb" src="{uri}" alt="" loading="lazy" decoding="async">'
    return f'<span class="thumb" aria-hidden="true">{escape_html(what[:1].upper())}</span>'


def _folder_line(word: str, folder: Path, root: Path) -> str:
    """Return a line about the folder, unless it is the one that was sorted."""
    return "" if folder == root else f'<p class="soft">{word} {_link(folder, _relative_path(folder, root))}</p>'


def _relative_path(folder: Path, root: Path) -> str:
    """Return the folder relative to `root`, in full outside it."""
    return folder.relative_to(root).as_posix() if folder != root and folder.is_relative_to(root) else str(folder)


def _link(folder: Path, text: str = "") -> str:
    """Return the folder's name as a link that a file manager opens; plain text for a path that is not absolute."""
    shown = f"<bdi>{escape_html(text or str(folder))}</bdi>"
    return f'<a href="{escape_html(folder.as_uri())}">{shown}</a>' if folder.is_absolute() else shown


def _grouped(rows: Iterable[_T], key: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _count_files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"
