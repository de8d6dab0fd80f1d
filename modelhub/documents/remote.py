"""The documents of `import` and `enrich`: one object for each model."""

from __future__ import annotations

from modelhub.documents.document import Document


class ImportDocument(Document, frozen=True, kw_only=True):
    """A model of a manifest. `fate` is "held", "pulled", "missing", "no source" or "failed".

    `id` and `path` are those of the model in the catalog, None where it is not there.
    """

    name: str
    fate: str
    sha256: str
    id: int | None
    path: str | None
    message: str
    exit_code: int


class EnrichDocument(Document, frozen=True, kw_only=True):
    """A model and what a source of this `kind` knows about it. `answer` is "found", "unknown" or "asked before".

    Only a model that was found has a `title` and what follows; `preview` is the picture that was written beside it.
    """

    id: int
    model: str
    sha256: str
    kind: str
    answer: str
    title: str | None
    reference: str | None
    page: str | None
    base_model: str | None
    license: str | None
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...]
    preview: str | None
    message: str
