"""A real Chromium without a window, and a server on loopback that records every request, for tests of pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 90.0
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # Chromium refuses to run as root with a sandbox.
    *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
)


def chromium() -> str:
    """Return the path of a Chromium; skip the test where none is installed."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium is not installed (Debian's package `chromium`)")
    return found


def rendered(page: Path, *, milliseconds: int = 2000) -> str:
    """Open a page and return its document as HTML, after its scripts have run for so long."""
    with tempfile.TemporaryDirectory(prefix="modelhub-chromium-") as profile:
        command = [chromium(), *FLAGS, f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}"]
        done = subprocess.run(
            [*command, "--dump-dom", page.as_uri()],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env={**os.environ, "HOME": profile},
        )
    return done.stdout.decode("utf-8", "replace")


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Serve on loopback; yield the address and the list of the paths that are requested."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"document.title = 'ran'")

        do_POST = do_GET  # noqa: N815 - the name of the standard library

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requested
        finally:
            server.shutdown()
            thread.join()
