"""Installing, removing and clicking shortcuts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.output import clean, print_json
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.sort import chosen_rules, write_report_of
from modelhub.desktop.shortcut import Shortcut
from modelhub.errors import Exit, ModelhubError, UsageError
from modelhub.operations.sort.click import Told, files_of, last_report, report_path, tell

TARGETS = ("desktop", "menu", "filemanager", "sendto")


def install_shortcut(
    session: Session,
    *,
    folder: Path,
    layout: str | None,
    into: Path | None,
    targets: tuple[str, ...],
    name: str,
    options: tuple[str, ...],
) -> None:
    """Write it and say where. Raises UsageError for words that are none."""
    from modelhub.desktop.install import find_shortcut, install_shortcut, writer_for

    settings = session.settings
    rules = chosen_rules(settings, layout=layout, into=into)
    place = folder.expanduser().absolute()
    if not place.is_dir():
        raise UsageError(f"There is no folder at {place}.", "--folder names the folder that a click sorts.")
    writer = writer_for()
    for target in targets:
        if target not in TARGETS:
            raise UsageError(f"--target: `{target}` is none of {', '.join(TARGETS)}.")
        if target not in writer.targets:
            raise UsageError(f"There is no {target} on {writer.name}.", f"Here: {', '.join(sorted(writer.targets))}.")
    chosen = targets or tuple(target for target in ("desktop", "menu") if target in writer.targets)
    shown = name or f"Sort {place.name} for {rules.ui.name}"
    shortcut = Shortcut(
        id=_free_id(shown, settings.state_folder),
        name=shown,
        folder=place,
        layout=rules.ui.name,
        into=rules.into.expanduser().absolute(),
        targets=chosen,
        options=options,
    )
    done = install_shortcut(shortcut, writer=writer, command=_command(session), state=settings.state_folder)
    shown = find_shortcut(shortcut.id, settings.state_folder).name
    if session.json:
        print_json({"id": shortcut.id, "name": shown, "files": list(done.paths)})
        return
    for path in done.paths:
        print(clean(path))
    for note in done.notes:
        session.progress.note(note)
    session.progress.note(f"{shown}: `modelhub shortcut remove {shortcut.id}` takes it away again.")


def _free_id(name: str, state: Path) -> str:
    """A short word for file names, unique among the shortcuts."""
    import re
    import zlib

    from modelhub.desktop.install import installed_shortcuts

    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]
    # Names in other scripts leave little behind; a digest keeps them apart.
    slug = words if len(words) > 3 and name.isascii() else f"{words}-{zlib.crc32(name.encode()):08x}".strip("-")
    taken = {shortcut.id for shortcut in installed_shortcuts(state)}
    number = 1
    while (found := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    return found


def _command(session: Session) -> list[str]:
    """What a shortcut runs; the configuration and library named now are kept."""
    words = [sys.executable, "-P", "-m", "modelhub"]  # not what lies in the current folder
    if session.config is not None:
        words += ["--config", str(session.config.absolute())]
    return [*words, "--library", str(session.settings.library)]


def remove_shortcut(session: Session, name: str) -> int:
    """Take it away and say what stayed."""
    from modelhub.desktop.install import remove_shortcut

    done = remove_shortcut(name, state=session.settings.state_folder)
    if session.json:
        print_json({"removed": list(done.removed), "kept": list(done.kept)})
        return Exit.OK
    for path in done.removed:
        print(f"removed  {clean(path)}")
    for path in done.kept:
        print(f"kept     {clean(path)}  (it was changed since; remove it by hand if you want)")
    return Exit.OK


def clicked(session: Session, name: str, files: Sequence[str], *, dry_run: bool, undo: bool, report: bool) -> int:
    """A click: nobody sees a terminal, so that errors become a report and a notification as well."""
    from modelhub.desktop.install import find_shortcut
    from modelhub.desktop.notify import notify, open_file

    state = session.settings.state_folder
    shortcut = find_shortcut(name, state)
    if report:
        last = last_report(state, shortcut.id)
        if last is None:
            notify("modelhub", f"{shortcut.name}: there is no report yet.")
            return Exit.OK
        open_file(last)
        return Exit.OK
    try:
        told = _undone(session, shortcut) if undo else _sorted(session, shortcut, files, dry_run=dry_run)
    except ModelhubError as exc:
        place = report_path(state, shortcut.id)
        _error_report(place, shortcut, exc)
        tell(Told(title="modelhub", text=exc.message, report=place, needs_you=True), notify=notify, open_file=open_file)
        raise
    tell(told, notify=notify, open_file=open_file)
    return Exit.OK


def _sorted(session: Session, shortcut: Shortcut, files: Sequence[str], *, dry_run: bool) -> Told:
    from modelhub.operations.sort.journal import recover
    from modelhub.operations.sort.run import carry_out, lock_for, plan

    pairs = list(zip(shortcut.options[::2], shortcut.options[1::2], strict=True))
    options = dict(pairs)
    by = tuple(value for word, value in pairs if word == "--by")
    rules = chosen_rules(
        session.settings,
        layout=shortcut.layout,
        into=shortcut.into,
        by=by,
        duplicates=options.get("--duplicates", "leave"),
    )
    paths = files_of(files, shortcut.folder)
    place = report_path(session.settings.state_folder, shortcut.id)
    with lock_for(session.settings.library, wait=600.0):
        recovered = "; ".join(str(one) for one in recover(session.catalog))
        decided = plan(paths, rules, catalog=session.catalog)
        if dry_run:
            write_report_of(place, paths, decided, session=session, recovered=recovered)
            text = f"{len(decided.moves)} would be moved, {len(decided.stays)} would stay."
            return Told(title=shortcut.name, text=text, report=place, needs_you=True)
        done = carry_out(decided, catalog=session.catalog)
    write_report_of(place, paths, done, session=session, recovered=recovered)
    needs = sum(stay.needs_you for stay in done.stays)
    text = f"{len(done.moves)} sorted, {len(done.stays)} left in place" + (f", {needs} need you." if needs else ".")
    return Told(title=shortcut.name, text=text, report=place, needs_you=needs > 0)


def _undone(session: Session, shortcut: Shortcut) -> Told:
    from modelhub.operations.sort.journal import recover
    from modelhub.operations.sort.run import lock_for, undo_run

    with lock_for(session.settings.library, wait=600.0):
        recover(session.catalog)
        undone = undo_run(session.catalog)
    place = report_path(session.settings.state_folder, shortcut.id)
    _undo_report(place, shortcut, undone)
    files = sum(step.action not in ("mkdir", "rmdir", "rewrite") for step in undone.steps)
    text = f"{files} files are back in place" + (f", {len(undone.refused)} were refused." if undone.refused else ".")
    return Told(title=shortcut.name, text=text, report=place, needs_you=bool(undone.refused))


def _undo_report(place: Path, shortcut: Shortcut, undone: object) -> None:
    from datetime import datetime

    from modelhub.desktop.report import MovedFile, SkippedFile, SortReport, write_report
    from modelhub.operations.sort.journal import Undone

    assert isinstance(undone, Undone)
    files = [step for step in undone.steps if step.action not in ("mkdir", "rmdir", "rewrite")]
    number = undone.operation.id if undone.operation else None
    write_report(
        place,
        SortReport(
            title=f"Run {undone.of.id} was taken back",
            folder=shortcut.folder,
            into=shortcut.folder,
            layout=shortcut.layout,
            started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            operation=number,
            dry_run=False,
            moved=tuple(
                MovedFile(
                    source=Path(step.source),
                    target=Path(step.target),
                    what="",
                    size=int(step.detail.get("size", 0)),
                    how="moved",
                )
                for step in files
            ),
            skipped=tuple(
                SkippedFile(path=one.path, reason="refused", text=one.words, needs_attention=True)
                for one in undone.refused
            ),
            undo_command=f"modelhub undo {number}" if number else "",
        ),
    )


def _error_report(place: Path, shortcut: Shortcut, error: ModelhubError) -> None:
    from datetime import datetime

    from modelhub.desktop.report import SkippedFile, SortReport, write_report

    write_report(
        place,
        SortReport(
            title="Nothing was sorted",
            folder=shortcut.folder,
            into=shortcut.into,
            layout=shortcut.layout,
            started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            operation=None,
            dry_run=False,
            moved=(),
            skipped=(
                SkippedFile(
                    path=shortcut.folder,
                    reason="error",
                    text=f"{error.message} {sentence(error.remedy)}".strip(),
                    needs_attention=True,
                ),
            ),
            undo_command="",
        ),
    )
