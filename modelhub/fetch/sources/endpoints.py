"""Addresses of services as users write them in settings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from modelhub.errors import UsageError

_HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.]+\]")


def checked_endpoint(text: str, setting: str) -> str:
    """`text` as scheme://host[:port][/path] without a slash at the end; https where the scheme was left out.

    Raises UsageError that names `setting` for what is no address.
    """
    address = (text if "://" in text else f"https://{text}").strip().rstrip("/")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    host = parts.netloc.rpartition("@")[2].rpartition(":")[0] if parts.netloc.count(":") == 1 else parts.netloc
    if parts.scheme.lower() not in ("http", "https") or not _HOST.fullmatch(host.removesuffix(f":{parts.port}")):
        raise UsageError(f"{setting}: `{text}` is not an address.", "Write it like https://huggingface.co.")
    return address
