"""File names from servers: Content-Disposition (RFC 6266, RFC 5987), else the last segment of the URL."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import unquote, urlsplit

from modelhub.storage.safe_names import safe_name

_EXTENDED = re.compile(r"filename\*\s*=\s*\"?([\w!#$%&+^`{}~-]+)'[^']*'([^;\"]+)", re.IGNORECASE)
_QUOTED = re.compile(r"filename\s*=\s*\"((?:[^\"\\]|\\.)*)\"", re.IGNORECASE)
_TOKEN = re.compile(r"filename\s*=\s*([^;\"]+)", re.IGNORECASE)


def name_in_disposition(header: str | None) -> str | None:
    """Return the name in a Content-Disposition header as sent, not yet safe; None without one. `filename*` wins."""
    if not header:
        return None
    with contextlib.suppress(UnicodeError):
        header = header.encode("latin-1").decode("utf-8")  # servers send raw UTF-8; http.client reads Latin-1
    if found := _EXTENDED.search(header):
        try:
            return unquote(found.group(2).strip(), encoding=found.group(1), errors="replace")
        except LookupError:
            pass
    if found := _QUOTED.search(header):
        return re.sub(r"\\(.)", r"\1", found.group(1))
    if found := _TOKEN.search(header):
        return found.group(1).strip()
    return None


def choose_file_name(*, disposition: str | None, url: str, fallback: str = "model") -> str:
    """Return a safe file name for the file at `url`."""
    return safe_name(name_in_disposition(disposition) or unquote(urlsplit(url).path), fallback=fallback)
