"""`modelhub config`: show the settings and where they were set; write a file to start from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from modelhub.cli.labels import label
from modelhub.cli.output import Column, clean, print_json, print_lines, print_raw, table
from modelhub.cli.session import Session
from modelhub.config import all_keys
from modelhub.config_example import example_text
from modelhub.config_file import default_file
from modelhub.config_keys import Key
from modelhub.errors import ModelhubError
from modelhub.fetch.sources.registry import source_keys
from modelhub.language import _
from modelhub.redaction import redact_text
from modelhub.storage.atomic_write import PRIVATE, replace_file

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Show the settings and where they were set, and write a configuration file.

    MODELHUB_CONFIG names another configuration file. MODELHUB_DEBUG=1 shows the log and the traceback of an
    unexpected error, for a bug report.

    Example: modelhub config show
    """


def _shown(key: Key, value: Any) -> Any:
    if key.secret:
        return "(set)" if value else ""
    if isinstance(value, tuple):
        return [redact_text(str(each)) for each in value]  # mirrors may need a user and a password
    return redact_text(str(value)) if key.kind in ("path", "text") else value


def _text(value: Any) -> str:
    """Return a value as a person reads it: yes and no as TOML writes them."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)


def _cells(key: Key, value: Any, origin: str) -> tuple[str, str, str]:
    """Return a row of the table; of a secret, only that it is set."""
    return key.name, _("(set)") if key.secret and value else _text(value), label(origin)


@app.command(short_help="Print every setting and where it was set.")
def show(ctx: typer.Context) -> None:
    """Print every setting, its value and where it was set; secrets only as "(set)".

    Example: modelhub config show
    """
    session: Session = ctx.obj
    looked_up = [(key, *session.settings.lookup(key)) for key in all_keys(source_keys())]
    rows = [(key, _shown(key, value), origin) for key, value, origin in looked_up]
    if session.json:
        from modelhub.documents.library import SettingDocument

        print_json([SettingDocument(name=k.name, value=v, origin=o, about=k.about) for k, v, o in rows])
        return
    columns = (Column("setting"), Column("value", flexible=True), Column("from", flexible=True))
    print_lines(table(columns, [_cells(*row) for row in rows]))


@app.command(short_help="Print the path of the configuration file.")
def path(ctx: typer.Context) -> None:
    """Print the path of the configuration file: `--config`, MODELHUB_CONFIG, or the platform's own.

    Example: modelhub config path
    """
    session: Session = ctx.obj
    place = session.config or default_file(os.environ)
    if session.json:
        _print_file(place)
    else:
        print_raw(f"{place}\n")


@app.command(short_help="Write a configuration file to start from.")
def init(
    ctx: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a configuration file with every setting and its default, commented out.

    Example: modelhub config init
    """
    session: Session = ctx.obj
    place = session.config or default_file(os.environ)
    if place.exists() and not force:
        raise ModelhubError(f"{place} exists already.", "Edit it, or replace it with `--force`.")
    # Users write tokens into it, so that nobody else may read it.
    replace_file(place, example_text(source_keys()).encode(), mode=PRIVATE)
    place.chmod(PRIVATE)
    if session.json:
        _print_file(place)
    else:
        print_lines(_("Written: {file}", file=clean(str(place))))


def _print_file(path: Path) -> None:
    from modelhub.documents.library import ConfigFileDocument

    print_json(ConfigFileDocument(path=str(path), exists=path.is_file()))
