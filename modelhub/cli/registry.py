"""The commands: a table of the built-in ones, and those of plug-ins. No command is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelhub.plugins import Plugins

GROUP = "modelhub.commands"


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command: its module under `cli/commands/` and the line that `modelhub --help` shows.

    `creates`: it creates the library and its catalog when there is none.
    """

    module: str
    help: str
    creates: bool = False


COMMANDS: dict[str, CommandRow] = {
    "pull": CommandRow("pull", "Download from Hugging Face, Civitai, ModelScope or a URL.", creates=True),
    "outdated": CommandRow("outdated", "Check for newer versions of pulled models."),
    "add": CommandRow("add", "Add files and folders to the catalog, in place.", creates=True),
    "scan": CommandRow("scan", "Find new, changed, moved and missing files."),
    "list": CommandRow("list", "List the models of the catalog."),
    "search": CommandRow("search", "Search names, trigger words, tags and notes."),
    "show": CommandRow("show", "Show the details of a model and how to use it."),
    "inspect": CommandRow("inspect", "Identify and scan files without the catalog."),
    "explain": CommandRow("explain", "Explain the terms of the field."),
    "set": CommandRow("set", "Edit the details of a model."),
    "tag": CommandRow("tag", "Add or remove tags."),
    "enrich": CommandRow("enrich", "Look models up by their hashes at Civitai."),
    "verify": CommandRow("verify", "Check files against their recorded hashes."),
    "render-test": CommandRow("render_test", "Test models by rendering pictures."),
    "convert": CommandRow("convert", "Convert a model to a new safetensors file.", creates=True),
    "fingerprint": CommandRow("fingerprint", "Hash the networks in a file and name them."),
    "known": CommandRow("known", "List the well-known models that pull takes by name."),
    "sort": CommandRow("sort", "Sort models into the folders of a UI.", creates=True),
    "watch": CommandRow("watch", "Sort new files in a folder as they arrive.", creates=True),
    "shortcut": CommandRow("shortcut", "Install desktop shortcuts that sort a folder.", creates=True),
    "undo": CommandRow("undo", "Undo a run of sort."),
    "history": CommandRow("history", "List the runs of sort and undo."),
    "rm": CommandRow("rm", "Move models to the trash."),
    "link": CommandRow("link", "Give a UI the folders of the library."),
    "export": CommandRow("export", "Write a manifest that rebuilds the library."),
    "import": CommandRow("import_", "Rebuild a library from a manifest.", creates=True),
    "config": CommandRow("config", "Show the settings and where they were set."),
    "doctor": CommandRow("doctor", "Check settings, catalog, folders, tools and plug-ins."),
}


@cache
def plugins() -> Plugins[ModuleType]:
    """Return the commands that plug-ins bring: modules with a typer application `app`, as in `cli/commands/`.

    A module with `creates = True` creates the library and its catalog when there is none.
    """
    from modelhub.plugins import load_plugins  # only unknown commands and the help need it

    return load_plugins(GROUP, ModuleType, taken=COMMANDS, check=_check)


def _check(module: ModuleType) -> str:
    import typer

    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        return f"The module `{module.__name__}` has no typer application `app`."
    typer.main.get_command(app)  # raises for parameters that typer does not support
    return ""


def find_plugin(name: str) -> ModuleType | None:
    """Return the module of a plug-in's command, None where no plug-in has one of this name."""
    return next((plugin.row for plugin in plugins().loaded if plugin.name == name), None)
