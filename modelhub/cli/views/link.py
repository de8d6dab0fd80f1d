"""Output of `modelhub link`: the lines that it writes, or those that the user copies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelhub.cli.output import Column, clean, print_json, print_lines, print_raw, table
from modelhub.cli.session import Session
from modelhub.documents.link import LinkDocument
from modelhub.language import _, translate
from modelhub.operations.link import LinkPlan, carry_out, library_folders, plan_link
from modelhub.uis.ui import UI, Flags, Folders, SettingsFile


def show_flags(session: Session, ui: UI, flags: Flags, *, remove: bool) -> None:
    """Print the flags of a UI that is given its folders on its command line; nothing is written."""
    folders = library_folders(flags.keys, session.settings.library)
    lines = flags.lines(folders)
    if session.json:
        print_json(_document(ui, folders=folders, lines=lines, notes=() if remove else flags.notes))
        return
    if remove:
        _print_notes([_("Nothing was written for this UI. Remove these flags from its COMMANDLINE_ARGS:")])
        print_lines(clean(" ".join(folders)))
        return
    for file in sorted(lines, key=lambda name: name.endswith(".bat") != (os.name == "nt")):
        print_raw(f"{file}:\n  {clean(lines[file])}\n\n")
    _print_notes(flags.notes)


def show_lines(session: Session, ui: UI, settings: SettingsFile) -> None:
    """Print what a user who edits the UI's settings by hand must add to them."""
    library = session.settings.library
    folders = library_folders(settings.keys, library)
    text = settings.writer.lines(folders, library=library)
    if session.json:
        print_json(_document(ui, folders=folders, lines={settings.name: text}))
    else:
        print_raw(text)


def link_file(session: Session, ui: UI, into: Path, *, remove: bool, dry_run: bool) -> None:
    """Link the UI, remove the link, or only show the new file; report it as text or as JSON."""
    plan = plan_link(ui.name, into, library=session.settings.library, remove=remove)
    backup = None if dry_run else carry_out(plan)
    after = (plan.after or b"").decode("utf-8", "replace")
    if session.json:
        document = _document(
            ui,
            folders=plan.folders,
            lines={plan.settings.name: after},
            notes=plan.notes,
            file=str(plan.file),
            backup=str(backup) if backup else None,
            changed=plan.changes and not dry_run,
        )
        print_json(document)
    elif dry_run:
        file = plan.file
        is_kept = plan.after is not None
        _print_notes([_("{file} would hold:", file=file) if is_kept else _("{file} would be removed.", file=file)])
        print_raw(after)
    else:
        _print_result(plan, backup, remove=remove)


def _print_result(plan: LinkPlan, backup: Path | None, *, remove: bool) -> None:
    file = clean(str(plan.file))
    if not plan.changes:
        text = _("{file} has no link to the library.", file=file) if remove else _("Already linked: {file}", file=file)
        print_lines(text)
    elif remove:
        is_kept = plan.after is not None
        print_lines(
            _("Removed the link from {file}.", file=file)
            if is_kept
            else _("Removed {file}; it held only the link.", file=file)
        )
    else:
        rows = [(key, ", ".join(str(folder) for folder in folders)) for key, folders in plan.folders.items()]
        print_lines(table((Column(plan.ui.title), Column("library", flexible=True, main=True)), rows))
        print_lines(_("Written: {file}", file=file))
    if backup is not None:
        print_lines(_("Backup of the earlier file: {file}", file=clean(str(backup))))
    _print_notes(plan.notes if plan.changes or remove else ())


def _print_notes(lines: Iterable[str]) -> None:
    for line in lines:
        print_lines(clean(translate(line)), indent=0, error=True)


def _document(
    ui: UI,
    *,
    folders: Folders,
    lines: Mapping[str, str],
    notes: Iterable[str] = (),
    file: str | None = None,
    backup: str | None = None,
    changed: bool = False,
) -> LinkDocument:
    return LinkDocument(
        layout=ui.name,
        file=file,
        backup=backup,
        changed=changed,
        folders={key: tuple(str(folder) for folder in row) for key, row in folders.items()},
        lines=dict(lines),
        notes=tuple(notes),
    )
