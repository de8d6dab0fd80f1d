"""What the servers of this folder share: contents with their digests, and an HTTP handler that serves them well."""

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
        """Length in bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)

    @cached_property
    def sha256(self) -> str:
        """SHA-256, lower-case hex."""
        if self.known_sha256:
            return self.known_sha256
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def git_sha1(self) -> str:
        """The name that git gives to this content."""
        digest = hashlib.sha1(b"blob %d\0" % self.size)
        with self.open() as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    @property
    def pointer(self) -> bytes:
        """The text that git keeps in this content's place when it is large."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n"
        return text.encode()

    def open(self) -> BufferedIOBase:
        """The content as a file at its start."""
        return self.content.open("rb") if isinstance(self.content, Path) else BytesIO(self.content)


def blob_of(content: bytes | str | Path | Blob) -> Blob:
    """Any content as a blob."""
    if isinstance(content, Blob):
        return content
    return Blob(content.encode() if isinstance(content, str) else content)


class Handler(BaseHTTPRequestHandler):
    """Keep-alive, quiet, HEAD-aware."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Serve until the client goes away, which it may do at any byte."""
        try:
            super().handle()
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def send_head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        """Status line and headers."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_text(
        self, text: str, *, status: int = 200, kind: str = "text/plain", headers: Mapping[str, str] | None = None
    ) -> None:
        """A short body."""
        body = text.encode()
        self.send_head(status, len(body), f"{kind}; charset=utf-8", headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A JSON document."""
        self.send_text(
            json.dumps(document, ensure_ascii=False), status=status, kind="application/json", headers=headers
        )

    def read_form(self) -> dict[str, list[str]]:
        """The fields of a posted form or JSON document of lists."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "json" not in self.headers.get("Content-Type", ""):
            return parse_qs(body)
        document = json.loads(body)
        fields = document if isinstance(document, dict) else {"": document}
        return {name: list(map(str, value if isinstance(value, list) else [value])) for name, value in fields.items()}

    def send_blob(self, blob: Blob, *, etag: str, headers: Mapping[str, str] | None = None) -> None:
        """A content or the asked-for part of it: Range honoured when If-Range (if sent) is this very ETag."""
        about = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
        asked = self.headers.get("Range")
        if asked and self.headers.get("If-Range", etag) != etag:
            asked = None
        span = _span(asked, blob.size) if asked else (0, blob.size)
        if span is None:
            self.send_head(416, 0, "text/plain", about | {"Content-Range": f"bytes */{blob.size}"})
            return
        start, end = span
        if asked:
            about["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
        self.send_head(206 if asked else 200, end - start, "application/octet-stream", about)
        if self.command != "HEAD" and end > start:
            self._pour(blob, start, end - start)

    def _pour(self, blob: Blob, start: int, count: int) -> None:
        self.wfile.flush()
        with blob.open() as file:
            if isinstance(blob.content, Path):
                self.connection.sendfile(file, start, count)
            else:
                self.wfile.write(blob.content[start : start + count])


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a Range header, None when it cannot be satisfied."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < end else None
