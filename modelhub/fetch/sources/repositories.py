"""What the sources that keep repositories share: how to ask for changes, indexes of pipelines, files not there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from modelhub.errors import NotFoundError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.sources import huggingface_reference, modelscope_reference
from modelhub.fetch.sources.huggingface_reference import HubReference


@runtime_checkable
class Following(Protocol):
    """A source whose repositories have commits."""

    def changed(self, source: str, *, revision: str | None, since: str) -> RemoteModel | None:
        """As `Fetcher.resolve`; None, after a single question, where the commit is still `since`."""


def _at_modelscope(reference: str) -> tuple[str, HubReference] | None:
    found = modelscope_reference.parse(reference)
    return (str(found.whole), found.hub) if found else None


def _at_huggingface(reference: str) -> tuple[str, HubReference] | None:
    found = huggingface_reference.parse(reference)
    return (found.repository, found) if found else None


_PARSERS: dict[str, Callable[[str], tuple[str, HubReference] | None]] = {
    "huggingface": _at_huggingface,
    "modelscope": _at_modelscope,
}
KINDS = frozenset(_PARSERS)


def whole(kind: str, reference: str) -> tuple[str, HubReference]:
    """The words that name the whole repository of a catalogued `reference`, and its parts. Raises NotFoundError."""
    found = _PARSERS[kind](reference)
    if found is None:
        raise NotFoundError(f"{reference} names no repository.")
    return found


def index_components(text: bytes) -> tuple[str, ...]:
    """The component folders that a `model_index.json` names, () for one that cannot be read.

    Its values are [library, class]; [null, null] stands for a component that the pipeline does without.
    """
    try:
        index = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(index, dict):
        return ()
    pairs = ((name, value) for name, value in index.items() if isinstance(value, list) and not name.startswith("_"))
    return tuple(name for name, value in pairs if len(value) == 2 and value[1] is not None)


def require_wanted(reference: HubReference, files: Sequence[RemoteFile], *, again: str) -> None:
    """Raise NotFoundError where the file or folder that `reference` names is not among `files`.

    `again` names the whole repository, for the hint.
    """
    wanted = reference.path
    if wanted is None or any(file.name == wanted or file.name.startswith(f"{wanted}/") for file in files):
        return
    near = difflib.get_close_matches(wanted, [file.name for file in files], n=3, cutoff=0.5)
    hint = f"Near: {', '.join(near)}." if near else f"`modelhub pull {again} --dry-run` lists its files."
    raise NotFoundError(f"{reference.repository} holds no `{wanted}`.", hint)
