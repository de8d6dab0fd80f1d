"""Install, remove and click shortcuts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.output import clean, in_a_row, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.failures import shown_message
from modelhub.cli.views.sort import done_sentences, planned_sentences
from modelhub.cli.views.sort_report import report_error, report_plan, report_result, report_undone
from modelhub.cli.views.undo import undo_sentences
from modelhub.config_file import stated_language
from modelhub.desktop.shortcut import Shortcut
from modelhub.documents.shortcut import InstalledShortcutDocument, RemovedShortcutDocument
from modelhub.errors import Exit, ModelhubError, UsageError
from modelhub.home import expand_home
from modelhub.language import _, chosen_language, current_language, translate
from modelhub.operations.sort import run
from modelhub.operations.sort.click import ClickResult, dropped_paths, last_report, new_report_path, show_result
from modelhub.operations.sort.enums import SortDuplicates
from modelhub.operations.sort.rules import SortRules, chosen_rules

_WAIT = 600.0  # seconds that a click waits for another sort; nobody is at a terminal to start it again


def install_shortcut(
    session: Session,
    *,
    folder: Path,
    layout: str | None,
    into: str | None,
    targets: tuple[str, ...],
    name: str,
    by: Sequence[str],
    duplicates: str,
) -> None:
    """Write a shortcut and print its files.

    Raise UsageError, before anything is written, for words that are not valid and for what a sort would refuse.
    """
    from modelhub.desktop import install

    settings = session.settings
    rules = chosen_rules(settings, layout=layout, into=into, by=by, duplicates=duplicates)
    sorted_folder = expand_home(folder).absolute()
    if not sorted_folder.is_dir():
        raise UsageError(f"{sorted_folder} is not a folder.", "Name the folder that a click sorts with `--folder`.")
    writer = install.writer_for()
    chosen = install.choose_targets(targets, writer)
    title = name or _("Sort {folder} for {ui}", folder=sorted_folder.name, ui=rules.ui.name)
    shortcut = Shortcut(
        id=install.free_id(title, settings.state_folder),
        name=title,
        folder=sorted_folder,
        layout=rules.ui.name,
        into=rules.into,
        targets=chosen,
        options=_options_of(rules),
    )
    done = install.install_shortcut(shortcut, writer=writer, command=_command(session), state=settings.state_folder)
    title = install.find_shortcut(shortcut.id, settings.state_folder).name
    if session.json:
        print_json(InstalledShortcutDocument(id=shortcut.id, name=title, files=tuple(done.paths)))
        return
    for path in done.paths:
        print_lines(clean(path))
    for note in done.notes:
        session.progress.note(note)
    text = _("Installed “{title}”. Remove it with `modelhub shortcut remove {id}`.", title=title, id=shortcut.id)
    session.progress.note(text)


def _options_of(rules: SortRules) -> tuple[str, ...]:
    """Return the rules that a shortcut keeps, as pairs of option and value; `_rules_of` reads them."""
    options = tuple(word for grouping in rules.by for word in ("--by", grouping.value))
    return options if rules.duplicates is SortDuplicates.LEAVE else (*options, "--duplicates", rules.duplicates.value)


def _rules_of(session: Session, shortcut: Shortcut) -> SortRules:
    """Return the rules of a shortcut. Raise UsageError where one is not valid, as in an edited manifest."""
    pairs = list(zip(shortcut.options[::2], shortcut.options[1::2], strict=False))
    return chosen_rules(
        session.settings,
        layout=shortcut.layout,
        into=shortcut.into,
        by=[value for option, value in pairs if option == "--by"],
        duplicates=dict(pairs).get("--duplicates", SortDuplicates.LEAVE),
    )


def _command(session: Session) -> list[str]:
    """Return the command that a shortcut runs, with the configuration, language and library of this call."""
    words = [sys.executable, "-P", "-m", "modelhub"]  # -P: never a package in the current folder
    if session.config is not None:
        words += ["--config", str(session.config.absolute())]
    if current_language() != chosen_language(stated_language(session.config, os.environ)):
        words += ["--lang", current_language()]
    return [*words, "--library", str(session.settings.library)]


def remove_shortcut(session: Session, name: str) -> int:
    """Remove a shortcut and print what was removed and what stays."""
    from modelhub.desktop import install

    done = install.remove_shortcut(name, state=session.settings.state_folder)
    if session.json:
        print_json(RemovedShortcutDocument(removed=tuple(done.removed), kept=tuple(done.kept)))
        return Exit.OK
    for path in done.removed:
        print_lines(_("removed  {path}", path=clean(translate(path))))
    for path in done.kept:
        print_lines(_("kept     {path}  (It has been changed. Remove it by hand.)", path=clean(translate(path))))
    return Exit.OK


def click_shortcut(
    session: Session, name: str, files: Sequence[str], *, dry_run: bool, undo: bool, report: bool
) -> int:
    """Run a shortcut. Nobody sees a terminal, so errors are shown in a report and a notification as well."""
    from modelhub.desktop.install import find_shortcut
    from modelhub.desktop.notify import notify, open_file

    state = session.settings.state_folder
    shortcut = find_shortcut(name, state)
    if report:
        last = last_report(state, shortcut.id)
        if last is None:
            notify("modelhub", _("{name}: there is no report yet.", name=shortcut.name))
            return Exit.OK
        open_file(last)
        return Exit.OK
    try:
        result = _undo(session, shortcut) if undo else _sort(session, shortcut, files, dry_run=dry_run)
    except ModelhubError as exc:
        path = new_report_path(state, shortcut.id)
        report_error(path, shortcut, exc)
        result = ClickResult(title="modelhub", text=shown_message(exc), report=path, needs_attention=True)
        show_result(result, notify=notify, open_file=open_file)
        raise
    show_result(result, notify=notify, open_file=open_file)
    return Exit.OK


def _sort(session: Session, shortcut: Shortcut, files: Sequence[str], *, dry_run: bool) -> ClickResult:
    rules = _rules_of(session, shortcut)
    paths = dropped_paths(files) or [shortcut.folder]
    report = new_report_path(session.settings.state_folder, shortcut.id)
    if dry_run:
        plan = run.plan(paths, rules, catalog=session.catalog if session.has_catalog else None)
        report_plan(report, paths, plan)
        text = in_a_row(planned_sentences(plan))
        return ClickResult(title=shortcut.name, text=text, report=report, needs_attention=True)
    result = run.sort(paths, rules, catalog=session.catalog, library=session.settings.library, wait=_WAIT)
    report_result(report, paths, result)
    needs_attention = any(left.needs_attention for left in result.left)
    text = in_a_row(done_sentences(result))
    return ClickResult(title=shortcut.name, text=text, report=report, needs_attention=needs_attention)


def _undo(session: Session, shortcut: Shortcut) -> ClickResult:
    result = run.undo(catalog=session.catalog, library=session.settings.library, wait=_WAIT)
    report = new_report_path(session.settings.state_folder, shortcut.id)
    report_undone(report, shortcut, result)
    text = in_a_row(undo_sentences(result))
    return ClickResult(title=shortcut.name, text=text, report=report, needs_attention=bool(result.refused))
