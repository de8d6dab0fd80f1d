"""Shared by the servers in this folder: contents with their digests, and an HTTP handler that serves them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase, BytesIO
from pathlib import Path
from urllib.parse import parse_qs

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Blob:
    """One content, in memory or in a file. `known_sha256` spares hashing a large file."""

    content: bytes | Path
    known_sha256: str = ""

    @cached_property
    def size(self) -> int:
        """Return the length in bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 in lower-case hex."""
        if self.known_sha256:
            return self.known_sha256
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def git_sha1(self) -> str:
        """Return the name that git gives to this content."""
        digest = hashlib.sha1(b"blob %d\0" % self.size)
        with self.open() as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    @property
    def pointer(self) -> bytes:
        """Return the text that git keeps in place of a large content."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n"
        return text.encode()

    def open(self) -> BufferedIOBase:
        """Open the content as a file."""
        return self.content.open("rb") if isinstance(self.content, Path) else BytesIO(self.content)


def blob_of(content: bytes | str | Path | Blob) -> Blob:
    """Return any content as a blob."""
    if isinstance(content, Blob):
        return content
    return Blob(content.encode() if isinstance(content, str) else content)


class Handler(BaseHTTPRequestHandler):
    """A handler with keep-alive and HEAD requests, and without a log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def handle(self) -> None:
        """Serve until the client disconnects, which it may do at any byte."""
        try:
            super().handle()
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def send_head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        """Send the status line and the headers."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_text(
        self, text: str, *, status: int = 200, kind: str = "text/plain", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a text."""
        body = text.encode()
        self.send_head(status, len(body), f"{kind}; charset=utf-8", headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a JSON document."""
        self.send_text(
            json.dumps(document, ensure_ascii=False), status=status, kind="application/json", headers=headers
        )

    def read_form(self) -> dict[str, list[str]]:
        """Return the fields of a posted form or JSON document of lists."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "json" not in self.headers.get("Content-Type", ""):
            return parse_qs(body)
        document = json.loads(body)
        fields = document if isinstance(document, dict) else {"": document}
        return {name: list(map(str, value if isinstance(value, list) else [value])) for name, value in fields.items()}

    def send_blob(self, blob: Blob, *, etag: str, headers: Mapping[str, str] | None = None) -> None:
        """Send a content, or the requested part of it where If-Range is not sent or is its ETag."""
        about = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
        requested = self.headers.get("Range")
        if requested and self.headers.get("If-Range", etag) != etag:
            requested = None
        span = _span(requested, blob.size) if requested else (0, blob.size)
        if span is None:
            self.send_head(416, 0, "text/plain", about | {"Content-Range": f"bytes */{blob.size}"})
            return
        start, end = span
        if requested:
            about["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
        self.send_head(206 if requested else 200, end - start, "application/octet-stream", about)
        if self.command != "HEAD" and end > start:
            self._send_part(blob, start, end - start)

    def _send_part(self, blob: Blob, start: int, count: int) -> None:
        self.wfile.flush()
        with blob.open() as file:
            if isinstance(blob.content, Path):
                self.connection.sendfile(file, start, count)
            else:
                self.wfile.write(blob.content[start : start + count])


def _span(requested: str, size: int) -> tuple[int, int] | None:
    """Return start and end (exclusive) of a Range header, None where it cannot be satisfied."""
    match = _RANGE.fullmatch(requested.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < end else None
