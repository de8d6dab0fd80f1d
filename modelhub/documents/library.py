"""The documents of commands about the library as a whole, its settings and its state."""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.documents.document import Document, ObjectDocument
from modelhub.documents.inspection import InspectionDocument


class PathResultDocument(Document, frozen=True, kw_only=True):
    """The result for one path in `add` or `scan`. `found` is None for a file that was not read again."""

    path: str
    status: str
    model_id: int | None
    message: str
    found: InspectionDocument | None


class VerifiedDocument(Document, frozen=True, kw_only=True):
    """The state of one file of a model in one place. `problems` is empty when `health` is "ok"."""

    model: str
    path: str
    health: str
    problems: tuple[str, ...]


class KnownFileDocument(Document, frozen=True, kw_only=True):
    """A file of a well-known model."""

    file: str
    sha256: str


class KnownModelDocument(Document, frozen=True, kw_only=True):
    """A well-known model. `source` is what `pull` takes it from, None when no source has it."""

    name: str
    style: str
    architecture: str
    source: str | None
    files: tuple[KnownFileDocument, ...]


class ComponentDigestDocument(Document, frozen=True, kw_only=True):
    """The digests of one network in a file, each 64 hexadecimal digits.

    `rounded` is None where it could not be computed; `tensors` is how many tensors the network has, `size` their bytes.
    """

    component: str
    exact: str
    rounded: str | None
    signs: str
    tensors: int
    size: int


class FindingDocument(Document, frozen=True, kw_only=True):
    """A result of one check of `doctor`. `advice` is empty when there is nothing to do."""

    subject: str
    grade: str
    text: str
    advice: str


class TopicDocument(Document, frozen=True, kw_only=True):
    """A topic of `explain`. `examples` are names of models of the library."""

    topic: str
    text: str
    examples: tuple[str, ...]


class StartDocument(ObjectDocument, frozen=True, kw_only=True):
    """The counts on the start page: models in all and by type, their bytes, and how many need attention, by reason."""

    models: int
    size: int
    by_type: Mapping[str, int]
    attention: Mapping[str, int]
    library: str


class RemovedDocument(Document, frozen=True, kw_only=True):
    """A model that `rm` deleted from the catalog."""

    id: int
    name: str


class TagsDocument(Document, frozen=True, kw_only=True):
    """The tags of a model after `tag`."""

    id: int
    name: str
    tags: tuple[str, ...]


class SettingDocument(Document, frozen=True, kw_only=True, rename={"origin": "from"}):
    """A setting. `from` is where its value was set; secrets are masked."""

    name: str
    value: str | int | float | bool | list[str] | None
    origin: str
    about: str


class ConfigFileDocument(ObjectDocument, frozen=True, kw_only=True):
    """The configuration file."""

    path: str
    exists: bool
