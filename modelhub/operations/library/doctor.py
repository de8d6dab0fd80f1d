"""Check everything that modelhub depends on."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from modelhub.catalog import Catalog, ModelQuery, Term
from modelhub.config import Settings
from modelhub.detect.rules import registry as rules
from modelhub.errors import ModelhubError, Remedy
from modelhub.fetch.sources import huggingface
from modelhub.fetch.sources import registry as sources
from modelhub.plugins import PluginProblem
from modelhub.quantities import format_size
from modelhub.redaction import redact_text
from modelhub.storage.free_space import free_bytes
from modelhub.uis import registry as uis


class Grade(StrEnum):
    """The grade of a finding."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check. `advice` is empty when there is nothing to do."""

    subject: str
    grade: Grade
    text: str
    advice: Remedy = field(default_factory=Remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """A check for models with a problem: the term that finds them, and the sentences for one, some and many."""

    field: str
    value: str
    one: str
    many: str
    more: str
    remedy: Remedy


_NAMES_SHOWN = 5
_CHECKS = (
    ModelCheck(
        field="verdict",
        value="dangerous",
        one="{count} model is dangerous: {names}.",
        many="{count} models are dangerous: {names}.",
        more="{count} models are dangerous, such as {names}.",
        remedy=Remedy("List them, and delete them.", "list-dangerous"),
    ),
    ModelCheck(
        field="verdict",
        value="suspicious",
        one="{count} model is suspicious: {names}.",
        many="{count} models are suspicious: {names}.",
        more="{count} models are suspicious, such as {names}.",
        remedy=Remedy("List them, and inspect them before you load one.", "list-suspicious"),
    ),
    ModelCheck(
        field="broken",
        value="yes",
        one="{count} model has a broken file: {names}.",
        many="{count} models have a broken file: {names}.",
        more="{count} models have a broken file, such as {names}.",
        remedy=Remedy("List the broken models, then verify them.", "list-broken"),
    ),
    ModelCheck(
        field="state",
        value="missing",
        one="{count} model is missing: {names}.",
        many="{count} models are missing: {names}.",
        more="{count} models are missing, such as {names}.",
        remedy=Remedy("List them; a scan finds those that were moved.", "list-missing"),
    ),
)
_LITTLE_SPACE = 10_000_000_000  # bytes; one SDXL checkpoint is 7 GB
_EXTRAS = (
    (
        "torch",
        "installed, for rendering and precision changes",
        "not installed; needed for rendering and precision changes",
        Remedy("Install the extra `render`.", "install-render"),
    ),
    (
        "numpy",
        "installed, for fast checks of values",
        "not installed; needed for fast checks of values",
        Remedy("Install the extra `convert`.", "install-convert"),
    ),
)


def run_checks(settings: Settings, *, command_problems: Iterable[PluginProblem] = ()) -> Iterator[Finding]:
    """Yield all findings, each after those that it depends on.

    `command_problems` are those of the commands, which only the command line knows.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(subject="python", grade=Grade.GOOD, text=version)
    where = str(settings.file) if settings.file else "No file; defaults and environment variables apply."
    yield Finding(subject="configuration", grade=Grade.GOOD, text=where)
    yield from _readable_secrets(settings)
    yield _library(settings.library)
    yield from _catalog(settings)
    yield from _extras()
    yield _access(settings)
    yield from _plugins(settings, command_problems)


def _readable_secrets(settings: Settings) -> Iterator[Finding]:
    """Yield a note for a configuration file that holds a secret and that other users may read; not on Windows."""
    file = settings.file
    if file is None or os.name == "nt":
        return
    stated = settings.inputs.stated
    secret = any(stated.get(key.name) for row in sources.rows() for key in row.keys if key.secret)
    secret = secret or any(redact_text(text) != text for value in stated.values() for text in _texts_in(value))
    if secret and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            subject="configuration",
            grade=Grade.NOTE,
            text=f"{file} holds a token or password, and other users of this computer may read it.",
            advice=Remedy("Remove the permissions of other users from it.", "make-private", {"file": str(file)}),
        )


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (each for each in value if isinstance(each, str))


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
            advice=Remedy("Update it or uninstall it; nothing else is affected."),
        )


def _library(library: Path) -> Finding:
    nearest = next(folder for folder in (library, *library.parents) if folder.is_dir())
    if not os.access(nearest, os.W_OK):
        advice = Remedy("Choose another folder for the library.", "choose-library")
        return Finding(subject="library", grade=Grade.BAD, text=f"{library} cannot be written to.", advice=advice)
    free = free_bytes(nearest)
    text = f"{library}, with {format_size(free)} free"
    if not library.is_dir():
        text = f"{library}, with {format_size(free)} free (created on first use)"
    if free < _LITTLE_SPACE:
        advice = Remedy("There is little space: one checkpoint takes 2 to 7 GB.")
        return Finding(subject="library", grade=Grade.NOTE, text=text, advice=advice)
    return Finding(subject="library", grade=Grade.GOOD, text=text)


def _catalog(settings: Settings) -> Iterator[Finding]:
    location = settings.catalog_location
    if "://" not in location and not Path(location).exists():
        yield Finding(subject="catalog", grade=Grade.GOOD, text=f"{location} (created on first use)")
        return
    try:
        with Catalog.open(location) as catalog:
            counts = catalog.counts()
            wrong = catalog.check()
            roots = catalog.roots()
            models = list(_models(catalog))
    except ModelhubError as exc:
        yield Finding(subject="catalog", grade=Grade.BAD, text=exc.message, advice=exc.remedy)
        return
    place, count = redact_text(location), counts.models
    text = f"{place}, with 1 model" if count == 1 else f"{place}, with {count} models"
    yield Finding(subject="catalog", grade=Grade.GOOD, text=text)
    for problem in wrong:
        yield Finding(
            subject="catalog",
            grade=Grade.BAD,
            text=problem,
            advice=Remedy("If there is a backup beside the catalog, move the catalog away and copy it back."),
        )
    for root in roots:
        if root.path.is_dir():
            yield Finding(subject="folder", grade=Grade.GOOD, text=f"{root.name}: {root.path}")
        else:
            advice = Remedy("Connect its drive; its models stay in the catalog meanwhile.")
            yield Finding(
                subject="folder", grade=Grade.NOTE, text=f"{root.name}: {root.path} is out of reach.", advice=advice
            )
    yield from models


def _models(catalog: Catalog) -> Iterator[Finding]:
    """Yield a note for the models that are dangerous, suspicious, broken and missing, with the next command."""
    for check in _CHECKS:
        names = [model.name for model in catalog.list(ModelQuery(terms=(Term(check.field, check.value),)))]
        if names:
            template = check.one if len(names) == 1 else check.many if len(names) <= _NAMES_SHOWN else check.more
            text = template.format(count=len(names), names=", ".join(names[:_NAMES_SHOWN]))
            yield Finding(subject="models", grade=Grade.NOTE, text=text, advice=check.remedy)


def _extras() -> Iterator[Finding]:
    for module, present, absent, remedy in _EXTRAS:
        if find_spec(module):
            yield Finding(subject=module, grade=Grade.GOOD, text=present)
        else:
            yield Finding(subject=module, grade=Grade.NOTE, text=absent, advice=remedy)


def _access(settings: Settings) -> Finding:
    secrets = [(row.name, key) for row in sources.rows() for key in row.keys if key.secret]
    tokens = [name for name, key in secrets if settings.lookup(key)[0]]
    endpoints = settings.section(huggingface.ROW.keys).texts("endpoints")
    hub, names = ", ".join(map(redact_text, endpoints)), ", ".join(tokens)
    text = f"Tokens are set for {names}; hub: {hub}." if tokens else f"No tokens are set; hub: {hub}."
    if shutil.which("hf") and huggingface.ROW.name not in tokens:
        text = f"No tokens are set; one that `hf auth login` has saved is used; hub: {hub}."
        if tokens:
            text = f"Tokens are set for {names}; one that `hf auth login` has saved is used too; hub: {hub}."
    return Finding(subject="access", grade=Grade.GOOD, text=text)
