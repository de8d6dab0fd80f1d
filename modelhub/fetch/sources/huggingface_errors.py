"""Turn the error responses of a Hugging Face hub into modelhub's errors, by status and `X-Error-Code`.

Codes: https://huggingface.co/docs/huggingface_hub/package_reference/utilities#errors. A 401 without a code on a
repository's address means "does not exist, or is private": the hub does not reveal which.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.http.retry import retry_after
from modelhub.fetch.sources.huggingface_reference import HubReference
from modelhub.quantities import format_duration

_TOKEN_HINT = "Set HF_TOKEN (or huggingface.token in the configuration) to a token of an account that may read it."
_BAD_TOKEN = "invalid credentials"


class RepositoryGoneError(NotFoundError):
    """A repository that does not exist or is private, so that its successor may be tried."""


def error_from_response(
    endpoint: str, reference: HubReference, status: int, headers: Mapping[str, str], *, with_token: bool
) -> ModelhubError:
    """Return the error for a response with `status` (400 and above) to a request about `reference`."""
    code = headers.get("X-Error-Code", "")
    words = headers.get("X-Error-Message", "")
    page = f"{endpoint}/{reference.repository}"
    if code == "GatedRepo":
        return gated_error(page, reference, with_token=with_token)
    if code == "RevisionNotFound":
        hint = f"{page}/tree/main lists its branches and tags."
        return NotFoundError(f"{reference.repository} has no revision `{reference.revision or 'main'}`.", hint)
    if code == "EntryNotFound" and reference.path is None:
        return NotFoundError(f"{reference.repository} is empty.", f"See {page}.")
    if code == "EntryNotFound":
        return NotFoundError(f"{reference.repository} has no file `{reference.path}`.", f"See {page}/tree/main.")
    if status == 401 and _BAD_TOKEN in words.lower():
        hint = f"Create a new one at {endpoint}/settings/tokens and set HF_TOKEN, or unset it for public repositories."
        return AccessError(f"{endpoint} does not accept the access token.", hint)
    if status in (401, 404) or code == "RepoNotFound":
        return _gone(endpoint, reference, status, with_token=with_token)
    if status in (403, 451):
        answer = (f"Its answer: {words}",) if words else ()
        hint = f"{_TOKEN_HINT} See {page}."
        return AccessError(f"{endpoint} refuses access to {reference.repository}.", hint, details=answer)
    if status == 429:
        return NetworkError(f"{endpoint} answered 429: too many requests.", _wait_hint(headers))
    hint = "Try again later, or set HF_ENDPOINT to a mirror."
    return NetworkError(f"{endpoint} answered {status} about {reference.repository}.", hint)


def gated_error(page: str, reference: HubReference, *, with_token: bool) -> AccessError:
    """Return the error for a repository whose license must first be accepted at `page`."""
    hint = f"Accept the conditions at {page}."
    return AccessError(
        f"{reference.repository} is gated: its publisher requires a login and an accepted license.",
        hint if with_token else f"{hint} {_TOKEN_HINT}",
    )


def _gone(endpoint: str, reference: HubReference, status: int, *, with_token: bool) -> RepositoryGoneError:
    repository = reference.repository
    if status == 401 and not with_token:
        message = f"There is no public repository {repository} at {endpoint}; it may be private."
        return RepositoryGoneError(message, f"Check the spelling. {_TOKEN_HINT}")
    message = f"There is no repository {repository} at {endpoint}."
    return RepositoryGoneError(
        message, "Check the spelling. The answer is the same for a private one that the token may not read."
    )


def _wait_hint(headers: Mapping[str, str]) -> str:
    seconds = retry_after(headers)
    if seconds is None:
        return "Try again later; a token (HF_TOKEN) raises the limit."
    return f"Try again in {format_duration(seconds)}; a token (HF_TOKEN) raises the limit."
