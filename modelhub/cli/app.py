"""The command line: a table of commands, each imported only when it is asked for.

A command file holds one typer application; options that every command has are added here, once.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from modelhub.cli.session import Session


@dataclass(frozen=True, slots=True)
class Row:
    """One command: its module under `cli/commands/` and the line that `modelhub --help` shows.

    `creates`: it creates the library and its catalog when there is none.
    """

    module: str
    help: str
    creates: bool = False


COMMANDS: dict[str, Row] = {
    "pull": Row("pull", "Download models from a hub or an address.", creates=True),
    "outdated": Row("outdated", "Which models have something newer at their hub."),
    "add": Row("add", "Catalogue files and folders where they are.", creates=True),
    "scan": Row("scan", "Find changed, moved, missing and new files."),
    "list": Row("list", "List the models of the catalog."),
    "search": Row("search", "Find by name, trigger word, tag or note."),
    "show": Row("show", "All about a model, and how to use it."),
    "inspect": Row("inspect", "Identify and scan files without the catalog."),
    "explain": Row("explain", "The words of the trade, in plain words."),
    "set": Row("set", "Set your own words for a model; they win."),
    "tag": Row("tag", "Add tags, or take them away."),
    "enrich": Row("enrich", "Learn what Civitai knows of your files."),
    "verify": Row("verify", "Prove that files hold what was recorded."),
    "render-test": Row("render_test", "Prove that models work, by rendering."),
    "convert": Row("convert", "Write a new safetensors file from an old one.", creates=True),
    "fingerprint": Row("fingerprint", "Digests of a file's networks; names for them."),
    "known": Row("known", "The well-known models, which pull takes by name."),
    "sort": Row("sort", "Sort folders into the places of a UI.", creates=True),
    "watch": Row("watch", "Sort what arrives in a folder.", creates=True),
    "shortcut": Row("shortcut", "Desktop icons that sort a folder at a click.", creates=True),
    "undo": Row("undo", "Take a sort back."),
    "history": Row("history", "What sort and undo did."),
    "rm": Row("rm", "Move models to the trash and forget them."),
    "link": Row("link", "Point a UI at the library; files stay."),
    "export": Row("export", "Write a manifest that rebuilds the library."),
    "import": Row("import_", "Rebuild a library from a manifest.", creates=True),
    "config": Row("config", "Show the settings and where they come from."),
    "doctor": Row("doctor", "Check settings, catalog, folders and tools."),
}


def _remember(name: str) -> Any:
    def keep(ctx: typer.Context, value: Any) -> Any:
        session = ctx.find_object(Session)
        if session is None:
            session = ctx.find_root().obj = Session()
        ctx.obj = session
        if value not in (None, False):
            setattr(session, name, value)
        return value

    return keep


def _common(
    json_output: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON document to stdout.", callback=_remember("json"), expose_value=False
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Configuration file to use.",
            callback=_remember("config"),
            expose_value=False,
        ),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option(
            "--library", metavar="DIR", help="Library folder to use.", callback=_remember("library"), expose_value=False
        ),
    ] = None,
) -> None:
    """Options that every command has."""


def _command_of(function: Any) -> Any:
    holder = typer.Typer(add_completion=False)
    holder.command()(function)
    return typer.main.get_command(holder)


class LazyGroup(TyperGroup):
    """Knows every command's name and help line without importing it."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Command names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and build one command; a stand-in with the table's line while the help only lists them."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        return _stand_in(cmd_name, row) if self._listing else _load(cmd_name, row)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands in the group's help, from the table alone."""
        self._listing = True
        try:
            super().format_commands(ctx, formatter)
        finally:
            self._listing = False

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; for an unknown word the parser needs the names to suggest the nearest."""
        if args and args[0] not in COMMANDS:
            self.commands = dict.fromkeys(COMMANDS, _stand_in("", Row("", "")))
        elif args and ctx.find_object(Session) is not None:
            ctx.find_object(Session).may_create = COMMANDS[args[0]].creates
        return super().resolve_command(ctx, args)


def _load(name: str, row: Row) -> Any:
    module = importlib.import_module(f"modelhub.cli.commands.{row.module}")
    command = typer.main.get_command(module.app)
    _add_common(command)
    command.name = name
    return command


def _stand_in(name: str, row: Row) -> Any:
    def nothing() -> None: ...

    nothing.__doc__ = row.help
    command = _command_of(nothing)
    command.name = name
    return command


def _add_common(command: Any) -> None:
    for child in getattr(command, "commands", {}).values():
        _add_common(child)
    if not hasattr(command, "commands"):
        command.params.extend(p for p in _command_of(_common).params if p.name not in {q.name for q in command.params})


def _version(value: bool) -> None:
    if value:
        from modelhub.version import __version__

        typer.echo(f"modelhub {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup,
    invoke_without_command=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Pull, identify, catalogue, prove and sort Stable Diffusion model files.

    Without a command: a start page with the library's counts and what needs attention.

    Example: modelhub pull runwayml/stable-diffusion-v1-5
    """
    if ctx.invoked_subcommand is None:
        from modelhub.cli.commands.start import start

        start(ctx.obj)


def build() -> Any:
    """The whole command line as one command object."""
    group = typer.main.get_command(app)
    group.params.extend(_command_of(_common).params)
    return group


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; the exit code. Every error is told to the user here and nowhere else."""
    from modelhub.cli.errors import guarded

    return guarded(lambda: build()(args=arguments, prog_name="modelhub", standalone_mode=False))
