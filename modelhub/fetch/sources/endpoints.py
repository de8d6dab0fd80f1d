"""Normalize addresses of services as users write them in settings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from modelhub.errors import UsageError

_HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.]+\]")


def normalize_endpoint(text: str, setting: str) -> str:
    """Return `text` as scheme://host[:port][/path] without a slash at the end; https where it has no scheme.

    Raise UsageError that names `setting` for a text that is not an address.
    """
    address = (text if "://" in text else f"https://{text}").strip().rstrip("/")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    host = parts.netloc.rpartition("@")[2].rpartition(":")[0] if parts.netloc.count(":") == 1 else parts.netloc
    if parts.scheme.lower() not in ("http", "https") or not _HOST.fullmatch(host.removesuffix(f":{parts.port}")):
        raise UsageError(f"{setting}: `{text}` is not an address.", "Write it as https://HOST.")
    return address
