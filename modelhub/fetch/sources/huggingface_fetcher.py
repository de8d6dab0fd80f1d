"""Fetch models from Hugging Face hubs: the official one, mirrors and private ones, which share a protocol.

Metadata is requested through the huggingface_hub library, which is imported only then. Files are not downloaded with
it, because it neither verifies hashes nor resumes in a later process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelhub.domain import TriggerWord
from modelhub.errors import GO_ONLINE, AccessError, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.sources import huggingface_api, huggingface_cache, huggingface_reference, repositories
from modelhub.fetch.sources.endpoints import normalize_endpoint
from modelhub.fetch.sources.huggingface_errors import RepositoryGoneError
from modelhub.fetch.sources.huggingface_moved import find_successor
from modelhub.fetch.sources.huggingface_reference import HubReference

if TYPE_CHECKING:
    from modelhub.fetch.sources.huggingface_api import HubRepository
    from modelhub.fetch.sources.huggingface_listing import HubFile

# Tags of a model card that state the type of the model.
_TYPES_BY_TAG = {
    "lora": "lora",
    "textual_inversion": "embedding",
    "controlnet": "controlnet",
    "t2i-adapter": "t2i-adapter",
    "ip-adapter": "ip-adapter",
}


class HuggingFace:
    """Repositories at one or several hubs, which are tried in order.

    `token`: None for the one that `hf auth login` saved. `offline`: answer from the local cache only. `cache`: the
    cache's folder, by default the one that the environment names.
    """

    kind = "huggingface"

    def __init__(
        self,
        *,
        endpoints: tuple[str, ...] = ("https://huggingface.co",),
        token: str | None = None,
        offline: bool = False,
        cache: Path | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoints = tuple(normalize_endpoint(each, "huggingface.endpoints") for each in endpoints)
        self.offline = offline
        self._token = token
        self._cache = cache
        self._timeout = timeout
        self._sleep = sleep
        self._hosts = huggingface_reference.PUBLIC_HOSTS | {
            urlsplit(endpoint).netloc.lower() for endpoint in self.endpoints
        }

    def claims(self, source: str) -> bool:
        """Return whether `source` is a repository or a page of a known hub, a misspelled one included."""
        try:
            return huggingface_reference.parse(source, hosts=self._hosts) is not None
        except UsageError:
            return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the repository at the first hub that has it.

        A repository that has moved is taken from its successor, which a notice names.
        """
        read = self._read_cache if self.offline else self._request
        return self._read_or_successor(self._reference(source, revision), read)

    def _read_or_successor(self, reference: HubReference, read: Callable[[HubReference], RemoteModel]) -> RemoteModel:
        """Return what `read` returns for the repository, or for its known successor where it is gone."""
        try:
            return read(reference)
        except RepositoryGoneError as gone:
            moved_to = find_successor(reference.repository)
            if moved_to is None:
                raise
            return self._read_successor(read, reference, moved_to, gone)

    def resolve_if_changed(self, source: str, *, revision: str | None, since: str) -> RemoteModel | None:
        """Return what `resolve` returns, None, after a single request, where the commit is still `since`."""
        reference = self._reference(source, revision)
        model = self._read_or_successor(reference, lambda each: self._request(each, known=since))
        return None if model.commit == since else model

    def _reference(self, source: str, revision: str | None) -> HubReference:
        reference = huggingface_reference.parse(source, hosts=self._hosts)
        if reference is None:
            raise UsageError(
                f"`{source}` is not a reference to a hub repository.",
                "Write org/name, org/name@revision or the address of its page.",
            )
        if revision and reference.revision and revision != reference.revision:
            raise UsageError(
                f"`{source}` names revision {reference.revision}, but revision {revision} was requested.",
                "Name only one of them.",
            )
        return replace(reference, revision=revision or reference.revision)

    def _read_successor(
        self, read: Callable[[HubReference], RemoteModel], reference: HubReference, moved_to: str, gone: NotFoundError
    ) -> RemoteModel:
        try:
            model = read(replace(reference, repository=moved_to))
        except RepositoryGoneError as exc:
            raise NotFoundError(gone.message, f"Its successor {moved_to} does not exist either.") from exc
        notice = f"{reference.repository} was removed from the hub; its files are taken from {moved_to}."
        return replace(model, requested=str(reference), notices=(notice, *model.notices))

    def _request(self, reference: HubReference, *, known: str | None = None) -> RemoteModel:
        failures: list[ModelhubError] = []
        for endpoint in self.endpoints:
            try:
                answer = huggingface_api.fetch_repository(
                    endpoint, reference, token=self._token, timeout=self._timeout, sleep=self._sleep, known=known
                )
                instead = f"{endpoint} is used instead."
                skipped = tuple(f"{failure.message} {instead}" for failure in failures)
                model = _model(endpoint, reference, answer)
                return replace(model, notices=(*skipped, *model.notices))
            except (NotFoundError, AccessError, NetworkError) as exc:
                failures.append(exc)
        raise _most_specific(failures)

    def _read_cache(self, reference: HubReference) -> RemoteModel:
        cached = huggingface_cache.snapshot(reference.repository, reference.revision, folder=self._cache)
        if cached is None:
            raise RepositoryGoneError(
                f"Offline: {reference} is not in the Hugging Face cache on this machine.", GO_ONLINE
            )
        files = tuple(
            RemoteFile(
                name=file.name,
                url=huggingface_api.file_url(self.endpoints[0], reference.repository, cached.commit, file.name),
                size=file.size,
                sha256=file.sha256,
                git_sha1=file.git_sha1,
                facts={"cached": str(file.path)},
            )
            for file in cached.files
        )
        index = next((file.path for file in cached.files if file.name == "model_index.json"), None)
        repositories.require_wanted(reference, files, again=reference.repository)
        return RemoteModel(
            kind=self.kind,
            reference=str(reference),
            repository=reference.repository,
            title=reference.repository.rpartition("/")[2],
            files=files,
            revision=reference.revision,
            commit=cached.commit,
            page=f"{self.endpoints[0]}/{reference.repository}",
            notices=("Offline: only files in the Hugging Face cache on this machine are listed.",),
            wanted=reference.path,
            components=repositories.index_components(index.read_bytes()) if index else (),
        )


def _most_specific(failures: list[ModelhubError]) -> ModelhubError:
    for kind in (AccessError, NotFoundError):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return failures[0]


def _model(endpoint: str, requested: HubReference, answer: HubRepository) -> RemoteModel:
    reference = replace(requested, repository=answer.repository)
    renamed = answer.repository.lower() != requested.repository.lower()
    notice = f"{requested.repository} is now called {answer.repository}."
    parts = urlsplit(endpoint)
    origin = f"{parts.scheme}://{parts.netloc}"
    credential = Credential(origin=origin, value=f"Bearer {answer.token}") if answer.token else None
    files = tuple(_file(endpoint, reference.repository, answer.commit, file, credential) for file in answer.files)
    repositories.require_wanted(reference, files, again=reference.repository)
    words = (answer.instance_prompt,) if answer.instance_prompt else ()
    return RemoteModel(
        kind=HuggingFace.kind,
        reference=str(reference),
        repository=reference.repository,
        title=reference.repository.rpartition("/")[2],
        files=files,
        requested=str(requested) if renamed else None,
        revision=reference.revision,
        commit=answer.commit,
        page=f"{endpoint}/{reference.repository}",
        license=answer.license,
        tags=answer.tags,
        base_model=answer.base_model,
        model_type=next((_TYPES_BY_TAG[tag.lower()] for tag in answer.tags if tag.lower() in _TYPES_BY_TAG), None),
        trigger_words=tuple(TriggerWord(word, "model card") for word in words),
        notices=((notice,) if renamed else ()) + answer.notices,
        wanted=reference.path,
        components=answer.components,
    )


def _file(endpoint: str, repository: str, commit: str, file: HubFile, credential: Credential | None) -> RemoteFile:
    return RemoteFile(
        name=file.name,
        url=huggingface_api.file_url(endpoint, repository, commit, file.name),
        size=file.size,
        sha256=file.sha256,
        git_sha1=file.git_sha1,
        credential=credential,
        scan=file.scan,
    )
