"""When to try again, and how long to wait first."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524, 529})
_LONGEST_BACKOFF = 30.0  # seconds
_RATE_LIMIT = re.compile(r"(?:^|[;,\s])t=(\d+)")


class CancelledError(Exception):
    """The work was called off (Ctrl-C, or another file failed)."""


class RetryableError(Exception):
    """A connection failed in a way that may pass. `wait`: seconds that the server asked for."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class RestartError(Exception):
    """What is held does not fit what the server sends now. `failed`: a failure, to be counted and waited for."""

    def __init__(self, reason: str, *, failed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failed = failed


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: `Retry-After` (RFC 9110, seconds or a date) or `ratelimit: …;t=55`.

    A date is measured against the answer's own `Date`, so that a wrong clock here does no harm.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
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
    """Seconds before try number `failures` + 1: doubling, with jitter so that many clients do not come at once."""
    return float(min(_LONGEST_BACKOFF, base * 2 ** max(0, failures - 1)) * random.uniform(0.5, 1.0))
