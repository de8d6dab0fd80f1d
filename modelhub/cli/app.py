"""The command line: each command is imported only when it is used.

A command's module has one typer application; the options that every command has are added here.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.models import TyperPath

from modelhub.cli.help import translate_help
from modelhub.cli.languages import language_of_run
from modelhub.cli.registry import COMMANDS, CommandRow, find_plugin, plugins
from modelhub.cli.session import Session
from modelhub.errors import ModelhubError, UsageError
from modelhub.language import matching_language, translate


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


def _known_language(value: str | None) -> str | None:
    """Return the language as it was given: it is in use already. Raise UsageError for one that modelhub lacks."""
    if value is not None and matching_language(value) is None:
        raise UsageError(f"`{value}` is not a language of modelhub.", "Choose `en` or `zh`.")
    return value


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
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang",
            metavar="LANG",
            help="Language of messages: en or zh.",
            callback=_known_language,
            expose_value=False,
        ),
    ] = None,
) -> None:
    """Hold the options that every command has."""


def _command_of(function: Any) -> Any:
    holder = typer.Typer(add_completion=False)
    holder.command()(function)
    return typer.main.get_command(holder)


class _WrittenPath(TyperPath):
    """A path that is not empty: that of a shell's unset variable would be the current folder."""

    def __init__(self, kind: TyperPath) -> None:
        vars(self).update(vars(kind))

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the path. Raise BadParameter for an empty one."""
        if value == "":
            self.fail("The path is empty. Write `.` for the current folder.", param, ctx)
        return super().convert(value, param, ctx)


class LazyGroup(TyperGroup):
    """A group that knows the name and the help line of every built-in command without importing it.

    Plug-ins are loaded only to list all commands and for a name that is not built in.
    """

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the built-in commands in the order of the table, then those of plug-ins."""
        return [*COMMANDS, *(plugin.name for plugin in plugins().loaded)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and build one command; while the help lists them, return a placeholder with the table's line."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            module = find_plugin(cmd_name)
            return _build_command(cmd_name, module) if module else None
        if self._listing:
            return _placeholder(cmd_name, row)
        return _build_command(cmd_name, importlib.import_module(f"modelhub.cli.commands.{row.module}"))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands in the group's help."""
        self._listing = True
        try:
            super().format_commands(ctx, formatter)
        finally:
            self._listing = False

    def invoke(self, ctx: Any) -> Any:
        """Run the command; after Ctrl-C, state what it leaves behind."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            from modelhub.cli.errors import report_interruption

            return report_interruption(ctx.invoked_subcommand)
        except Exception as exc:
            if hasattr(exc, "ctx") and exc.ctx is None:  # the parser does not state the command of every error
                command = self.get_command(ctx, ctx.invoked_subcommand)
                exc.ctx = command.context_class(command, info_name=ctx.invoked_subcommand, parent=ctx)
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; for an unknown word the parser needs the names to suggest the nearest.

        Raise UsageError for a word that means a command of another name, such as "download".
        """
        name = args[0] if args else ""
        if name not in COMMANDS and not ctx.resilient_parsing and not find_plugin(name):
            args = _point_on(ctx, args)
            name = args[0]
        if name in COMMANDS:
            creates = COMMANDS[name].creates
        elif module := find_plugin(name):
            creates = bool(getattr(module, "creates", False))
        else:
            creates = False
            self.commands = dict.fromkeys(self.list_commands(ctx), _placeholder("", CommandRow("", "")))
        session = ctx.find_object(Session)
        if name and session is not None:
            session.may_create = creates
        return super().resolve_command(ctx, args)


def _point_on(ctx: Any, args: list[str]) -> list[str]:
    """Return the arguments themselves, or those that show the requested help, as in `help pull`.

    Raise UsageError that points from a word to the command that is meant, and Exit after the help of all commands.
    """
    from modelhub.cli.arguments.pointers import find_command, is_help, pointer

    name, *rest = args
    if is_help(name):
        if not rest or is_help(rest[0]):
            typer.echo(ctx.get_help())
            raise typer.Exit
        meant = rest[0] if find_plugin(rest[0]) else find_command(rest[0])
        if meant is not None:
            return [meant, *rest[1:], "--help"]
        name, *rest = rest
    error = pointer(name, rest, commands=[plugin.name for plugin in plugins().loaded])
    if error is not None:
        raise error
    return [name, *rest]


def _build_command(name: str, module: ModuleType) -> Any:
    command = typer.main.get_command(module.app)
    _add_common(command)
    translate_help(command)
    command.name = name
    return command


def _placeholder(name: str, row: CommandRow) -> Any:
    def nothing() -> None: ...

    nothing.__doc__ = translate(row.help)
    command = _command_of(nothing)
    command.name = name
    return command


def _add_common(command: Any) -> None:
    for child in getattr(command, "commands", {}).values():
        _add_common(child)
    if not hasattr(command, "commands"):
        command.params.extend(p for p in _command_of(_common).params if p.name not in {q.name for q in command.params})
    for param in command.params:
        if isinstance(param.type, TyperPath):
            param.type = _WrittenPath(param.type)


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
    """Download, identify, catalog, test and sort Stable Diffusion model files.

    Without a command: a start page with the library's counts and what needs attention.

    Example: modelhub pull runwayml/stable-diffusion-v1-5
    """
    if ctx.invoked_subcommand is None:
        from modelhub.cli.commands.start import start

        start(ctx.obj)


def build() -> Any:
    """Build the whole command line as one command object."""
    group = typer.main.get_command(app)
    group.params.extend(_command_of(_common).params)
    translate_help(group)
    return group


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and report its error. Return the exit code."""
    from modelhub.cli.errors import run_guarded

    with language_of_run(arguments):
        return run_guarded(lambda: _run(arguments))


def _run(arguments: list[str] | None) -> Any:
    try:
        return build()(args=arguments, prog_name="modelhub", standalone_mode=False)
    except ModelhubError as exc:
        from modelhub.cli.arguments.corrections import with_command

        exc.remedy = with_command(exc.remedy, sys.argv[1:] if arguments is None else arguments)
        raise
