"""Which remote files may not be taken: pickles, which can run code, and what a source's scan calls unsafe."""

from __future__ import annotations

from collections.abc import Iterable

from modelhub.errors import UnsafeError
from modelhub.fetch.choice.choice import Refusals, identity
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, Traits, traits
from modelhub.fetch.fetcher import RemoteFile, RemoteModel

_UNSAFE_VERDICTS = frozenset({"unsafe", "infected", "danger", "dangerous", "malicious", "virus"})


def refusals(files: Iterable[RemoteFile], criteria: FileCriteria) -> Refusals:
    """The files that `criteria` does not allow, each with the reason."""
    known = [(file, traits(file)) for file in files]
    twins = {_weights(about): file for file, about in known if _is_safe(file, about)}
    found = {}
    for file, about in known:
        is_pickle = about.container is Container.PICKLE
        reason = _unsafe(file) or (_pickle(file, twins.get(_weights(about)), criteria) if is_pickle else None)
        if reason:
            found[identity(file)] = reason
    return found


def _is_safe(file: RemoteFile, about: Traits) -> bool:
    return about.container is Container.SAFETENSORS and not _unsafe(file)


def _weights(about: Traits) -> tuple[object, ...]:
    """What two coats of the same weights have in common."""
    return about.folder, about.model, about.weight_set, about.precision


def _unsafe(file: RemoteFile) -> str | None:
    if file.scan and file.scan.lower() in _UNSAFE_VERDICTS:
        return f"the source's own scan calls it {file.scan.lower()}"
    return None


def _pickle(file: RemoteFile, twin: RemoteFile | None, criteria: FileCriteria) -> str | None:
    if twin is not None:
        return f"a pickle; the same weights are there as {twin.name}"
    if criteria.pickles:
        return None
    scan = f"its scan says {file.scan}" if file.scan else "no scan verdict"
    return f"a pickle can run code when it is loaded ({scan}); --allow-pickle takes it"


def refused_error(model: RemoteModel, files: Iterable[RemoteFile], refused: Refusals) -> UnsafeError:
    """All that fits is refused."""
    named = [(file, refused[identity(file)]) for file in files if identity(file) in refused]
    file, reason = named[0]
    more = f" (So are {len(named) - 1} more.)" if len(named) > 1 else ""
    if "same weights" in reason:
        hint = f"Take {reason.rpartition(' as ')[2]} instead."
    elif "--allow-pickle" in reason:
        hint = "Look for a safetensors version, or say --allow-pickle; it is scanned before it is kept."
    else:
        hint = f"Do not use it. See {model.page}." if model.page else "Do not use it."
    return UnsafeError(f"{model.reference}: {file.name} is refused: {reason}.{more}", hint)
