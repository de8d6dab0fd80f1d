"""Doctor: look at everything a run depends on, and say what is wrong and what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.detect.rules import registry as rules
from modelhub.errors import ModelhubError
from modelhub.fetch.sources import huggingface
from modelhub.fetch.sources import registry as sources
from modelhub.plugins import PluginProblem
from modelhub.quantities import format_size
from modelhub.storage.free_space import free_bytes
from modelhub.uis import registry as uis


class Grade(StrEnum):
    """How good a finding is."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, "" when nothing is to be done."""

    subject: str
    grade: Grade
    text: str
    advice: str = ""


_LITTLE_ROOM = 10_000_000_000  # bytes; one SDXL checkpoint is 7 GB
_EXTRAS = (
    ("torch", "rendering and precision changes", "pip install 'sd-modelhub[render]'"),
    ("numpy", "fast checks of every number", "pip install numpy"),
)


def run_checks(settings: Settings, *, command_problems: Iterable[PluginProblem] = ()) -> Iterator[Finding]:
    """Yield all findings, each after those that it depends on.

    `command_problems` are those of the commands, which only the command line knows.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(subject="python", grade=Grade.GOOD, text=version)
    where = str(settings.file) if settings.file else "none; the defaults and the environment hold"
    yield Finding(subject="configuration", grade=Grade.GOOD, text=where)
    yield _library(settings.library)
    yield from _catalog(settings)
    yield from _extras()
    yield _access(settings)
    yield from _plugins(settings, command_problems)


def _plugins(settings: Settings, command_problems: Iterable[PluginProblem]) -> Iterator[Finding]:
    found = (
        *sources.plugin_problems(settings),
        *uis.plugins().problems,
        *rules.plugins().problems,
        *command_problems,
    )
    for problem in found:
        yield Finding(
            subject="plug-in",
            grade=Grade.BAD,
            text=f"{problem.name} of {problem.distribution} ({problem.group}): {problem.reason}",
            advice="Update it or uninstall it; nothing else is affected.",
        )


def _library(library: Path) -> Finding:
    nearest = next(folder for folder in (library, *library.parents) if folder.is_dir())
    if not os.access(nearest, os.W_OK):
        advice = "Choose another with --library or MODELHUB_LIBRARY."
        return Finding(subject="library", grade=Grade.BAD, text=f"{library} cannot be written to", advice=advice)
    free = free_bytes(nearest)
    text = f"{library}, {format_size(free)} free" + ("" if library.is_dir() else " (made on first use)")
    if free < _LITTLE_ROOM:
        return Finding(
            subject="library", grade=Grade.NOTE, text=text, advice="Little room: one checkpoint takes 2 to 7 GB."
        )
    return Finding(subject="library", grade=Grade.GOOD, text=text)


def _catalog(settings: Settings) -> Iterator[Finding]:
    location = settings.catalog_location
    if "://" not in location and not Path(location).exists():
        yield Finding(subject="catalog", grade=Grade.GOOD, text=f"{location} (made on first use)")
        return
    try:
        with Catalog.open(location) as catalog:
            counts = catalog.counts()
            wrong = catalog.check()
            roots = catalog.roots()
    except ModelhubError as exc:
        yield Finding(subject="catalog", grade=Grade.BAD, text=exc.message, advice=exc.remedy.text)
        return
    yield Finding(subject="catalog", grade=Grade.GOOD, text=f"{location}, {counts.models} models")
    for problem in wrong:
        yield Finding(
            subject="catalog", grade=Grade.BAD, text=problem, advice="Restore a backup from beside the catalog."
        )
    for root in roots:
        if root.path.is_dir():
            yield Finding(subject="folder", grade=Grade.GOOD, text=f"{root.name}: {root.path}")
        else:
            advice = "Plug the drive in; nothing is forgotten meanwhile."
            yield Finding(
                subject="folder", grade=Grade.NOTE, text=f"{root.name}: {root.path} is out of reach", advice=advice
            )
    if counts.broken:
        advice = "`modelhub list` marks them; `modelhub verify` says more."
        yield Finding(subject="models", grade=Grade.NOTE, text=f"{counts.broken} broken files", advice=advice)


def _extras() -> Iterator[Finding]:
    for module, purpose, command in _EXTRAS:
        if find_spec(module):
            yield Finding(subject=module, grade=Grade.GOOD, text=f"installed, for {purpose}")
        else:
            yield Finding(subject=module, grade=Grade.NOTE, text=f"not installed; needed for {purpose}", advice=command)


def _access(settings: Settings) -> Finding:
    secrets = [(row.name, key) for row in sources.rows() for key in row.keys if key.secret]
    tokens = [name for name, key in secrets if settings.lookup(key)[0]]
    endpoints = settings.section(huggingface.ROW.keys).texts("endpoints")
    text = f"tokens set: {', '.join(tokens) or 'none'}; hub: {', '.join(endpoints)}"
    if shutil.which("hf") and huggingface.ROW.name not in tokens:
        text += " (a token saved by `hf auth login` is used too)"
    return Finding(subject="access", grade=Grade.GOOD, text=text)
