"""Shared by the sources that keep repositories: indexes of pipelines, and files that a repository does not have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from modelhub.errors import NotFoundError, Remedy
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.http import json_answers
from modelhub.fetch.sources.huggingface_reference import HubReference

INDEX_LIMIT = 1 << 20  # bytes; a real `model_index.json` has less than two thousand


def index_components(text: bytes) -> tuple[str, ...]:
    """Return the component folders that a `model_index.json` names, () for one that cannot be read.

    Its values are [library, class]; [null, null] stands for a component that the pipeline does without.
    """
    try:
        index = json_answers.decode(text, dict[str, Any])
    except ValueError:
        return ()
    pairs = ((name, value) for name, value in index.items() if isinstance(value, list) and not name.startswith("_"))
    return tuple(name for name, value in pairs if len(value) == 2 and value[1] is not None)


def require_wanted(reference: HubReference, files: Sequence[RemoteFile], *, again: str) -> None:
    """Raise NotFoundError where the file or folder that `reference` names is not among `files`.

    `again` is the reference of the whole repository, for the remedy.
    """
    wanted = reference.path
    if wanted is None or any(file.name == wanted or file.name.startswith(f"{wanted}/") for file in files):
        return
    near = difflib.get_close_matches(wanted, [file.name for file in files], n=3, cutoff=0.5)
    remedy: Remedy | str = Remedy("The page of the repository lists its files.", "list-files", {"reference": again})
    if near:
        remedy = f"Similar names: {', '.join(near)}."
    raise NotFoundError(f"{reference.repository} has no file or folder `{wanted}`.", remedy)
