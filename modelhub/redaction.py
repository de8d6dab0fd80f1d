"""Secrets in addresses and texts: they are used, and never shown, logged or kept."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

# Names of signatures (S3, GCS, Azure, CloudFront) and tokens in a query. The rest of the query is kept, because many
# addresses are those of another file without it.
_SECRET_KEY = re.compile(
    r"tok(en)?$|token|secret|passw|^pwd$|^pass$|signature|^sig$|^sign$|api[-_]?key|^key$|access[-_]?key|key[-_]pair"
    r"|auth|credential|session|jwt|hmac|^policy$|^expires$|^x-(amz|goog|oss|cos|tos)-|^(user|login)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"eyJ[\w-]{8,}|hf_\w{20,}|gh[pousr]_\w{20,}|Bearer\b", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^\s/?#@]*(?:@[^\s/?#@]*)*@")
_PAIR = re.compile(r"([?&;][^\s=&?#;]{1,100}=)([^\s&#\"'`)>]*)")
_TOKEN = re.compile(
    r"\b(?:hf_\w{20,}|gh[pousr]_\w{20,}|eyJ[\w-]{8,}(?:\.[\w-]+)*)|(?<=Bearer )[^\s\"']+", re.IGNORECASE
)
_HIDDEN = "…"


def redact_url(url: str) -> str:
    """Return `url` for messages, logs and the catalog: without user, password, query (signatures) and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an invalid URL)"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def reference_of_url(url: str) -> str:
    """Return `url` in the form to keep: without user, password and fragment, and without secrets in its query."""
    pairs = [pair for pair in urlsplit(url).query.split("&") if pair and not _is_secret(pair)]
    return f"{redact_url(url)}?{'&'.join(pairs)}" if pairs else redact_url(url)


def redact_text(text: str) -> str:
    """Return a text with the secrets of all addresses in it hidden, and tokens of the usual forms."""
    if "://" in text:
        text = _USER.sub("", text)
    if "=" in text:
        text = _PAIR.sub(lambda pair: pair[1] + _HIDDEN if _is_secret(f"{pair[1][1:]}{pair[2]}") else pair[0], text)
    return _TOKEN.sub(_HIDDEN, text)


def _is_secret(pair: str) -> bool:
    key, _, value = pair.partition("=")
    return bool(_SECRET_KEY.search(unquote_plus(key)) or _SECRET_VALUE.match(unquote_plus(value)))
