"""Request metadata from a Hugging Face hub; return plain values and raise modelhub's errors.

API: https://huggingface.co/docs/hub/api. The huggingface_hub library is used only to find the saved token. Its requests
have no limits: it reads an answer of any size, follows pages without end, and sends the token to the host that an
answer names for the next page.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from modelhub.errors import AccessError, NetworkError, Remedy
from modelhub.fetch.http.api_client import ApiAnswer, ApiClient
from modelhub.fetch.sources import huggingface_errors, huggingface_listing, remote_names, repositories
from modelhub.fetch.sources.huggingface_errors import RepositoryGoneError
from modelhub.fetch.sources.huggingface_listing import HubFile
from modelhub.fetch.sources.huggingface_reference import HubReference, is_repository

_T = TypeVar("_T")
_INDEX = "model_index.json"
_UNSET_OFFLINE = Remedy("Unset HF_HUB_OFFLINE, or work offline with the files in the cache.", "unset-hub-offline")
# Stands in addresses; a hub's are hex, those of mirrors may be something else.
_COMMIT = re.compile(r"[0-9A-Za-z][\w.-]{0,99}", re.ASCII)


class _Info(msgspec.Struct, rename="camel"):
    """The answer about a repository; its list of files has no sizes and is not read."""

    id: str
    sha: str | None = None
    gated: Any = None
    disabled: Any = None
    tags: list[Any] | None = None
    card_data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRepository:
    """A repository as a hub describes it, under its present name; `token` is the one that was sent, never shown."""

    repository: str
    commit: str
    files: tuple[HubFile, ...]
    tags: tuple[str, ...]
    license: str | None
    base_model: str | None
    instance_prompt: str | None
    components: tuple[str, ...]
    notices: tuple[str, ...]
    token: str | None

    def __repr__(self) -> str:
        return f"HubRepository(commit={self.commit!r}, files={len(self.files)})"


def fetch_repository(
    endpoint: str,
    reference: HubReference,
    *,
    token: str | None,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
    known: str | None = None,
) -> HubRepository:
    """Return a repository of the hub at `endpoint`. `token` None: the saved one, if any.

    Where its commit is the `known` one, the files are left out, which saves their requests.

    Raise RepositoryGoneError, NotFoundError, AccessError or NetworkError.
    """
    if _is_switched_offline(os.environ):
        raise NetworkError(f"Offline: {reference} was not requested from {endpoint}.", _UNSET_OFFLINE)
    _require_valid(reference)
    secret = token or _saved_token()
    hub = _Hub(endpoint, reference, secret, timeout, sleep)
    info = hub.info()
    commit = info.sha if info.sha and _COMMIT.fullmatch(info.sha) else reference.revision or "main"
    answer = replace(_read_card(info, hub.reference.repository), commit=commit, token=secret)
    if commit == known:
        return answer
    files, refused = remote_names.accept_names(hub.files(commit), lambda file: file.name, hub.reference.repository)
    if info.gated and files:
        hub.check_gate(commit, max(files, key=lambda file: file.sha256 is not None))
    notices = (*answer.notices, *refused)
    return replace(answer, files=files, components=hub.components(commit, files), notices=notices)


def file_url(endpoint: str, repository: str, commit: str, name: str) -> str:
    """Return the address of a file at a fixed commit."""
    return f"{endpoint}{_file_path(repository, commit, name)}"


def _file_path(repository: str, commit: str, name: str) -> str:
    return f"/{repository}/resolve/{quote(commit, safe='')}/{quote(name, errors='replace')}"


def _is_switched_offline(environ: Mapping[str, str]) -> bool:
    switch = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return switch.upper() in ("1", "ON", "YES", "TRUE")


def _require_valid(reference: HubReference) -> None:
    if not is_repository(reference.repository):
        raise RepositoryGoneError(
            f"`{reference.repository}` is not a valid name of a repository.", "Write it as org/name."
        )


def _saved_token() -> str | None:
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return None
    from huggingface_hub import get_token
    from huggingface_hub.utils import logging as library_logging

    library_logging.set_verbosity_error()
    try:
        return get_token()
    except Exception as exc:  # whatever the library's ways to find it raise
        hint = "Set HF_TOKEN, or log in again with `hf auth login`."
        raise AccessError(f"The saved Hugging Face token cannot be used ({type(exc).__name__}).", hint) from exc


class _Hub:
    """A hub, in requests about one repository. `reference` has its present name once `info` was requested."""

    def __init__(
        self,
        endpoint: str,
        reference: HubReference,
        token: str | None,
        timeout: float,
        sleep: Callable[[float], None],
    ) -> None:
        self.reference = reference
        self._endpoint = endpoint
        self._has_token = token is not None
        secrets = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = ApiClient(endpoint, secrets=secrets, timeout=timeout, sleep=sleep)

    def info(self) -> _Info:
        """Return what the hub states about the repository."""
        try:
            info = self._info_at(self.reference.revision)
        except RepositoryGoneError:
            if self.reference.revision is not None:
                raise
            # Mirrors that serve their own git repositories (olah) know them only by an explicit revision.
            info = self._info_at("main")
        # A renamed repository is returned under its new name (the hub redirects the request).
        if is_repository(info.id):
            self.reference = replace(self.reference, repository=info.id)
        return info

    def _info_at(self, revision: str | None) -> _Info:
        at = f"/revision/{quote(revision, safe='')}" if revision else ""
        return self._decode(self._get(f"{self._api_path}{at}"), _Info)

    def files(self, commit: str) -> tuple[HubFile, ...]:
        """Return all files, with scan verdicts unless the small pages of so many files would take minutes."""
        path = f"{self._api_path}/tree/{quote(commit, safe='')}"
        return huggingface_listing.list_files(self._endpoint, path, self._page)

    def _page(self, path: str) -> huggingface_listing.Page:
        answer = self._get(path)
        entries = self._decode(answer, list[huggingface_listing.TreeEntry])
        return huggingface_listing.Page(entries=entries, link=answer.headers.get("Link", ""))

    def check_gate(self, commit: str, file: HubFile) -> None:
        """Raise AccessError where the files of the repository may not be read; their metadata is public."""
        answer = self._client.probe(_file_path(self.reference.repository, commit, file.name))
        if answer.status in (401, 403) or answer.headers.get("X-Error-Code") == "GatedRepo":
            page = f"{self._endpoint}/{self.reference.repository}"
            raise huggingface_errors.gated_error(page, self.reference, with_token=self._has_token)

    def components(self, commit: str, files: tuple[HubFile, ...]) -> tuple[str, ...]:
        """Return the components that the pipeline's index names, () without one."""
        if not any(file.name == _INDEX for file in files):
            return ()
        path = _file_path(self.reference.repository, commit, _INDEX)
        answer = self._client.get(path, most_bytes=repositories.INDEX_LIMIT)
        return repositories.index_components(answer.body) if answer.status == 200 else ()

    @property
    def _api_path(self) -> str:
        return f"/api/models/{self.reference.repository}"

    def _get(self, path: str) -> ApiAnswer:
        answer = self._client.get(path)
        if answer.status >= 400:
            raise huggingface_errors.error_from_response(
                self._endpoint, self.reference, answer.status, answer.headers, with_token=self._has_token
            )
        return answer

    def _decode(self, answer: ApiAnswer, kind: type[_T]) -> _T:
        try:
            return answer.decode(kind)
        except ValueError as exc:
            hint = "Check HF_ENDPOINT and huggingface.endpoints."
            raise NetworkError(
                f"The answer of {self._endpoint} about {self.reference.repository} is not that of a hub.", hint
            ) from exc


def _read_card(info: _Info, repository: str) -> HubRepository:
    card = info.card_data or {}
    license_name = _text(card.get("license"))
    if license_name == "other":
        license_name = _text(card.get("license_name")) or license_name
    base = card.get("base_model")
    notices = ("The hub has disabled this repository.",) if info.disabled else ()
    return HubRepository(
        repository=repository,
        commit="",
        files=(),
        tags=tuple(str(tag) for tag in info.tags or ()),
        license=license_name,
        base_model=_text(base[0] if isinstance(base, list) and base else base),
        instance_prompt=_text(card.get("instance_prompt")),
        components=(),
        notices=notices,
        token=None,
    )


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
