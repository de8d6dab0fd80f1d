"""A newcomer at the terminal: command lines run in this process, on a screen of 80 columns, with hubs on 127.0.0.1."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pyte

from modelhub.cli.app import run
from modelhub.cli.screen import terminal
from modelhub.language.spacing import close_up
from tools.guide_models import downloads, hubs

COLUMNS = 80
_ROWS = 400  # nothing scrolls away
# Language → the locale of a system that speaks it.
LOCALES: Mapping[str, str] = {"en": "en_US.UTF-8", "zh_Hans": "zh_CN.UTF-8"}
# Settings of the user's own, which must not change what is shown.
_OTHERS = ("MODELHUB_", "HF_", "HUGGING_FACE_", "CIVITAI_", "LC_", "LANG", "TRANSFORMERS_OFFLINE", "NO_COLOR", "LINES")


@dataclass(frozen=True)
class Answer:
    """The screen after a command, the text that it wrote, and its exit code."""

    text: str
    written: str
    code: int

    @property
    def flat(self) -> str:
        """The text as if it were one line, so that sentences can be found in it."""
        return close_up(" ".join(self.text.split()))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        """Return whether lines are wrapped and paths shortened for a reader."""
        return True


@contextmanager
def newcomer(folder: Path, language: str) -> Iterator[Callable[[str], Answer]]:
    """Yield a function that runs a command line for somebody with a folder of downloads and an empty library."""
    home = folder / "home"
    downloads(home / "downloads")
    with ExitStack() as stack:
        settings = stack.enter_context(hubs(folder))
        stack.enter_context(_environment(home, LOCALES[language], settings))
        stack.enter_context(chdir(home))
        yield answer


def answer(line: str) -> Answer:
    """Run a command line, such as "modelhub explain lora", and return what a terminal then shows."""
    written = _Terminal()
    with redirect_stdout(written), redirect_stderr(written):
        code = run(shlex.split(line)[1:])
    screen = pyte.Screen(COLUMNS, _ROWS)
    pyte.Stream(screen).feed(written.getvalue().replace("\n", "\r\n"))
    return Answer("\n".join(row.rstrip() for row in screen.display).rstrip(), written.getvalue(), code)


@contextmanager
def _environment(home: Path, locale: str, settings: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OTHERS):
            del os.environ[name]
    os.environ |= {
        **settings,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LANG": locale,
        "COLUMNS": str(COLUMNS),
        "MODELHUB_CONFIG": str(home / "config.toml"),
        "MODELHUB_LIBRARY": str(home / "models"),
        "MODELHUB_STATE": str(home / "state"),
    }
    terminal._home_pattern.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
        terminal._home_pattern.cache_clear()
