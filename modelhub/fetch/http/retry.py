"""When to try again, and how long to wait first."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524, 529})
_LONGEST_BACKOFF = 30.0  # seconds
_RATE_LIMIT = re.compile(r"(?:^|[;,\s])t=(\d+)")


class CancelledError(Exception):
    """The transfer was cancelled (Ctrl-C, or another file failed)."""


class RetryableError(Exception):
    """A failure that may pass.

    `reason` is a sentence; `wait` is the number of seconds that the server requested, None where it did not.
    """

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class RestartError(Exception):
    """A download that must start over: the bytes on disk do not fit the server's answer.

    `reason` is a sentence; `failed` marks a failure, which counts as one and is followed by a pause.
    """

    def __init__(self, reason: str, *, failed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed = failed


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a response requests, None where it requests none.

    Reads `Retry-After` (RFC 9110: seconds or a date) and `ratelimit: …;t=55`. A date is measured against the
    response's own `Date`, so that a wrong clock on this machine does no harm.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if text:
        try:
            now = parsedate_to_datetime(headers["Date"]) if headers.get("Date") else datetime.now(UTC)
            return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
        except (ValueError, TypeError, OverflowError):
            pass
    found = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return float(found.group(1)[:9]) if found else None


def backoff(failures: int, base: float) -> float:
    """Return the seconds to wait after `failures` failures: doubled each time, at most `_LONGEST_BACKOFF`.

    Jitter keeps many clients from coming back at the same moment.
    """
    return float(min(_LONGEST_BACKOFF, base * 2 ** max(0, failures - 1)) * random.uniform(0.5, 1.0))
