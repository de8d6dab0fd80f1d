"""What `modelhub link` shows: the lines it writes, or those that the user copies."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelhub.cli.output import Column, clean, print_json, table
from modelhub.cli.session import Session
from modelhub.operations.link import LinkPlan, carry_out, plan_link, yaml_words
from modelhub.uis.link_interfaces import (
    FLAG_NOTES,
    Interface,
    batch_line,
    flags_for,
    library_folders,
    shell_line,
)
from modelhub.uis.yaml_settings import block


def show_flags(session: Session, layout: str, *, remove: bool) -> None:
    """The flags of a UI that takes its folders from the command line; nothing is written."""
    flags = flags_for(layout, session.settings.library)
    lines = {"webui-user.sh": shell_line(flags), "webui-user.bat": batch_line(flags)}
    if session.json:
        folders = {flag: [str(folder)] for flag, folder in flags}
        print_json(_document(layout, folders=folders, lines=lines, notes=() if remove else FLAG_NOTES))
        return
    if remove:
        _say(["Nothing was written for this UI: take these flags out of its COMMANDLINE_ARGS."])
        print(" ".join(flag for flag, _ in flags))
        return
    for file in sorted(lines, key=lambda name: name.endswith(".bat") != (os.name == "nt")):
        print(f"{file}:\n  {clean(lines[file])}\n")
    _say(FLAG_NOTES)


def show_words(session: Session, layout: str, interface: Interface) -> None:
    """What would stand in the UI's file, for whoever writes it by hand."""
    library = session.settings.library
    folders = library_folders(interface.keys, library)
    if interface.file.endswith(".yaml"):
        text = block(*yaml_words(library, folders))
    else:
        rows = {key: str(row[0]) if interface.own is None else [str(row[0])] for key, row in folders.items()}
        text = json.dumps(rows, indent=4) + "\n"
    if session.json:
        print_json(_document(layout, folders=_named(folders), lines={interface.file: text}))
    else:
        sys.stdout.write(text)


def link_file(session: Session, layout: str, into: Path, *, remove: bool, dry_run: bool) -> None:
    """Write, take out or only show; what was done, in words or as JSON."""
    plan = plan_link(layout, into, library=session.settings.library, remove=remove)
    backup = None if dry_run else carry_out(plan)
    after = (plan.after or b"").decode("utf-8", "replace")
    if session.json:
        document = _document(
            layout,
            folders=_named(plan.folders),
            lines={plan.interface.file: after},
            notes=plan.notes,
            file=str(plan.file),
            backup=str(backup) if backup else None,
            changed=plan.changes and not dry_run,
        )
        print_json(document)
    elif dry_run:
        _say([f"{plan.file} would hold:" if plan.after is not None else f"{plan.file} would be removed."])
        sys.stdout.write(after)
    else:
        _tell(plan, backup, remove=remove)


def _tell(plan: LinkPlan, backup: Path | None, *, remove: bool) -> None:
    file = clean(str(plan.file))
    if not plan.changes:
        print(f"There is nothing of ours in {file}." if remove else f"Linked already: {file}")
    elif remove:
        print(f"Taken out of {file}." if plan.after is not None else f"Removed: {file}; nothing else was in it.")
    else:
        rows = [(key, ", ".join(str(folder) for folder in folders)) for key, folders in plan.folders.items()]
        for line in table((Column(plan.interface.title), Column("library", flexible=True)), rows):
            print(line)
        print(f"Written: {file}")
    if backup is not None:
        print(f"As it was before: {clean(str(backup))}")
    _say(plan.notes if plan.changes or remove else ())


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(clean(line), file=sys.stderr)


def _named(folders: Mapping[str, tuple[Path, ...]]) -> dict[str, list[str]]:
    return {key: [str(folder) for folder in row] for key, row in folders.items()}


def _document(
    layout: str,
    *,
    folders: Mapping[str, list[str]],
    lines: Mapping[str, str],
    notes: Iterable[str] = (),
    file: str | None = None,
    backup: str | None = None,
    changed: bool = False,
) -> dict[str, Any]:
    """One shape for every UI; `lines` is the text by the name of the file that it belongs into."""
    return {
        "layout": layout,
        "file": file,
        "backup": backup,
        "changed": changed,
        "folders": dict(folders),
        "lines": dict(lines),
        "notes": list(notes),
    }
