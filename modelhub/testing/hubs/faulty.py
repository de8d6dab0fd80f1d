"""An HTTP server on 127.0.0.1 whose answers can be damaged one by one."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Fault:
    """Damage to one answer; a field at its default changes nothing."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    drop_after: int | None = None
    whole: bool = False
    chunked: bool = False
    no_length: bool = False
    shift: int = 0
    extra: bytes = b""
    stall_after: int | None = None
    drip: bool = False
    etag: str | None = None


@dataclass
class ReceivedRequest:
    """One request that was received."""

    path: str
    headers: dict[str, str]
    start: int
    sent: int = 0


class FaultyServer(ThreadingHTTPServer):
    """A server of `content`. Each of `faults` damages one of the next answers, `always` every one after them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, content: bytes, *, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.content = content
        self.etag: str | None = '"one"'
        self.etags: list[str] = []  # used in turn, as by the nodes of a network of caches
        self.respects_if_range = True
        self.hides_total = False
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.requests: list[ReceivedRequest] = []
        self.paths: dict[str, list[Fault]] = {}
        self.rate = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def sent(self) -> int:
        """Return the number of body bytes sent."""
        return sum(each.sent for each in self.requests)

    def fault_for(self, path: str) -> Fault:
        with self.lock:
            own = self.paths.get(path.partition("?")[0])
            if own:
                return own.pop(0) if len(own) > 1 else own[0]
            if self.faults:
                return self.faults.pop(0)
            return self.always or Fault()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect, which these tests do on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        found = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        start = int(found.group(1)) if found else 0
        request = ReceivedRequest(path=self.path, headers=dict(self.headers), start=start)
        with server.lock:
            server.requests.append(request)
        fault = server.fault_for(self.path)
        etag = fault.etag or server.etag
        if server.etags:
            with server.lock:
                etag = server.etags[len(server.requests) % len(server.etags)]
        fits = not server.respects_if_range or self.headers.get("If-Range", etag) == etag
        ranged = bool(found) and fits and not fault.whole
        total = len(server.content)
        end = min(total, int(found.group(2)) + 1) if found and found.group(2) else total
        status, body = 200, server.content
        headers = {"ETag": etag} if etag else {}
        if fault.status is not None:
            status, body = fault.status, fault.body or b""
        elif fault.body is not None:
            body = fault.body
        elif ranged and start >= total:
            status, body = 416, b""
            headers["Content-Range"] = f"bytes */{total}"
        elif ranged:
            status, body = 206, server.content[start:end]
            headers["Content-Range"] = (
                f"bytes {start + fault.shift}-{end - 1 + fault.shift}/{'*' if server.hides_total else total}"
            )
        self._send(status, headers | fault.headers, body + fault.extra, fault, request)

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: Fault, request: ReceivedRequest) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif fault.no_length:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        step = 1 if fault.drip else 65536
        for at in range(0, len(body), step):
            part = body[at : at + step]
            if fault.drop_after is not None and at + len(part) > fault.drop_after:
                part = part[: fault.drop_after - at]
            self._write(part, fault)
            request.sent += len(part)
            if fault.drop_after is not None and request.sent >= fault.drop_after:
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            if fault.stall_after is not None and request.sent >= fault.stall_after:
                self.server.over.wait(20)
                self.close_connection = True
                return
            if fault.drip:
                self.server.over.wait(0.05)
            if self.server.rate:
                time.sleep(len(part) / self.server.rate)
        if fault.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, part: bytes, fault: Fault) -> None:
        if fault.chunked:
            part = b"%x\r\n%s\r\n" % (len(part), part)
        self.wfile.write(part)


@contextlib.contextmanager
def serving(content: bytes, *, host: str = "127.0.0.1") -> Iterator[FaultyServer]:
    """Yield a server that runs until the block ends."""
    server = FaultyServer(content, host=host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
