"""Fetch models from ModelScope through the interface that its own client uses.

Established from that client's source (https://github.com/modelscope/modelscope_hub, `_legacy_api.py`): listings at
`/api/v1/models/ORG/NAME/repo/files` in an envelope {Code, Success, Message, Data}, each file with size and SHA-256;
bytes at `…/repo?Revision=&FilePath=`; a token is sent as the cookie `m_session_id`. Parts of a file come with a
correct `Content-Range` but with the status 200, which `range_client` accepts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from modelhub.domain import TriggerWord
from modelhub.errors import GO_ONLINE, AccessError, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.http import json_answers
from modelhub.fetch.http.api_client import ApiClient
from modelhub.fetch.sources import modelscope_reference, remote_names, repositories
from modelhub.fetch.sources.endpoints import normalize_endpoint
from modelhub.fetch.sources.modelscope_reference import MAIN, ModelScopeReference

_TOKEN_HINT = (
    "Set MODELSCOPE_API_TOKEN (or modelscope.token in the configuration) to a token of an account that may read it."
)
_INDEX = "model_index.json"
# Types that uploaders choose on the site.
_TYPES = {"checkpoint": "base", "lora": "lora", "vae": "vae", "controlnet": "controlnet", "embedding": "embedding"}


class _File(msgspec.Struct, rename="pascal"):
    path: str = ""
    type: str = "blob"
    size: int | None = None
    sha256: str | None = None


class _Envelope(msgspec.Struct, rename="pascal"):
    code: Any = None
    success: Any = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw()


class _Commit(msgspec.Struct, rename="pascal"):
    id: str | None = None


class _Listing(msgspec.Struct, rename="pascal"):
    files: list[_File] | None = None
    latest_committer: _Commit | None = None


class _Card(msgspec.Struct, rename="pascal"):
    license: str | None = None
    tags: list[str] | None = None
    base_model: list[str] | str | None = None
    aigc_type: str | None = None
    trigger_words: list[str] | None = None
    sub_vision_foundation: str | None = None
    vision_foundation: str | None = None


_Data = TypeVar("_Data", _Listing, _Card)


class ModelScope:
    """Repositories at ModelScope. `token`: an access token, None without one. `offline`: every request is refused."""

    kind = "modelscope"

    def __init__(
        self,
        *,
        endpoint: str = "https://modelscope.cn",
        token: str | None = None,
        offline: bool = False,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = normalize_endpoint(endpoint, "modelscope.endpoint")
        self.offline = offline
        self._token = token
        self._timeout = timeout
        self._sleep = sleep

    def claims(self, source: str) -> bool:
        """Return whether `source` is a reference to ModelScope, a misspelled one included."""
        try:
            return modelscope_reference.parse(source, endpoint=self.endpoint) is not None
        except UsageError:
            return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return a repository at its main branch or at `revision`."""
        model = self.resolve_if_changed(source, revision=revision, since=None)
        assert model is not None
        return model

    def resolve_if_changed(self, source: str, *, revision: str | None, since: str | None) -> RemoteModel | None:
        """Return what `resolve` returns, None, after a single request, where the commit is still `since`."""
        reference = self._reference(source, revision)
        if self.offline:
            raise NetworkError(f"Offline: {reference.hub} was not requested from ModelScope.", GO_ONLINE)
        site = _Site(reference.site or self.endpoint, self._secret(reference), self._timeout, self._sleep)
        listing = site.list_files(reference)
        commit = (listing.latest_committer.id if listing.latest_committer else None) or None
        if since is not None and commit == since:
            return None
        return _model(site, reference, listing, commit)

    def _reference(self, source: str, revision: str | None) -> ModelScopeReference:
        reference = modelscope_reference.parse(source, endpoint=self.endpoint)
        if reference is None:
            raise UsageError(
                f"`{source}` is not a reference to a ModelScope repository.",
                "Write ms:org/name or the address of its page.",
            )
        stated = reference.hub.revision
        if revision and stated and revision != stated:
            raise UsageError(
                f"`{source}` names revision {stated}, but revision {revision} was requested.",
                "Name only one of them.",
            )
        return replace(reference, hub=replace(reference.hub, revision=revision or stated))

    def _secret(self, reference: ModelScopeReference) -> str | None:
        return None if reference.site else self._token  # a token is valid only at the site that issued it


class _Site:
    """One ModelScope site and its interface. A failed request raises a ModelhubError that names the repository."""

    def __init__(self, endpoint: str, token: str | None, timeout: float, sleep: Callable[[float], None]) -> None:
        self.endpoint = endpoint
        parts = urlsplit(endpoint)
        cookie = f"m_session_id={token}"
        origin = f"{parts.scheme}://{parts.netloc}"
        self.credential = Credential(origin=origin, header="Cookie", value=cookie) if token else None
        # Older requests need the cookie, newer ones the header; both together work everywhere.
        secrets = {"Cookie": cookie, "Authorization": f"Bearer {token}"} if token else {}
        self._client = ApiClient(endpoint, secrets=secrets, timeout=timeout, sleep=sleep)

    def list_files(self, reference: ModelScopeReference) -> _Listing:
        """Return all files of a repository at a revision."""
        params = {"Revision": reference.hub.revision or MAIN, "Recursive": "True"}
        return self._request(f"{_api_path(reference)}/repo/files", params, _Listing, reference)

    def read_card(self, reference: ModelScopeReference) -> _Card:
        """Return the card of a repository, an empty one where it cannot be read: only the files are needed."""
        try:
            return self._request(_api_path(reference), {}, _Card, reference)
        except ModelhubError:
            return _Card()

    def read_components(self, reference: ModelScopeReference, name: str) -> tuple[str, ...]:
        """Return the components that the pipeline's index names."""
        answer = self._client.get(
            f"{_api_path(reference)}/repo", params=_file_query(reference, name), most_bytes=repositories.INDEX_LIMIT
        )
        return repositories.index_components(answer.body) if answer.status == 200 else ()

    def file_url(self, reference: ModelScopeReference, name: str) -> str:
        """Return the address of a file."""
        query = urlencode(_file_query(reference, name), quote_via=quote)
        return f"{self.endpoint}{_api_path(reference)}/repo?{query}"

    def _request(self, path: str, params: dict[str, str], kind: type[_Data], reference: ModelScopeReference) -> _Data:
        answer = self._client.get(path, params=params)
        try:
            stated = answer.decode(_Envelope)
        except ValueError:
            stated = _Envelope()
        code = stated.code
        if answer.status >= 400 or (isinstance(code, int) and code != 200) or stated.success is False:
            raise self._error(answer.status, stated, reference)
        try:
            return json_answers.decode(bytes(stated.data), kind)
        except ValueError as exc:
            hint = "Try again later; check modelscope.endpoint if it is set."
            raise NetworkError(
                f"The answer of {self.endpoint} about {reference.hub} is not ModelScope's.", hint
            ) from exc

    def _error(self, status: int, stated: _Envelope, reference: ModelScopeReference) -> ModelhubError:
        words = stated.message
        answer = (f"Its answer: {words[:200]}",) if isinstance(words, str) and words else ()
        repository, page = reference.hub.repository, f"{self.endpoint}/models/{reference.hub.repository}"
        if status in (401, 403):
            hint = f"{_TOKEN_HINT} See {page}."
            return AccessError(f"ModelScope refuses access to {repository}.", hint, details=answer)
        if status == 429 or status >= 500:
            summary = f"{self.endpoint} answered {status} about {repository}."
            return NetworkError(summary, "Try again later.", details=answer)
        hint = f"Check the spelling at {page}. A private repository needs a token. {_TOKEN_HINT}"
        summary = f"There is no repository {repository} at {self.endpoint}."
        if reference.hub.revision:
            summary = f"{self.endpoint} has no repository {repository} at revision `{reference.hub.revision}`."
        return NotFoundError(summary, hint, details=answer)


def _api_path(reference: ModelScopeReference) -> str:
    return f"/api/v1/models/{reference.hub.repository}"


def _file_query(reference: ModelScopeReference, name: str) -> dict[str, str]:
    return {"Revision": reference.hub.revision or MAIN, "FilePath": name}


def _model(site: _Site, reference: ModelScopeReference, listing: _Listing, commit: str | None) -> RemoteModel:
    hub = reference.hub
    listed = [file for file in listing.files or () if file.type != "tree"]
    accepted, refused = remote_names.accept_names(listed, lambda file: file.path, hub.repository)
    files = tuple(
        RemoteFile(
            name=file.path,
            url=site.file_url(reference, file.path),
            size=json_answers.size_of(file.size),
            sha256=file.sha256.lower() if file.sha256 else None,
            credential=site.credential,
        )
        for file in accepted
    )
    repositories.require_wanted(hub, files, again=str(reference.whole))
    card = site.read_card(reference)
    base = card.base_model[0] if isinstance(card.base_model, list) and card.base_model else card.base_model
    return RemoteModel(
        kind=ModelScope.kind,
        reference=str(reference),
        repository=hub.repository,
        title=hub.repository.rpartition("/")[2],
        files=files,
        revision=hub.revision,
        commit=commit,
        page=f"{site.endpoint}/models/{hub.repository}",
        license=card.license or None,
        tags=tuple(card.tags or ()),
        base_model=card.sub_vision_foundation or card.vision_foundation or (base if isinstance(base, str) else None),
        model_type=_TYPES.get((card.aigc_type or "").lower()),
        trigger_words=tuple(TriggerWord(word, "ModelScope") for word in card.trigger_words or ()),
        notices=refused,
        wanted=hub.path,
        components=site.read_components(reference, _INDEX) if any(file.name == _INDEX for file in files) else (),
    )
