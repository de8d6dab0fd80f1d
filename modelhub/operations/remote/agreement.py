"""Compare what a name, its source's words and the content of a file state about the architecture."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.base_models import architecture_title, is_same_family, source_architecture
from modelhub.detect import KnownModel
from modelhub.domain import Detection, ModelRecord
from modelhub.fetch.fetcher import RemoteModel


def stated_otherwise(architecture: str, remote: RemoteModel) -> str:
    """Return the sentence that a source states another architecture than `architecture`, "" where it does not."""
    stated = source_architecture(remote.base_model)
    if stated is None or is_same_family(stated, architecture):
        return ""
    return f"{remote.reference} is listed for {remote.base_model}, not for {architecture_title(architecture)}."


def content_notes(known: KnownModel | None, remote: RemoteModel, models: Sequence[ModelRecord]) -> tuple[str, ...]:
    """Return a sentence for each model whose tensors are of another architecture than its name or its source states."""
    notes = (_content_note(known, remote, model.detection) for model in models)
    return tuple(dict.fromkeys(note for note in notes if note))


def _content_note(known: KnownModel | None, remote: RemoteModel, content: Detection) -> str:
    possible = (content.architecture,) if content.architecture else content.architecture_candidates
    stated = source_architecture(remote.base_model)
    if stated is not None and _excludes(possible, stated):
        if len(possible) > 1:
            return f"The source calls it {remote.base_model}, but its tensors are of another architecture."
        return f"The source calls it {remote.base_model}, but its tensors are {architecture_title(possible[0])}."
    if known is not None and _excludes(possible, known.architecture):
        expected = architecture_title(known.architecture)
        if len(possible) > 1:
            return f"{known.name} is a model for {expected}, but its tensors are of another architecture."
        return f"{known.name} is a model for {expected}, but its tensors are {architecture_title(possible[0])}."
    return ""


def _excludes(possible: Sequence[str], stated: str) -> bool:
    """Return whether the content is known to be none of this architecture; nothing follows from an unknown content."""
    return bool(possible) and not any(is_same_family(each, stated) for each in possible)
