"""A page in a real Chromium that a test can use as a person does: type, click, read, and see what it requests.

Chromium is driven through its DevTools protocol over a pipe (https://chromedevtools.github.io/devtools-protocol/).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import FLAGS, chromium

_SECONDS = 60.0


class Session:
    """One open page. `messages` are those of its console and its errors; `requests` all addresses that it requested."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._number = 0
        self._session = ""
        self._rest = b""
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._loaded = False

    def open(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file, and wait until it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self.call("Page.navigate", url=page.as_uri())
        end = time.monotonic() + _SECONDS
        while not self._loaded and time.monotonic() < end:
            self.call("Runtime.evaluate", expression="1")
        assert self._loaded, f"{page} has not loaded"

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def type(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, code: int, text: str = "") -> None:
        """Press and release a key. `code`: its Windows virtual key code."""
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **extra)

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse, scrolled into view first."""
        x, y = self.run(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            " element.scrollIntoView({ block: 'center' }); const box = element.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, target: Path) -> None:
        """Write what the window shows as a PNG."""
        target.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result; note the events that come before it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith("Target."):
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _receive(self) -> Any:
        while b"\0" not in self._rest:
            data = self._read.read1(1 << 20)
            assert data, "Chromium has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: Any) -> None:
        values = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.messages.append(json.dumps(values))
            case "Log.entryAdded":
                self.messages.append(values["entry"]["text"])


@contextmanager
def browser() -> Iterator[Session]:
    """Start Chromium and yield a session; skip the test where there is none, or no pipe to it."""
    if os.name != "posix":
        pytest.skip("Chromium takes its pipe as file descriptors 3 and 4")
    import fcntl

    program = chromium()
    to_read, to_write = os.pipe(), os.pipe()

    def connect() -> None:
        # Both ends out of the way first: one of them may be 3 or 4 itself.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_write[0], to_read[1])]
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    with tempfile.TemporaryDirectory(prefix="modelhub-chromium-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "--hide-scrollbars"]
        process = subprocess.Popen(
            command,
            preexec_fn=connect,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )
        os.close(to_write[0])
        os.close(to_read[1])
        session = Session(to_read[0], to_write[1])
        try:
            yield session
        finally:
            process.terminate()
            process.wait(_SECONDS)
