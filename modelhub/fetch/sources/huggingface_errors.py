"""What a Hugging Face hub's refusals mean to the user: status and `X-Error-Code` → one of our errors.

Codes: https://huggingface.co/docs/huggingface_hub/package_reference/utilities#errors. A 401 without a code on a
repository's address means "not there, or private": the hub does not tell strangers which.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.sources.huggingface_reference import HubReference

_TOKEN_HINT = "Set HF_TOKEN (or huggingface.token in the configuration) to a token of an account that may read it"
_BAD_TOKEN = "invalid credentials"


class RepositoryGoneError(NotFoundError):
    """The repository itself is not there (or private); a successor may be tried."""


def refusal(
    endpoint: str, reference: HubReference, status: int, headers: Mapping[str, str], *, with_token: bool
) -> ModelhubError:
    """The error for an answer of `status` (400 and above) to a question about `reference`."""
    code = headers.get("X-Error-Code", "")
    words = headers.get("X-Error-Message", "")
    page = f"{endpoint}/{reference.repository}"
    if code == "GatedRepo":
        return gated(page, reference, with_token=with_token)
    if code == "RevisionNotFound":
        hint = f"Its branches and tags are listed at {page}/tree/main."
        return NotFoundError(f"{reference.repository} has no revision `{reference.revision or 'main'}`.", hint)
    if code == "EntryNotFound" and reference.path is None:
        return NotFoundError(f"{reference.repository} is empty.", f"See {page}.")
    if code == "EntryNotFound":
        return NotFoundError(f"{reference.repository} holds no `{reference.path}`.", f"See {page}/tree/main.")
    if status == 401 and _BAD_TOKEN in words.lower():
        hint = f"Make a new one at {endpoint}/settings/tokens and set HF_TOKEN, or unset it for public repositories."
        return AccessError(f"{endpoint} does not accept the access token.", hint)
    if status in (401, 404) or code == "RepoNotFound":
        return _gone(endpoint, reference, status, with_token=with_token)
    if status in (403, 451):
        reason = f": {words}" if words else ""
        return AccessError(
            f"{endpoint} refuses access to {reference.repository}{reason}.", f"{_TOKEN_HINT}; see {page}."
        )
    if status == 429:
        return NetworkError(f"{endpoint} answers: too many requests.", _later(headers))
    hint = "Try again later, or set HF_ENDPOINT to a mirror."
    return NetworkError(f"{endpoint} answered {status} when asked about {reference.repository}.", hint)


def gated(page: str, reference: HubReference, *, with_token: bool) -> AccessError:
    """The licence of `reference` has to be accepted at `page` first."""
    token = "" if with_token else f", then: {_TOKEN_HINT[0].lower()}{_TOKEN_HINT[1:]}"
    return AccessError(
        f"{reference.repository} is gated: its publisher asks for a login and an accepted licence.",
        f"Accept the conditions at {page}{token}.",
    )


def _gone(endpoint: str, reference: HubReference, status: int, *, with_token: bool) -> RepositoryGoneError:
    repository = reference.repository
    if status == 401 and not with_token:
        message = f"There is no public repository {repository} at {endpoint}: it is not there, or private."
        return RepositoryGoneError(message, f"Check the spelling. {_TOKEN_HINT}, if it is private.")
    message = f"There is no repository {repository} at {endpoint}."
    return RepositoryGoneError(
        message, "Check the spelling; the hub also says so of private ones that the token may not read."
    )


def _later(headers: Mapping[str, str]) -> str:
    seconds = retry_after(headers)
    wait = f"Try again in {seconds:.0f} seconds" if seconds is not None else "Try again later"
    return f"{wait}; logging in (HF_TOKEN) raises the limit."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After` (seconds) or `ratelimit: …;t=55`, None when neither says."""
    stated = headers.get("Retry-After", "").strip()
    if stated.isdigit():
        return float(stated)
    for part in headers.get("RateLimit", headers.get("ratelimit", "")).split(";"):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isdigit():
            return float(value)
    return None
