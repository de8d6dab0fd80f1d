"""Sorting for InvokeAI, against a server that answers as its model installer does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from modelhub.errors import NetworkError, UsageError
from modelhub.operations.sort.register import register
from modelhub.uis.invokeai import INVOKEAI, InvokeAI
from tests.cli.test_app import modelhub
from tests.operations.sort.sorting import messy, tree


class Installer(BaseHTTPRequestHandler):
    """Registers each path once; one name is refused."""

    known: set[str]

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/api/v2/models/install" or query.get("inplace") != "true":
            self._answer(404, {"detail": "not found"})
        elif "anime" in query["source"]:
            self._answer(415, {"detail": "unknown model type"})
        elif query["source"] in self.known:
            self._answer(409, {"detail": "already installed"})
        else:
            self.known.add(query["source"])
            self._answer(201, {"id": len(self.known)})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine."""
    handler = type("Fresh", (Installer,), {"known": set()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_models_are_registered_where_they_are(address: str, tmp_path: Path) -> None:
    """Nothing moves; the second time they are known; hypernetworks are not for InvokeAI."""
    folder = messy(tmp_path / "下载")
    before = tree(folder)
    first = register([folder], INVOKEAI, InvokeAI(address), catalog=None)
    assert {item.path.name for item in first.new} == {
        "国风3 'v1' 100%.safetensors", "kl-f8.pt", "mychar-000010.safetensors", "EasyNegative.pt",
    }  # fmt: skip
    assert {left.path.name: left.reason for left in first.left}["anime_3.pt"] == "no place"
    again = register([folder], INVOKEAI, InvokeAI(address), catalog=None)
    assert again.new == []
    assert len(again.known) == 4
    assert tree(folder) == before


def test_a_server_that_is_not_there_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    """A folder is not an address."""
    folder = messy(tmp_path / "dl")
    with pytest.raises(NetworkError, match="does not answer"):
        register([folder], INVOKEAI, InvokeAI("http://127.0.0.1:9"), catalog=None)
    with pytest.raises(UsageError, match="not an address"):
        InvokeAI("/home/me/invokeai")


def test_the_command_takes_the_address_with_into(address: str, tmp_path: Path) -> None:
    """As the other layouts take a folder."""
    folder = messy(tmp_path / "dl")
    done = modelhub("sort", str(folder), "--layout", "invokeai", "--into", address, "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["registered"]) == 4


def test_a_report_lists_what_was_registered(address: str, tmp_path: Path) -> None:
    """The page says that the files stay in their place."""
    folder, report = messy(tmp_path / "dl"), tmp_path / "report.html"
    words = ("sort", str(folder), "--layout", "invokeai", "--into", address, "--report", str(report))
    done = modelhub(*words, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "registered" in report.read_text("utf-8")
    assert "4 models registered." in done.stderr


def test_a_name_that_is_not_utf8_is_sent_as_its_bytes(address: str, tmp_path: Path) -> None:
    """InvokeAI decides what it makes of it; sorting goes on."""
    path = tmp_path / os.fsdecode(b"\xe9.safetensors")
    assert InvokeAI(address).register(path)
    assert not InvokeAI(address).register(path)
