"""Request metadata through the huggingface_hub library; return plain values and raise modelhub's errors.

No other module uses the library. It is imported inside functions, because that takes a few hundred milliseconds.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from modelhub.errors import AccessError, ModelhubError, NetworkError, Remedy
from modelhub.fetch.sources import huggingface_errors, repositories
from modelhub.fetch.sources.huggingface_reference import HubReference
from modelhub.fetch.transfer.retry import retry_after
from modelhub.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_INDEX = "model_index.json"
_INDEX_LIMIT = 1 << 20  # bytes; real ones have less than two thousand
_MOST_SCANNED = 1000  # files; the hub lists 50 a page with verdicts, 1000 without
_UNSET_OFFLINE = Remedy("Unset HF_HUB_OFFLINE, or work offline with the files in the cache.", "unset-hub-offline")
_ATTEMPTS = 4
_LONGEST_WAIT = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a repository as the hub lists it."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None
    scan: str | None


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
    _silence_library()
    with _convert_errors(endpoint, reference, with_token=bool(token)):
        from huggingface_hub import HfApi
        from huggingface_hub.utils import get_session

        secret = token or _saved_token()
        get_session().timeout = timeout
        api = HfApi(endpoint=endpoint, token=secret or False, library_name="modelhub", library_version=__version__)
    with _convert_errors(endpoint, reference, with_token=bool(secret)):
        info = _info(api, reference, timeout, sleep)
        # A renamed repository is returned under its new name (the hub redirects the request).
        reference = replace(reference, repository=info.id if info.id.count("/") == 1 else reference.repository)
        commit = info.sha or reference.revision or "main"
        if commit == known:
            return replace(_read_card(info, reference.repository), commit=commit, token=secret)
        files = _files(api, reference.repository, commit)
        _check_gate(endpoint, reference, info, files, secret, timeout)
        components = _components(endpoint, reference.repository, commit, files, api)
    answer = _read_card(info, reference.repository)
    return replace(answer, commit=commit, files=files, components=components, token=secret)


def file_url(endpoint: str, repository: str, commit: str, name: str) -> str:
    """Return the address of a file at a fixed commit."""
    return f"{endpoint}/{repository}/resolve/{quote(commit, safe='')}/{quote(name)}"


def _silence_library() -> None:
    # Read by the library when it is first imported.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub.utils import disable_progress_bars
    from huggingface_hub.utils import logging as library_logging

    disable_progress_bars()
    library_logging.set_verbosity_error()


def _saved_token() -> str | None:
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return None
    from huggingface_hub import get_token

    return get_token()


def _info(api: HfApi, reference: HubReference, timeout: float, sleep: Callable[[float], None]) -> ModelInfo:
    from huggingface_hub.errors import RepositoryNotFoundError

    def at(revision: str | None) -> ModelInfo:
        return _with_retries(lambda: api.model_info(reference.repository, revision=revision, timeout=timeout), sleep)

    try:
        return at(reference.revision)
    except RepositoryNotFoundError:
        if reference.revision is not None:
            raise
        # Mirrors that serve their own git repositories (olah) know them only by an explicit revision.
        return at("main")


def _files(api: HfApi, repository: str, commit: str) -> tuple[HubFile, ...]:
    """Return all files, with scan verdicts unless the small pages of so many files would take minutes."""
    try:
        files = tuple(islice(_tree(api, repository, commit, expand=True), _MOST_SCANNED + 1))
        if len(files) <= _MOST_SCANNED:
            return files
    except (KeyError, TypeError) as exc:  # scan verdicts of a mirror in another form
        _log.debug("expanded tree of %s cannot be read (%s); requesting the plain one", repository, exc)
    return tuple(_tree(api, repository, commit, expand=False))


def _tree(api: HfApi, repository: str, commit: str, *, expand: bool) -> Iterator[HubFile]:
    from huggingface_hub.hf_api import RepoFile

    for entry in api.list_repo_tree(repository, revision=commit, recursive=True, expand=expand):
        if isinstance(entry, RepoFile):
            yield HubFile(
                name=entry.path,
                size=entry.lfs.size if entry.lfs else entry.size,
                sha256=entry.lfs.sha256.removeprefix("sha256:").lower() if entry.lfs else None,
                git_sha1=None if entry.lfs else entry.blob_id,
                scan=entry.security.status if entry.security else None,
            )


def _check_gate(
    endpoint: str,
    reference: HubReference,
    info: ModelInfo,
    files: tuple[HubFile, ...],
    token: str | None,
    timeout: float,
) -> None:
    """Raise AccessError where the files of a gated repository may not be read; their metadata is public."""
    if not info.gated or not files:
        return
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    page = f"{endpoint}/{reference.repository}"
    probe = max(files, key=lambda file: file.sha256 is not None)
    url = file_url(endpoint, reference.repository, info.sha or "main", probe.name)
    try:
        get_hf_file_metadata(url, token=token or False, timeout=timeout)
    except GatedRepoError as exc:
        raise huggingface_errors.gated_error(page, reference, with_token=bool(token)) from exc
    except HfHubHTTPError as exc:
        if exc.response.status_code in (401, 403):
            raise huggingface_errors.gated_error(page, reference, with_token=bool(token)) from exc
        _log.debug("gate of %s not checked: %s", reference.repository, exc)
    except OSError as exc:
        _log.debug("gate of %s not checked: %s", reference.repository, exc)


def _components(endpoint: str, repository: str, commit: str, files: tuple[HubFile, ...], api: HfApi) -> tuple[str, ...]:
    index = next((file for file in files if file.name == _INDEX and file.size <= _INDEX_LIMIT), None)
    if index is None:
        return ()
    from huggingface_hub.utils import build_hf_headers, get_session

    headers = build_hf_headers(token=api.token, library_name="modelhub", library_version=__version__)
    response = get_session().get(file_url(endpoint, repository, commit, _INDEX), headers=headers)
    return repositories.index_components(response.content) if response.status_code == 200 else ()


def _read_card(info: ModelInfo, repository: str) -> HubRepository:
    card: dict[str, Any] = info.card_data.to_dict() if info.card_data is not None else {}
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


def _with_retries(call: Callable[[], _T], sleep: Callable[[float], None]) -> _T:
    """Return what `call` returns; retry while the server is busy, which the library does not for single requests."""
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(1, _ATTEMPTS):
        try:
            return call()
        except HfHubHTTPError as exc:
            status = exc.response.status_code
            wait = retry_after(exc.response.headers)
            if status not in (429, 500, 502, 503, 504) or (wait or 0) > _LONGEST_WAIT:
                raise
            sleep(wait if wait is not None else 0.5 * 2**attempt)
    return call()


@contextmanager
def _convert_errors(endpoint: str, reference: HubReference, *, with_token: bool) -> Iterator[None]:
    """Convert the library's errors to modelhub's."""
    from huggingface_hub import errors

    # httpx in the library's 1.x, httpx2 in 2.x: the base of its own error is the one that fits.
    http_error: type[Exception] = errors.HfHubHTTPError.__mro__[1]
    page = f"{endpoint}/{reference.repository}"
    try:
        yield
    except ModelhubError:
        raise
    except errors.OfflineModeIsEnabled as exc:
        raise NetworkError(f"Offline: {reference} was not requested from {endpoint}.", _UNSET_OFFLINE) from exc
    except errors.GatedRepoError as exc:
        raise huggingface_errors.gated_error(page, reference, with_token=with_token) from exc
    except errors.DisabledRepoError as exc:
        raise AccessError(f"The hub has disabled {reference.repository}.", f"See {page}.") from exc
    except errors.HfHubHTTPError as exc:
        response = exc.response
        raise huggingface_errors.error_from_response(
            endpoint, reference, response.status_code, response.headers, with_token=with_token
        ) from exc
    except errors.HFValidationError as exc:
        raise huggingface_errors.RepositoryGoneError(
            f"`{reference.repository}` is not a valid name of a repository.", str(exc)
        ) from exc
    except (http_error, OSError) as exc:
        hint = "Check the connection and the proxy settings, or set HF_ENDPOINT to a mirror."
        raise NetworkError(f"{endpoint} cannot be reached: {exc or type(exc).__name__}.", hint) from exc
    except ImportError as exc:  # httpx: a SOCKS proxy in the environment without its package
        hint = "Install the named package, or unset the proxy."
        raise NetworkError(f"{endpoint} cannot be reached: {exc}.", hint) from exc
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        _log.debug("not the answer of a hub", exc_info=True)
        hint = "Check HF_ENDPOINT and huggingface.endpoints."
        raise NetworkError(f"The answer of {endpoint} is not that of a hub ({type(exc).__name__}).", hint) from exc
