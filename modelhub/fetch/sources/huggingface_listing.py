"""The files of a repository at a Hugging Face hub, page by page and within bounds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from modelhub.errors import NetworkError
from modelhub.fetch.http import json_answers
from modelhub.fetch.http.session import origin_of
from modelhub.fetch.sources.huggingface_reference import PUBLIC_HOSTS

_NEXT = re.compile(r"<([^<>]*)>\s*;[^,<]*\brel=\"?next\"?", re.IGNORECASE)
# The hub has 1,000 files on a page, and 50 with scan verdicts.
_MOST_PAGES = 500
_MOST_SPARSE_PAGES = 100  # with fewer than _FEWEST_ON_PAGE entries on average, which no hub has
_FEWEST_ON_PAGE = 10
_MOST_FILES = 200_000
_MOST_SECONDS = 900.0
_MOST_SCANNED_PAGES = 20
_FAULTY = "The hub or mirror is faulty: try again later, or set HF_ENDPOINT to another one."


class TreeEntry(msgspec.Struct, rename="camel"):
    """A file or folder in the answer of a hub; `lfs` describes large content.

    The types are checked for each entry on its own, so that one wrong entry does not end the listing.
    """

    type: Any = None
    path: Any = None
    size: Any = None
    oid: Any = None
    lfs: Any = None
    security_file_status: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing, with its `Link` header."""

    entries: Sequence[TreeEntry]
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a repository as the hub lists it. `name` is untrusted."""

    name: str
    size: int | None
    sha256: str | None
    git_sha1: str | None
    scan: str | None


def list_files(endpoint: str, path: str, get_page: Callable[[str], Page]) -> tuple[HubFile, ...]:
    """Return the files in the tree at `path`, with scan verdicts unless their small pages would take minutes.

    `get_page` requests a path at `endpoint`. Raise NetworkError for a listing without a plausible end.
    """
    files: list[HubFile] = []
    for number, entries in enumerate(_pages(endpoint, f"{path}?recursive=true&expand=true", get_page)):
        if number == _MOST_SCANNED_PAGES:
            break
        files += _files(entries)
    else:
        return tuple(files)
    files = []
    for entries in _pages(endpoint, f"{path}?recursive=true&expand=false", get_page):
        files += _files(entries)
        if len(files) > _MOST_FILES:
            raise _endless_error(endpoint, f"more than {_MOST_FILES:,} files")
    return tuple(files)


def _pages(endpoint: str, path: str, get_page: Callable[[str], Page]) -> Iterator[Sequence[TreeEntry]]:
    """Yield the entries of each page, from the one at `path` to the last."""
    deadline = time.monotonic() + _MOST_SECONDS
    count = 0
    seen: set[str] = set()
    following: str | None = path
    while following is not None:
        if following in seen:
            raise _endless_error(endpoint, "a page that repeats")
        if len(seen) >= _MOST_PAGES or (len(seen) >= _MOST_SPARSE_PAGES and count < len(seen) * _FEWEST_ON_PAGE):
            raise _endless_error(endpoint, f"more than {len(seen)} pages")
        if time.monotonic() > deadline:
            raise _endless_error(endpoint, "pages that come too slowly")
        seen.add(following)
        page = get_page(following)
        count += len(page.entries)
        yield page.entries
        following = _next_path(endpoint, path, page.link)


def _next_path(endpoint: str, first: str, link: str) -> str | None:
    """Return the path of the next page at `endpoint`, None after the last. Raise NetworkError for another address."""
    found = _NEXT.search(link)
    if found is None:
        return None
    base = urlsplit(endpoint).path
    try:
        address = urljoin(f"{endpoint}{first}", found[1])
        parts, origin = urlsplit(address), origin_of(address)
    except ValueError:
        raise _endless_error(endpoint, "a next page without a valid address") from None
    # Mirrors pass on the addresses of the official hub; the next page is at the mirror all the same.
    is_own = origin == origin_of(endpoint) or origin[1] in PUBLIC_HOSTS
    path, own = parts.path.removeprefix(base), first.partition("?")[0]
    if not is_own or unquote(path).lower() != unquote(own).lower():
        elsewhere = f"a next page at {origin[1]}" if origin[1] else "a next page at another address"
        raise _endless_error(endpoint, elsewhere)
    return f"{own}?{parts.query}"


def _endless_error(endpoint: str, what: str) -> NetworkError:
    return NetworkError(f"The file list of {endpoint} has {what}, so it was not read further.", _FAULTY)


def _files(entries: Sequence[TreeEntry]) -> Iterator[HubFile]:
    for entry in entries:
        if entry.type != "file":
            continue
        lfs, scan = entry.lfs, entry.security_file_status
        size, digest = entry.size, None
        if isinstance(lfs, dict):
            size, digest = lfs.get("size"), _text(lfs.get("oid"))
        yield HubFile(
            name=entry.path if isinstance(entry.path, str) else "",
            size=json_answers.size_of(size),
            sha256=digest.removeprefix("sha256:").lower() if digest else None,
            git_sha1=_text(entry.oid) if digest is None else None,
            scan=_text(scan.get("status")) if isinstance(scan, dict) else None,
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
