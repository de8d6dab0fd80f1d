"""Models from ModelScope, by the interface that its own client uses.

Established from that client's source (https://github.com/modelscope/modelscope_hub, `_legacy_api.py`): listings at
`/api/v1/models/ORG/NAME/repo/files` in an envelope {Code, Success, Message, Data}, each file with size and SHA-256;
bytes at `…/repo?Revision=&FilePath=`; a token goes as the cookie `m_session_id`. Parts of a file come with a right
`Content-Range` but with the status 200, which `asking` allows for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from modelhub.domain import TriggerWord
from modelhub.errors import GO_ONLINE, AccessError, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.sources import modelscope_reference, repositories
from modelhub.fetch.sources.api_client import Questions
from modelhub.fetch.sources.endpoints import checked_endpoint
from modelhub.fetch.sources.modelscope_reference import MAIN, ModelScopeReference

_TOKEN_HINT = "Set MODELSCOPE_API_TOKEN (or modelscope.token in the configuration) to a token of an account that may"
_INDEX = "model_index.json"
# What uploaders call their model on the site, in our words.
_TYPES = {"checkpoint": "base", "lora": "lora", "vae": "vae", "controlnet": "controlnet", "embedding": "embedding"}


class _File(msgspec.Struct, rename="pascal"):
    path: str = ""
    type: str = "blob"
    size: int | None = None
    sha256: str | None = None


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
    """Repositories at ModelScope. `token`: an access token, None without one. `offline`: nothing is asked."""

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
        self.endpoint = checked_endpoint(endpoint, "modelscope.endpoint")
        self.offline = offline
        self._token = token
        self._timeout = timeout
        self._sleep = sleep

    def claims(self, source: str) -> bool:
        """Whether `source` is in ModelScope's words (a wrongly written one is claimed too)."""
        try:
            return modelscope_reference.parse(source, endpoint=self.endpoint) is not None
        except UsageError:
            return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Everything that ModelScope says of a repository at its main branch or at `revision`."""
        model = self.resolve_if_changed(source, revision=revision, since=None)
        assert model is not None
        return model

    def resolve_if_changed(self, source: str, *, revision: str | None, since: str | None) -> RemoteModel | None:
        """Return what `resolve` returns, None, after a single request, where the commit is still `since`."""
        reference = self._reference(source, revision)
        if self.offline:
            raise NetworkError(
                f"Offline: ModelScope is not asked about {reference.hub}.",
                GO_ONLINE,
            )
        site = _Site(reference.site or self.endpoint, self._secret(reference), self._timeout, self._sleep)
        listing = site.listing(reference)
        commit = (listing.latest_committer.id if listing.latest_committer else None) or None
        if since is not None and commit == since:
            return None
        return _model(site, reference, listing, commit)

    def _reference(self, source: str, revision: str | None) -> ModelScopeReference:
        reference = modelscope_reference.parse(source, endpoint=self.endpoint)
        if reference is None:
            raise UsageError(f"`{source}` names no ModelScope repository.", "Write ms:org/name or a page's address.")
        stated = reference.hub.revision
        if revision and stated and revision != stated:
            raise UsageError(f"`{source}` names revision {stated}, --revision {revision}.", "Give one of them.")
        return replace(reference, hub=replace(reference.hub, revision=revision or stated))

    def _secret(self, reference: ModelScopeReference) -> str | None:
        return None if reference.site else self._token  # a token is good at the site that gave it


class _Site:
    """One ModelScope site and its interface. Asking raises a ModelhubError that names what was asked about."""

    def __init__(self, endpoint: str, token: str | None, timeout: float, sleep: Callable[[float], None]) -> None:
        self.endpoint = endpoint
        parts = urlsplit(endpoint)
        cookie = f"m_session_id={token}"
        origin = f"{parts.scheme}://{parts.netloc}"
        self.credential = Credential(origin=origin, header="Cookie", value=cookie) if token else None
        # Older questions want the cookie, newer ones the header; both together do no harm.
        secrets = {"Cookie": cookie, "Authorization": f"Bearer {token}"} if token else {}
        self._questions = Questions(endpoint, secrets=secrets, timeout=timeout, sleep=sleep)

    def listing(self, reference: ModelScopeReference) -> _Listing:
        """All files of a repository at a revision."""
        words = {"Revision": reference.hub.revision or MAIN, "Recursive": "True"}
        return self._data(f"{_place(reference)}/repo/files", words, _Listing, reference)

    def card(self, reference: ModelScopeReference) -> _Card:
        """What its page says; an empty card where that cannot be had, for the files are what counts."""
        try:
            return self._data(_place(reference), {}, _Card, reference)
        except ModelhubError:
            return _Card()

    def components(self, reference: ModelScopeReference, name: str) -> tuple[str, ...]:
        """The components that the pipeline's index names."""
        response = self._questions.ask(f"{_place(reference)}/repo", words=_bytes_of(reference, name))
        return repositories.index_components(response.content) if response.status_code == 200 else ()

    def address(self, reference: ModelScopeReference, name: str) -> str:
        """Where the bytes of a file are."""
        return f"{self.endpoint}{_place(reference)}/repo?{urlencode(_bytes_of(reference, name), quote_via=quote)}"

    def _data(self, path: str, words: dict[str, str], kind: type[_Data], reference: ModelScopeReference) -> _Data:
        response = self._questions.ask(path, words=words)
        try:
            document = msgspec.json.decode(response.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            document = None
        stated = document if isinstance(document, dict) else {}
        code = stated.get("Code")
        if response.status_code >= 400 or (isinstance(code, int) and code != 200) or stated.get("Success") is False:
            raise self._refusal(response.status_code, stated, reference)
        try:
            return msgspec.convert(stated["Data"], kind, strict=False)
        except (KeyError, msgspec.ValidationError) as exc:
            hint = "Try again later; check modelscope.endpoint if it is set."
            raise NetworkError(
                f"{self.endpoint} does not answer as ModelScope does about {reference.hub}.", hint
            ) from exc

    def _refusal(self, status: int, stated: dict[str, object], reference: ModelScopeReference) -> ModelhubError:
        words = stated.get("Message")
        said = f" ({words[:200]})" if isinstance(words, str) and words else ""
        repository, page = reference.hub.repository, f"{self.endpoint}/models/{reference.hub.repository}"
        if status in (401, 403):
            return AccessError(
                f"ModelScope refuses access to {repository}{said}.", f"{_TOKEN_HINT} read it; see {page}."
            )
        if status == 429 or status >= 500:
            return NetworkError(f"{self.endpoint} answered {status} about {repository}{said}.", "Try again later.")
        revision = f" at revision `{reference.hub.revision}`" if reference.hub.revision else ""
        hint = f"Check the spelling at {page}. {_TOKEN_HINT} read it, if it is private."
        return NotFoundError(f"There is no repository {repository}{revision} at {self.endpoint}{said}.", hint)


def _place(reference: ModelScopeReference) -> str:
    return f"/api/v1/models/{reference.hub.repository}"


def _bytes_of(reference: ModelScopeReference, name: str) -> dict[str, str]:
    return {"Revision": reference.hub.revision or MAIN, "FilePath": name}


def _model(site: _Site, reference: ModelScopeReference, listing: _Listing, commit: str | None) -> RemoteModel:
    hub = reference.hub
    files = tuple(
        RemoteFile(
            name=file.path,
            url=site.address(reference, file.path),
            size=file.size,
            sha256=file.sha256.lower() if file.sha256 else None,
            credential=site.credential,
        )
        for file in listing.files or ()
        if file.type != "tree" and file.path
    )
    repositories.require_wanted(hub, files, again=str(reference.whole))
    card = site.card(reference)
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
        wanted=hub.path,
        components=site.components(reference, _INDEX) if any(file.name == _INDEX for file in files) else (),
    )
