"""A source whose references are `example:NAME`: one safetensors file for each name."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.errors import GO_ONLINE, NetworkError
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel
from modelhub.fetch.sources.source import SourceRow

_PREFIX = "example:"


class Example:
    """The files of one server."""

    kind = "example"

    def __init__(self, *, endpoint: str, offline: bool) -> None:
        self._endpoint = endpoint
        self._offline = offline

    def claims(self, source: str) -> bool:
        """Return whether `source` is a reference to this source."""
        return source.startswith(_PREFIX)

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the file of a name."""
        if self._offline:
            raise NetworkError(f"Offline: {source} was not requested.", GO_ONLINE)
        name = source.removeprefix(_PREFIX)
        file = RemoteFile(name=f"{name}.safetensors", url=f"{self._endpoint}/{name}.safetensors")
        return RemoteModel(kind=self.kind, reference=source, title=name, files=(file,))


def _make(settings: Settings, section: Section) -> Fetcher:
    return Example(endpoint=section.text("endpoint"), offline=settings.offline)


ROW = SourceRow(
    kind="example",
    name="Example",
    make=_make,
    keys=(Key("example.endpoint", "text", "https://models.example", "Address of the server."),),
    examples=("example:NAME",),
)
