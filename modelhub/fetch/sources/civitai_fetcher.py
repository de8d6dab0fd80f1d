"""Models from Civitai, by id, address, AIR name or hash. Its three web hosts are one site; one of them is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from modelhub.errors import GO_ONLINE, AccessError, ModelhubError, NetworkError, NotFoundError, UsageError
from modelhub.fetch.fetcher import Credential, RemoteFile, RemoteModel
from modelhub.fetch.sources import civitai_api, civitai_reference
from modelhub.fetch.sources.api_client import Questions
from modelhub.fetch.sources.civitai_api import Model, Version
from modelhub.fetch.sources.civitai_reference import CivitaiReference
from modelhub.fetch.sources.endpoints import checked_endpoint

if TYPE_CHECKING:
    import requests

_T = TypeVar("_T", Model, Version, list[Version | None])
_BATCH = 100  # hashes in one question; the API refuses more
_PAUSE = 0.05  # seconds between single questions, where there are many
_BY_HASH = "/api/v1/model-versions/by-hash"
_TOKEN_HINT = "Make a key in your account's settings at civitai.com and set CIVITAI_API_TOKEN"


class _NoSuchQuestionError(NetworkError):
    """The service (a mirror, an older version) does not know this question."""


class Civitai:
    """Civitai's public API. `token`: an API key, None without one. `offline`: every question is refused."""

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
        self.endpoint = checked_endpoint(endpoint, "civitai.endpoint")
        parts = urlsplit(self.endpoint)
        self.offline = offline
        self._has_batches = True
        self._hosts = civitai_reference.HOSTS | {parts.netloc.lower()}
        self._credential = (
            Credential(origin=f"{parts.scheme}://{parts.netloc}", value=f"Bearer {token}") if token else None
        )
        secrets = {self._credential.header: self._credential.value} if self._credential else {}
        self._questions = Questions(self.endpoint, secrets=secrets, timeout=timeout, sleep=sleep)
        self._sleep = sleep

    def claims(self, source: str) -> bool:
        """Whether `source` is in Civitai's words (a wrongly written one is claimed too)."""
        try:
            return civitai_reference.parse(source, hosts=self._hosts) is not None
        except UsageError:
            return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Everything that Civitai says of one version: the named one, else the newest that everybody may have.

        `revision` is a version's number or name.
        """
        reference = civitai_reference.parse(source, hosts=self._hosts)
        if reference is None:
            raise UsageError(
                f"`{source}` names no Civitai model.", "Write civitai:MODEL, civitai:MODEL@VERSION or an address."
            )
        model, version, pinned = self._find(reference, revision)
        answer = self._remote(model, version, pinned=pinned)
        if not answer.files or not version.is_downloadable:
            hint = f"See {answer.page}: it may be archived, or for use on the site only."
            raise NotFoundError(f"{answer.reference} ({answer.title}) offers no file for download.", hint)
        return _only_named(answer, reference) if reference.download else answer

    def by_hash(self, digest: str) -> RemoteModel | None:
        """The version that holds a file of this hash (SHA-256, AutoV1, AutoV2, CRC32 or BLAKE3), None when unknown."""
        version = self._version_with(digest)
        return self._remote(None, version, pinned=True) if version else None

    def by_hashes(self, digests: Iterable[str]) -> dict[str, RemoteModel]:
        """The versions that hold files of these SHA-256, by SHA-256 (lower case); unknown ones are left out.

        A hundred hashes a question. Model tags and permissions are not part of these answers; `resolve` has them.
        """
        wanted = list(dict.fromkeys(digest.lower() for digest in digests))
        found: dict[str, RemoteModel] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            for version in self._batch(batch):
                answer = self._remote(None, version, pinned=True)
                held = {file.sha256 or file.facts.get("autov2", "") for file in answer.files}
                found.update({d: answer for d in batch if held & {d, d[:10]} and d not in found})
        return found

    def _batch(self, digests: Sequence[str]) -> list[Version]:
        if self._has_batches:
            try:
                posted = [digest.upper() for digest in digests]
                answer = self._get(_BY_HASH, list[Version | None], "these hashes", posted=posted)
                return [version for version in answer if version is not None]
            except _NoSuchQuestionError:
                self._has_batches = False
        one_by_one = []
        for digest in digests:
            one_by_one.append(self._version_with(digest))
            self._sleep(_PAUSE)
        return [version for version in one_by_one if version is not None]

    def _version_with(self, digest: str) -> Version | None:
        try:
            return self._get(f"{_BY_HASH}/{digest}", Version, f"hash {digest}")
        except NotFoundError:
            return None

    def _find(self, reference: CivitaiReference, revision: str | None) -> tuple[Model | None, Version, bool]:
        if revision and reference.version and revision != str(reference.version):
            raise UsageError(
                f"The source names version {reference.version}, --revision {revision}.", "Give one of them."
            )
        wanted = revision or (str(reference.version) if reference.version else None)
        number = reference.model
        if number is None:
            version = self._version(int(wanted)) if wanted and wanted.isdigit() else None
            if version is None:
                raise UsageError(
                    "Only a version's number can be looked up without its model.", "Write civitai:MODEL@VERSION."
                )
            if not version.model_id:
                return None, version, True
            number = version.model_id
        model = self._get(f"/api/v1/models/{number}", Model, f"model {number}")
        return model, self._chosen(model, wanted), wanted is not None

    def _version(self, number: int) -> Version:
        return self._get(f"/api/v1/model-versions/{number}", Version, f"version {number}")

    def _chosen(self, model: Model, wanted: str | None) -> Version:
        versions = model.model_versions or []
        if wanted is not None:
            for version in versions:
                if wanted == str(version.id) or wanted.lower() == (version.name or "").lower():
                    return version
            if wanted.isdigit():
                # Versions that are not on the model's page (unlisted) can still be asked for.
                version = self._version(int(wanted))
                if version.model_id in (None, 0, model.id):
                    return version
            there = ", ".join(f"{version.id} ({version.name})" for version in versions[:10])
            raise NotFoundError(f"civitai:{model.id} ({model.name}) has no version {wanted}.", f"There are: {there}.")
        usable = [version for version in versions if version.files and version.is_downloadable]
        if not usable:
            hint = f"See {self.endpoint}/models/{model.id}: it may be archived, or for use on the site only."
            raise NotFoundError(f"civitai:{model.id} ({model.name}) offers no file for download.", hint)
        public = [version for version in usable if not version.deadline]
        return (public or usable)[0] if self._credential is None else usable[0]

    def _remote(self, model: Model | None, version: Version, *, pinned: bool) -> RemoteModel:
        answer = civitai_api.remote_model(
            model, version, endpoint=self.endpoint, credential=self._credential, pinned=pinned
        )
        newest = next(
            (each for each in (model.model_versions if model else None) or () if each.files and each.is_downloadable),
            None,
        )
        if not pinned and newest is not None and newest.id != version.id:
            notice = f"Version {newest.name} is in early access until {newest.deadline}; took {version.name} instead."
            return replace(answer, notices=(notice, *answer.notices))
        return answer

    def _get(self, path: str, kind: type[_T], about: str, *, posted: Sequence[str] | None = None) -> _T:
        if self.offline:
            raise NetworkError(f"Offline: Civitai is not asked about {about}.", GO_ONLINE)
        response = self._questions.ask(path, posted=posted)
        if posted is not None and response.status_code in (400, 404, 405, 501):
            raise _NoSuchQuestionError(f"{self.endpoint} does not answer {path}.")
        if response.status_code >= 400:
            raise refusal(response, about, self.endpoint, with_token=self._credential is not None)
        try:
            return msgspec.json.decode(response.content, type=kind, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            hint = "Try again later; check civitai.endpoint if it is set."
            raise NetworkError(f"{self.endpoint} does not answer as Civitai does about {about}.", hint) from exc


def _only_named(answer: RemoteModel, reference: CivitaiReference) -> RemoteModel:
    """The one file that a download address stands for: what its words say, else the primary one."""

    def fits(file: RemoteFile) -> bool:
        stated = {**file.facts, "type": file.kind}
        return all(stated.get(name, "").lower() == value.lower() for name, value in reference.file.items())

    fitting = [file for file in answer.files if fits(file)]
    if not reference.file:
        fitting = [file for file in answer.files if file.facts.get("primary")] or fitting[:1]
    if not fitting:
        words = ", ".join(f"{name} {value}" for name, value in reference.file.items())
        raise NotFoundError(f"{answer.reference} ({answer.title}) has no file with {words}.", f"See {answer.page}.")
    return replace(answer, files=tuple(fitting))


def refusal(response: requests.Response, about: str, endpoint: str, *, with_token: bool) -> ModelhubError:
    """The error for an answer of 400 and above; also for refused downloads, whose JSON is the same."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = {}
    stated = document if isinstance(document, dict) else {}
    status, deadline = response.status_code, stated.get("deadline")
    words = f" ({stated['error'][:200]})" if isinstance(stated.get("error"), str) else ""
    if deadline:
        hint = "Wait until then, or buy early access on the model's page."
        return AccessError(f"Civitai: {about} is in early access until {deadline}.", hint)
    if status == 401:
        message = (
            f"Civitai does not accept the token{words}." if with_token else f"Civitai asks for a login for {about}."
        )
        return AccessError(message, f"{_TOKEN_HINT}.")
    if status == 403:
        return AccessError(
            f"Civitai refuses access to {about}{words}.", f"See its page; {_TOKEN_HINT[0].lower()}{_TOKEN_HINT[1:]}."
        )
    if status == 404:
        hint = "Check the number. Civitai sometimes says so of what is there: try again in a minute."
        return NotFoundError(f"Civitai has no {about}.", hint)
    if status == 410:
        return NotFoundError(
            f"Civitai has archived {about}; its files are no longer to be had there.", "Look for a mirror."
        )
    if status == 429:
        return NetworkError("Civitai answers: too many requests.", "Try again later; a token raises the limit.")
    return NetworkError(f"{endpoint} answered {status} when asked about {about}{words}.", "Try again later.")
