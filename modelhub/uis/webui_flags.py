"""The lines in webui-user.sh and webui-user.bat that start A1111 or a descendant of it with other model folders."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from modelhub.uis.ui import Folders

SHELL_FILE = "webui-user.sh"
BATCH_FILE = "webui-user.bat"


def lines(folders: Folders) -> Mapping[str, str]:
    """Return the line for each start file. `folders`: flag → folders, of which the first counts."""
    return {SHELL_FILE: shell_line(folders), BATCH_FILE: batch_line(folders)}


def shell_line(folders: Folders) -> str:
    """Return the line for webui-user.sh. The UI splits the variable as a shell does, so the paths are quoted twice."""
    words = " ".join(f"{flag} {shlex.quote(str(row[0]))}" for flag, row in folders.items())
    return f'export COMMANDLINE_ARGS="$COMMANDLINE_ARGS "{shlex.quote(words)}'


def batch_line(folders: Folders) -> str:
    """Return the line for webui-user.bat. Paths have `/`, because the UI takes `\\` for an escape; `%` is doubled."""
    words = (f'{flag} "{row[0].as_posix()}"' for flag, row in folders.items())
    return "set COMMANDLINE_ARGS=%COMMANDLINE_ARGS% " + " ".join(words).replace("%", "%%")
