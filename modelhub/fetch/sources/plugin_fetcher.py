"""A guard around the fetcher of a plug-in: whatever it raises concerns that source alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import CommitLookup, Fetcher, HashLookup, RemoteModel
from modelhub.fetch.sources import remote_names

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class PluginFetcher:
    """A plug-in's fetcher whose errors are ModelhubErrors. One that fails to look at a reference does not claim it."""

    def __init__(self, kind: str, fetcher: Any) -> None:
        self.kind = kind
        self._fetcher = fetcher

    def claims(self, source: str) -> bool:
        """Return whether the plug-in takes `source`; False when it fails."""
        try:
            return bool(self._fetcher.claims(source))
        except Exception:  # noqa: BLE001 - another source may take it
            _log.warning("The source %s of a plug-in failed to look at a reference.", self.kind, exc_info=True)
            return False

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the plug-in's answer. Raise ModelhubError when it fails or is not a RemoteModel."""
        return self._checked(self._call(lambda: self._fetcher.resolve(source, revision=revision)))

    def _checked(self, found: object) -> RemoteModel:
        if not isinstance(found, RemoteModel):
            raise self._error(f"it returned a {type(found).__name__}, not a RemoteModel")
        files, refused = remote_names.accept_names(found.files, lambda file: file.name, found.reference)
        return replace(found, files=files, notices=(*found.notices, *refused)) if refused else found

    def _call(self, question: Callable[[], _Answer]) -> _Answer:
        try:
            return question()
        except ModelhubError:
            raise
        except Exception as exc:
            _log.debug("the source %s failed", self.kind, exc_info=True)
            raise self._error(f"{type(exc).__name__}: {exc}") from exc

    def _error(self, reason: str) -> ModelhubError:
        return ModelhubError(f"The source `{self.kind}`, a plug-in, failed: {reason}.", "Update it or uninstall it.")


class PluginHashLookup(PluginFetcher):
    """The guard of a fetcher that also finds models by hash."""

    @property
    def offline(self) -> bool:
        """Whether every request is refused."""
        return bool(self._fetcher.offline)

    def by_hashes(self, digests: Iterable[str]) -> dict[str, RemoteModel]:
        """Return the plug-in's answer. Raise ModelhubError when it fails or is not a dict."""
        found: object = self._call(lambda: self._fetcher.by_hashes(digests))
        if not isinstance(found, dict):
            raise self._error(f"it returned a {type(found).__name__}, not a dict")
        return found


class PluginCommitLookup(PluginFetcher):
    """The guard of a fetcher that also answers whether a repository has changed."""

    def resolve_if_changed(self, source: str, *, revision: str | None, since: str) -> RemoteModel | None:
        """Return the plug-in's answer. Raise ModelhubError when it fails or is not a RemoteModel."""
        found: object = self._call(lambda: self._fetcher.resolve_if_changed(source, revision=revision, since=since))
        return None if found is None else self._checked(found)


class PluginFullLookup(PluginHashLookup, PluginCommitLookup):
    """The guard of a fetcher with both abilities."""


def guarded(kind: str, fetcher: Fetcher) -> Fetcher:
    """Return the guard of a plug-in's fetcher, with the abilities that the fetcher has."""
    if isinstance(fetcher, HashLookup):
        return (PluginFullLookup if isinstance(fetcher, CommitLookup) else PluginHashLookup)(kind, fetcher)
    return (PluginCommitLookup if isinstance(fetcher, CommitLookup) else PluginFetcher)(kind, fetcher)
