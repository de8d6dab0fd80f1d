"""Sources on the command line, and lists of them on standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

from modelhub.errors import UsageError


def given_sources(arguments: Sequence[str]) -> list[str]:
    """Return the sources of a command line, each once; `-` stands for those on standard input. Raise UsageError."""
    found: list[str] = []
    for argument in arguments:
        found += parse_sources(_read_lines()) if argument == "-" else [argument]
    return list(dict.fromkeys(found))


def _read_lines() -> list[str]:
    """Return the lines of standard input, as UTF-8 whatever the terminal's encoding is."""
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace").splitlines()


def parse_sources(lines: Iterable[str]) -> list[str]:
    """Return the sources of a list, one per line, each once; lines that start with # and text after ` #` are comments.

    Raise UsageError for a list without any source.
    """
    texts = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)
    found = list(dict.fromkeys(text for text in texts if text))
    if not found:
        raise UsageError("The list of sources is empty.", "Write one per line, such as org/name or civitai:4384.")
    return found
