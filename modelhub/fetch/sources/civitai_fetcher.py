"""Fetch models from Civitai by id, address, AIR name or hash. Its three web hosts are one site, so one is enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from modelhub.errors import GO_ONLINE, AccessError, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.http.api_client import ApiAnswer, ApiClient
from modelhub.fetch.sources import civitai_api, civitai_reference, civitai_versions
from modelhub.fetch.sources.civitai_api import Model, Version
from modelhub.fetch.sources.civitai_reference import CivitaiReference
from modelhub.fetch.sources.civitai_versions import VersionChoice
from modelhub.fetch.sources.endpoints import normalize_endpoint

_T = TypeVar("_T", Model, Version, list[Version | None])
_BATCH = 100  # hashes in one request; the API refuses more
_PAUSE = 0.05  # seconds between single requests, where there are many
_BY_HASH = "/api/v1/model-versions/by-hash"
_PAGE_HINT = "See its page. Create a key in your account's settings at civitai.com and set CIVITAI_API_TOKEN to it."
_TOKEN_HINT = "Create a key in your account's settings at civitai.com and set CIVITAI_API_TOKEN to it."


class _UnsupportedRequestError(NetworkError):
    """A request that the service (a mirror, an older version) does not support."""


class Civitai:
    """Civitai's public API. `token`: an API key, None without one. `offline`: every request is refused."""

    kind = "civitai"

    def __init__(
        self,
        *,
        endpoint: str = "https://civitai.com",
        token: str | None = None,
        offline: bool = False,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = normalize_endpoint(endpoint, "civitai.endpoint")
        parts = urlsplit(self.endpoint)
        self.offline = offline
        self._has_batches = True
        self._hosts = civitai_reference.HOSTS | {parts.netloc.lower()}
        self._credential = (
            Credential(origin=f"{parts.scheme}://{parts.netloc}", value=f"Bearer {token}") if token else None
        )
        secrets = {self._credential.header: self._credential.value} if self._credential else {}
        self._client = ApiClient(self.endpoint, secrets=secrets, timeout=timeout, sleep=sleep)
        self._sleep = sleep

    def claims(self, source: str) -> bool:
        """Return whether `source` is a reference to Civitai, a misspelled one included."""
        try:
            return civitai_reference.parse(source, hosts=self._hosts) is not None
        except UsageError:
            return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return one version: the named one, else the newest ordinary one that is available to everybody.

        `revision` is the id or the name of a version.
        """
        reference = civitai_reference.parse(source, hosts=self._hosts)
        if reference is None:
            raise UsageError(
                f"`{source}` is not a reference to a Civitai model.",
                "Write civitai:MODEL, civitai:MODEL@VERSION or the address of its page.",
            )
        model, choice = self._find(reference, revision)
        version = choice.version
        answer = self._remote(model, version, pinned=choice.is_named)
        notices = (*choice.notices, *civitai_versions.version_notices(version), *answer.notices)
        answer = replace(answer, version_reason=choice.reason, notices=notices)
        if not answer.files or not version.is_downloadable:
            hint = f"It may be archived, or for use on the site only: see {answer.page}."
            raise NotFoundError(f"{answer.title} ({answer.reference}) has no file to download.", hint)
        return _only_named(answer, reference) if reference.download else answer

    def by_hash(self, digest: str) -> RemoteModel | None:
        """Return the version with a file of this hash (SHA-256, AutoV1, AutoV2, CRC32 or BLAKE3), None when unknown."""
        version = self._version_by_hash(digest)
        return self._remote(None, version, pinned=True) if version else None

    def by_hashes(self, digests: Iterable[str]) -> dict[str, RemoteModel]:
        """Return the versions with files of these SHA-256, by SHA-256 (lower case), without the unknown ones.

        Hashes are sent in batches. The answers have no tags and no permissions of the model; `resolve` has them.
        """
        wanted = list(dict.fromkeys(digest.lower() for digest in digests))
        found: dict[str, RemoteModel] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            for version in self._versions_by_hash(batch):
                answer = self._remote(None, version, pinned=True)
                held = {file.sha256 or file.facts.get("autov2", "") for file in answer.files}
                found.update({d: answer for d in batch if held & {d, d[:10]} and d not in found})
        return found

    def _versions_by_hash(self, digests: Sequence[str]) -> list[Version]:
        if self._has_batches:
            try:
                response = self._send("these hashes", _BY_HASH, json=[digest.upper() for digest in digests])
                answer = self._decode(response, list[Version | None], "these hashes")
                return [version for version in answer if version is not None]
            except _UnsupportedRequestError:
                self._has_batches = False
        one_by_one = []
        for digest in digests:
            one_by_one.append(self._version_by_hash(digest))
            self._sleep(_PAUSE)
        return [version for version in one_by_one if version is not None]

    def _version_by_hash(self, digest: str) -> Version | None:
        try:
            return self._get(f"{_BY_HASH}/{digest}", Version, f"hash {digest}")
        except NotFoundError:
            return None

    def _find(self, reference: CivitaiReference, revision: str | None) -> tuple[Model | None, VersionChoice]:
        named = str(reference.version) if reference.version else reference.version_name
        if revision and named and revision != named:
            raise UsageError(
                f"The reference names version {named}, but version {revision} was requested.",
                "Name only one of them.",
            )
        wanted = revision or named
        number = reference.model
        if number is None:
            version = self._version(int(wanted)) if wanted and wanted.isdigit() else None
            if version is None:
                raise UsageError(
                    "A version without its model can only be looked up by its id.", "Write civitai:MODEL@VERSION."
                )
            if not version.model_id:
                return None, civitai_versions.named_choice(version)
            number = version.model_id
        model = self._get(f"/api/v1/models/{number}", Model, f"model {number}")
        if wanted is not None:
            return model, civitai_versions.named_choice(
                self._find_version(model, wanted), requested=reference.architecture
            )
        return model, self._choose(model, reference)

    def _version(self, number: int) -> Version:
        return self._get(f"/api/v1/model-versions/{number}", Version, f"version {number}")

    def _find_version(self, model: Model, wanted: str) -> Version:
        version = civitai_versions.find_named(model, wanted)
        if version is None and wanted.isdigit():
            # Versions that are not on the model's page (unlisted) can still be requested.
            unlisted = self._version(int(wanted))
            version = unlisted if unlisted.model_id in (None, 0, model.id) else None
        if version is None:
            raise civitai_versions.unknown_version(model, wanted)
        return version

    def _choose(self, model: Model, reference: CivitaiReference) -> VersionChoice:
        usable = civitai_versions.usable_versions(model)
        if not usable:
            hint = f"It may be archived, or for use on the site only: see {self.endpoint}/models/{model.id}."
            raise NotFoundError(f"{model.name} (civitai:{model.id}) has no file to download.", hint)
        return civitai_versions.choose_newest(model, usable, reference, with_early_access=self._credential is not None)

    def _remote(self, model: Model | None, version: Version, *, pinned: bool) -> RemoteModel:
        answer = civitai_api.to_remote_model(
            model, version, endpoint=self.endpoint, credential=self._credential, pinned=pinned
        )
        versions = tuple(map(civitai_versions.remote_version, civitai_versions.usable_versions(model)))
        return replace(answer, version=civitai_versions.remote_version(version), versions=versions)

    def _get(self, path: str, kind: type[_T], subject: str) -> _T:
        return self._decode(self._send(subject, path), kind, subject)

    def _send(self, subject: str, path: str, *, json: Sequence[str] | None = None) -> ApiAnswer:
        """Return the response of a request about `subject`. Raise a ModelhubError for a status of 400 and above."""
        if self.offline:
            raise NetworkError(f"Offline: {subject} was not looked up at Civitai.", GO_ONLINE)
        response = self._client.get(path) if json is None else self._client.post(path, json=json)
        if json is not None and response.status in (400, 404, 405, 501):
            raise _UnsupportedRequestError(f"{self.endpoint} does not support {path}.")
        if response.status >= 400:
            raise error_from_response(response, subject, self.endpoint, with_token=self._credential is not None)
        return response

    def _decode(self, response: ApiAnswer, kind: type[_T], subject: str) -> _T:
        try:
            return response.decode(kind)
        except ValueError as exc:
            hint = "Try again later; check civitai.endpoint if it is set."
            raise NetworkError(f"The answer of {self.endpoint} about {subject} is not Civitai's.", hint) from exc


def _only_named(answer: RemoteModel, reference: CivitaiReference) -> RemoteModel:
    """Keep the one file of a download address: the one that its query describes, else the primary one."""

    def fits(file: RemoteFile) -> bool:
        stated = {**file.facts, "type": file.kind}
        return all(stated.get(name, "").lower() == value.lower() for name, value in reference.file.items())

    fitting = [file for file in answer.files if fits(file)]
    if not reference.file:
        fitting = [file for file in answer.files if file.facts.get("primary")] or fitting[:1]
    if not fitting:
        wanted = ", ".join(f"{name} {value}" for name, value in reference.file.items())
        raise NotFoundError(f"{answer.title} ({answer.reference}) has no file with {wanted}.", f"See {answer.page}.")
    return replace(answer, files=tuple(fitting))


def error_from_response(response: ApiAnswer, subject: str, endpoint: str, *, with_token: bool) -> ModelhubError:
    """Return the error for a status of 400 and above; refused downloads have the same JSON."""
    try:
        stated = response.decode(dict[str, Any])
    except ValueError:
        stated = {}
    status, deadline = response.status, stated.get("deadline")
    answer = (f"Its answer: {stated['error'][:200]}",) if isinstance(stated.get("error"), str) else ()
    if deadline:
        hint = "Wait until then, or buy early access on the model's page."
        return AccessError(f"At Civitai {subject} is in early access until {deadline}.", hint)
    if status == 401 and with_token:
        return AccessError("Civitai does not accept the token.", _TOKEN_HINT, details=answer)
    if status == 401:
        return AccessError(f"Civitai requires a login for {subject}.", _TOKEN_HINT)
    if status == 403:
        return AccessError(f"Civitai refuses access to {subject}.", _PAGE_HINT, details=answer)
    if status == 404:
        hint = "Check the id. Civitai sometimes gives this answer for things that exist: try again in a minute."
        return NotFoundError(f"Civitai has no {subject}.", hint)
    if status == 410:
        return NotFoundError(f"Civitai has archived {subject}; its files were removed.", "Look for a mirror.")
    if status == 429:
        return NetworkError("Civitai answered 429: too many requests.", "Try again later; a token raises the limit.")
    return NetworkError(f"{endpoint} answered {status} about {subject}.", "Try again later.", details=answer)
