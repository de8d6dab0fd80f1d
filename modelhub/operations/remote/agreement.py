"""Compare what a name, its source's words and the content of a file state about the architecture."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.base_models import architecture_title, is_same_family, source_architecture
from modelhub.detect import KnownModel
from modelhub.domain import ModelRecord
from modelhub.fetch.fetcher import RemoteModel


def stated_otherwise(architecture: str, remote: RemoteModel) -> str:
    """Return the sentence that a source states another architecture than `architecture`, "" where it does not."""
    stated = source_architecture(remote.base_model)
    if stated is None or is_same_family(stated, architecture):
        return ""
    return f"{remote.reference} is listed for {remote.base_model}, not for {architecture_title(architecture)}."


def content_notes(known: KnownModel | None, remote: RemoteModel, models: Sequence[ModelRecord]) -> tuple[str, ...]:
    """Return a sentence for each model whose tensors are of another architecture than its name or its source states."""
    notes = (_content_note(known, remote, model.detection.architecture) for model in models)
    return tuple(dict.fromkeys(note for note in notes if note))


def _content_note(known: KnownModel | None, remote: RemoteModel, content: str | None) -> str:
    if content is None:
        return ""
    found = architecture_title(content)
    stated = source_architecture(remote.base_model)
    if stated is not None and not is_same_family(stated, content):
        return f"The source calls it {remote.base_model}, but its tensors are {found}."
    if known is not None and not is_same_family(known.architecture, content):
        return f"{known.name} is {architecture_title(known.architecture)}, but its tensors are {found}."
    return ""
