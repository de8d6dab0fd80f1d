"""The sources of models, in the order in which a reference is offered to them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache

from modelhub.config import SECTIONS, Settings
from modelhub.config_keys import KINDS, Key
from modelhub.errors import ModelhubError, UsageError
from modelhub.fetch.fetcher import Fetcher, HashLookup
from modelhub.fetch.sources import civitai, huggingface, modelscope, url
from modelhub.fetch.sources.plugin_fetcher import guarded
from modelhub.fetch.sources.source import ReferenceParts, SourceRow
from modelhub.plugins import PluginProblem, Plugins, load_plugins

_log = logging.getLogger(__name__)
GROUP = "modelhub.sources"
_KIND = re.compile(r"[a-z][a-z0-9_-]*")  # also the name of its section
LOCAL = "local"  # the kind of models that were not pulled
SOURCES: tuple[SourceRow, ...] = (huggingface.ROW, civitai.ROW, modelscope.ROW)
# Claims every address, so plug-ins come before it.
FALLBACK = url.ROW


@cache
def plugins() -> Plugins[SourceRow]:
    """Return the sources that plug-ins bring."""
    taken = [row.kind for row in (*SOURCES, FALLBACK)]
    return load_plugins(GROUP, SourceRow, taken=[*taken, LOCAL, *SECTIONS], name_of=lambda row: row.kind, check=_check)


def _check(row: SourceRow) -> str:
    if not isinstance(row.kind, str) or not _KIND.fullmatch(row.kind):
        return f"Its kind {row.kind!r} is not a word in lower case."
    examples: object = row.examples
    if not isinstance(examples, tuple | list) or not all(map(_is_line, (row.name, *examples))):
        return "Its `name` and `examples` are not texts in one line."
    wrong = next((key.name for key in row.keys if key.kind not in KINDS), None)
    if wrong is not None:
        return f"Its setting `{wrong}` is of an unknown kind; the kinds are {', '.join(KINDS)}."
    outside = next((key.name for key in row.keys if key.section != row.kind), None)
    return f"Its setting `{outside}` is not in the section `{row.kind}`." if outside else ""


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def rows() -> Iterator[SourceRow]:
    """Yield all sources; plug-ins are loaded only after the built-in ones, and the one for plain addresses is last."""
    yield from SOURCES
    yield from plugins().rows
    yield FALLBACK


def find_row(kind: str) -> SourceRow | None:
    """Return the source of this kind, None for an unknown one."""
    for row in (*SOURCES, FALLBACK):
        if row.kind == kind:
            return row
    return next((row for row in plugins().rows if row.kind == kind), None)


def parse_reference(kind: str, reference: str) -> ReferenceParts | None:
    """Take a reference of a source of this kind apart; None for one that is not its own."""
    row = find_row(kind)
    try:
        return row.parse(reference) if row else None
    except UsageError:
        return None
    except Exception:
        if row in (*SOURCES, FALLBACK):
            raise
        _log.warning("The source %s of a plug-in failed to parse a reference.", kind, exc_info=True)
        return None


def example_references() -> str:
    """Return the references of all sources as users write them, for help and errors."""
    found = [(", ".join(row.examples), row) for row in rows() if row.examples]
    # An address needs no explanation.
    return ", ".join(text if row is FALLBACK else f"{text} ({row.name})" for text, row in found)


def source_keys() -> Iterator[Key]:
    """Yield the settings that the sources bring."""
    for row in rows():
        yield from row.keys


def fetchers(settings: Settings) -> tuple[Fetcher, ...]:
    """Return the fetchers of all sources, as the settings describe them."""
    built_in = [_make(row, settings) for row in SOURCES]
    added = [made for row in plugins().rows if not isinstance(made := _try_to_make(row, settings), str)]
    return (*built_in, *added, _make(FALLBACK, settings))


def hash_sources() -> tuple[SourceRow, ...]:
    """Return the sources that know models by the hashes of their files."""
    return tuple(row for row in rows() if row.finds_by_hash)


def hash_lookups(settings: Settings) -> tuple[HashLookup, ...]:
    """Return the fetchers of the sources that know models by the hashes of their files."""
    kinds = {row.kind for row in hash_sources()}
    return tuple(each for each in fetchers(settings) if each.kind in kinds and isinstance(each, HashLookup))


def plugin_problems(settings: Settings) -> Iterator[PluginProblem]:
    """Yield the plug-ins that cannot be used, those whose fetcher cannot be made included."""
    yield from plugins().problems
    for plugin in plugins().loaded:
        made = _try_to_make(plugin.row, settings)
        if isinstance(made, str):
            yield PluginProblem(group=GROUP, name=plugin.name, distribution=plugin.distribution, reason=made)


def _make(row: SourceRow, settings: Settings) -> Fetcher:
    return row.make(settings, settings.section(row.keys))


def _try_to_make(row: SourceRow, settings: Settings) -> Fetcher | str:
    """Return the fetcher of a plug-in, or the reason why it cannot be made. Raise UsageError for a wrong setting."""
    try:
        return guarded(row.kind, _make(row, settings))
    except ModelhubError:
        raise
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever a plug-in raises concerns that plug-in alone
        _log.debug("the source %s cannot be made", row.kind, exc_info=True)
        return f"Its fetcher cannot be made: {type(exc).__name__}: {exc}."
