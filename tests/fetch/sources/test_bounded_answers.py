"""Answers of services without bounds: each ends with a clear error, soon and within little memory."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from modelhub.errors import AccessError, Exit, ModelhubError, NetworkError
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.http import api_client, json_answers
from modelhub.fetch.sources import huggingface_listing
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.fetch.sources.modelscope_fetcher import ModelScope
from modelhub.testing.hubs.blobs import Handler
from modelhub.testing.hubs.hub import Hub, Repository

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the largest memory of a process is read from /proc")
Reply = Callable[["_Handler", str, dict[str, str]], None]
INFO = {"id": "a/b", "sha": "c" * 40}
FILE = {"type": "file", "path": "m.safetensors", "size": 1, "oid": "0" * 40}


class _Handler(Handler):
    reply: Reply
    paths: list[str]

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        type(self).paths.append(self.path)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        type(self).reply(self, parts.path, query)

    do_POST = do_HEAD = do_GET  # noqa: N815


@contextlib.contextmanager
def answering(reply: Reply) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server that answers with `reply`, and the paths that were requested."""
    handler = type("Answering", (_Handler,), {"reply": staticmethod(reply), "paths": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.paths
        server.shutdown()


@contextlib.contextmanager
def dripping(start: bytes, drip: bytes, *, pause: float = 0.0) -> Iterator[str]:
    """Yield the address of a server that sends `start`, and then `drip` again and again without end."""
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(start)
            while not is_over.wait(pause) if pause else not is_over.is_set():
                connection.sendall(drip)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        is_over.set()
        listener.close()


def fetchers(endpoint: str, *, timeout: float = 30.0) -> list[tuple[Fetcher, str]]:
    """Return a fetcher of each service at `endpoint`, with a reference to a model there."""
    return [
        (HuggingFace(endpoints=(endpoint,), timeout=timeout, sleep=lambda _: None), "a/b"),
        (Civitai(endpoint=endpoint, timeout=timeout, sleep=lambda _: None), "civitai:7"),
        (ModelScope(endpoint=endpoint, timeout=timeout, sleep=lambda _: None), "ms:a/b"),
    ]


def failure(fetcher: Fetcher, source: str) -> ModelhubError:
    """Return the error of resolving `source`, which has a remedy."""
    with pytest.raises(ModelhubError) as caught:
        fetcher.resolve(source)
    assert caught.value.remedy.text
    return caught.value


@pytest.mark.parametrize(("entries", "pages"), [(1, 100), (50, 500)])
def test_an_endless_listing_ends_after_a_bounded_number_of_pages(entries: int, pages: int) -> None:
    """Each page names a next one with another cursor."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if "/tree/" not in path:
            return handler.send_json(INFO)
        link = f'<{path}?cursor={int(query.get("cursor", "0")) + 1}>; rel="next"'
        return handler.send_json([FILE] * entries, headers={"Link": link})

    with answering(reply) as (url, paths):
        error = failure(HuggingFace(endpoints=(url,)), "a/b")
        assert len(paths) < 600
    assert (error.code, url in error.message, f"{pages} pages" in error.message) == (Exit.NETWORK, True, True)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ('<{path}?cursor=7>; rel="next"', "repeats"),
        ("<{path}?recursive=true&expand=true>; rel=next", "repeats"),
        ('<http://127.0.0.1:1{path}?cursor=1>; rel="next"', "a next page at 127.0.0.1"),
        ('<https://evil.example{path}?cursor=1>; rel="next"', "a next page at evil.example"),
        ('<//evil.example{path}?cursor=1>; rel="next"', "a next page at evil.example"),
        ('</other?cursor=1>; rel="next"', "a next page at 127.0.0.1"),
        ('<{path}/../../../../x?cursor=1>; rel="next"', "a next page at 127.0.0.1"),
        ('<file:///etc/passwd>; rel="next"', "a next page at another address"),
        ('<http://[x>; rel="next"', "without a valid address"),
    ],
)
def test_a_next_page_elsewhere_or_again_is_refused(link: str, words: str) -> None:
    """The token goes to no host that an answer names, and a cursor that repeats ends the listing."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if "/tree/" not in path:
            return handler.send_json(INFO)
        return handler.send_json([FILE], headers={"Link": link.format(path=path)})

    with answering(reply) as (url, paths):
        error = failure(HuggingFace(endpoints=(url,), token="hf_x"), "a/b")
        assert len(paths) <= 4
        assert all(path.startswith("/api/models/a/b") for path in paths)
    assert words in error.message


def test_the_official_address_of_a_next_page_is_requested_from_the_mirror() -> None:
    """hf-mirror.com passes on the links of huggingface.co."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if "/tree/" not in path:
            return handler.send_json(INFO)
        if "cursor" in query:
            return handler.send_json([{**FILE, "path": "second.safetensors"}])
        link = f'<https://huggingface.co{path}?recursive=true&expand=true&cursor=x%3D>; rel="next"'
        return handler.send_json([FILE], headers={"Link": link})

    with answering(reply) as (url, paths):
        model = HuggingFace(endpoints=(url,)).resolve("a/b")
    assert [file.name for file in model.files] == ["m.safetensors", "second.safetensors"]
    assert paths[-1].endswith("&cursor=x%3D")


def test_a_repository_of_thousands_of_files_is_listed() -> None:
    """Some thousands of files are real."""
    files = {f"loras/{number:05}.safetensors": b"x" for number in range(4_000)}
    with Hub({"org/many": Repository(files=files)}) as hub:
        started = time.process_time()
        model = HuggingFace(endpoints=(hub.url,)).resolve("org/many")
    assert len(model.files) == 4_000
    assert time.process_time() - started < 10  # of which the hub, in the same process, needs most


def test_a_listing_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is one of files, however they are spread over pages."""
    monkeypatch.setattr(huggingface_listing, "_MOST_FILES", 2000)
    files = {f"{number:05}.safetensors": b"x" for number in range(2500)}
    with Hub({"org/many": Repository(files=files)}) as hub:
        error = failure(HuggingFace(endpoints=(hub.url,)), "org/many")
    assert "more than 2,000 files" in error.message


def test_pages_that_come_slowly_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole listing has a time limit, too."""
    monkeypatch.setattr(huggingface_listing, "_MOST_SECONDS", 0.3)

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if "/tree/" not in path:
            return handler.send_json(INFO)
        time.sleep(0.2)
        link = f'<{path}?cursor={int(query.get("cursor", "0")) + 1}>; rel="next"'
        return handler.send_json([FILE], headers={"Link": link})

    with answering(reply) as (url, paths):
        assert "too slowly" in failure(HuggingFace(endpoints=(url,)), "a/b").message
        assert len(paths) < 6


PULL = """
import re, time
from pathlib import Path
from modelhub.errors import ModelhubError
from modelhub.fetch.sources.{module} import {name}
begun = time.process_time()
try:
    {name}({options}).resolve({source!r})
    print("resolved")
except ModelhubError as error:
    print(error.message, "|", error.remedy.text)
largest = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(time.process_time() - begun, int(largest[1]) // 1024)
"""


def resolve_apart(kind: str, endpoint: str) -> tuple[str, float, int]:
    """Resolve in a process of its own; return what it printed, its CPU seconds and its megabytes."""
    module, name, options, source = {
        "huggingface": ("huggingface_fetcher", "HuggingFace", f"endpoints=({endpoint!r},)", "a/b"),
        "civitai": ("civitai_fetcher", "Civitai", f"endpoint={endpoint!r}", "civitai:7"),
        "modelscope": ("modelscope_fetcher", "ModelScope", f"endpoint={endpoint!r}", "ms:a/b"),
    }[kind]
    code = PULL.format(module=module, name=name, options=options, source=source)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr[-2000:]
    *words, figures = done.stdout.strip().splitlines()
    return "\n".join(words), float(figures.split()[0]), int(figures.split()[1])


@functools.cache
def packed_blanks() -> bytes:
    """Return 600 MB of blanks, packed with gzip into less than 3 MB."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(600)) + packer.flush()


KINDS = ("huggingface", "civitai", "modelscope")


@LINUX
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_huge_answers_are_cut_off(kind: str, coding: str) -> None:
    """600 MB of JSON, packed into less than one or not, need neither much memory nor much time."""
    size, block = 600_000_000, b" " * 1_000_000

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if coding == "gzip":
            packed = packed_blanks()
            handler.send_head(200, len(packed), "application/json", {"Content-Encoding": "gzip"})
            handler.wfile.write(packed)
            return
        handler.send_head(200, size, "application/json", {})
        for _ in range(600):
            handler.wfile.write(block)

    with answering(reply) as (url, _):
        words, seconds, megabytes = resolve_apart(kind, url)
    assert "It is larger than 64 MB." in words and url in words
    assert seconds < 5 and megabytes < 350


@LINUX
@pytest.mark.parametrize(
    ("kind", "entry"),
    [("huggingface", "{}"), ("huggingface", "0"), ("civitai", '{"a":{}}'), ("modelscope", "[]"), ("modelscope", "{}")],
)
def test_millions_of_small_values_are_not_decoded(kind: str, entry: str) -> None:
    """An answer within the limit of bytes may still hold more values than fit into memory."""
    many = ",".join([entry] * (60_000_000 // (len(entry) + 1)))
    documents = {
        "huggingface": f'{{"id":"a/b","sha":"12345678","tags":[{many}]}}',
        "civitai": f'{{"id":7,"modelVersions":[{{"id":8,"files":[{many}]}}]}}',
        "modelscope": f'{{"Code":200,"Data":{{"Files":[{many}]}}}}',
    }
    body = documents[kind].encode()

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_head(200, len(body), "application/json", {})
        handler.wfile.write(body)

    with answering(reply) as (url, _):
        words, seconds, megabytes = resolve_apart(kind, url)
    assert "lists more entries" in words
    assert seconds < 8 and megabytes < 450


def test_the_values_of_a_document_are_counted_generously() -> None:
    """A list of 200,000 files with twelve values each, without pages as ModelScope has it, is within the limit."""
    entry = json.dumps({f"k{number}": number for number in range(12)})
    assert len(json_answers.decode(f"[{','.join([entry] * 1000)}]".encode(), list[dict[str, int]])) == 1000
    assert 200 * f"{','.join([entry] * 1000)},".count(",") + 200_000 < json_answers._MOST_VALUES


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SLOW = {
    "header lines": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a", 0.05),
    "header lines in a flood": (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 900 + b"\r\n", 0.0),
    "one header line without end": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 900, 0.0),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0.0),
    "a body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b" ", 0.05),
    "a body without length": (HEAD + b"\r\n", b" ", 0.05),
    "a chunk's length": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.05),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n", b"X-A: b\r\n", 0.0),
    "a negative chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", b" " * 900, 0.0),
    "no HTTP": (b"", b"SSH-2.0-x\r\n", 0.0),
}


@pytest.mark.parametrize("start, drip, pause", SLOW.values(), ids=SLOW.keys())
def test_an_answer_without_end_ends(start: bytes, drip: bytes, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever part of it goes on for ever, there is a time limit for the whole."""
    monkeypatch.setattr(api_client, "_SECONDS", 1.0)
    with dripping(start, drip, pause=pause) as url:
        for fetcher, source in fetchers(url, timeout=1.0):
            begun = time.monotonic()
            error = failure(fetcher, source)
            assert time.monotonic() - begun < 8
            assert isinstance(error, NetworkError) and url in error.message


def test_an_interim_response_is_skipped() -> None:
    """`103 Early Hints` comes before the real answer."""
    body = json.dumps(INFO).encode()
    head = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n"
    with dripping(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body), b"") as url:
        answer = api_client.ApiClient(url).get("/api/models/a/b")
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "x\x1b[31m"])
def test_codings_that_were_not_requested_are_refused(coding: str) -> None:
    """brotli and zstd unpack to a million times their size."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_text("x", headers={"Content-Encoding": coding})

    with answering(reply) as (url, _):
        for fetcher, source in fetchers(url):
            error = failure(fetcher, source)
            assert "was not requested" in error.message and error.message.isprintable()


@pytest.mark.parametrize("cut", [0, 20])
def test_a_damaged_or_short_gzip_body_is_an_error(cut: int) -> None:
    """Half a document is not taken for a whole one."""
    packed = gzip.compress(json.dumps(INFO).encode())
    packed = packed[:cut] if cut else packed[:-8] + b"12345678"

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_head(200, len(packed), "application/json", {"Content-Encoding": "gzip"})
        handler.wfile.write(packed)

    with answering(reply) as (url, _):
        error = failure(HuggingFace(endpoints=(url,)), "a/b")
    assert "is damaged" in error.message or "broke off" in error.message


def test_gzip_answers_are_unpacked() -> None:
    """Also those of several members, one after the other."""
    body = json.dumps(INFO).encode()
    packed = gzip.compress(body[:9]) + gzip.compress(body[9:])

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_head(200, len(packed), "application/json", {"Content-Encoding": "gzip"})
        handler.wfile.write(packed)

    with answering(reply) as (url, _):
        assert api_client.ApiClient(url).get("/x").body == body


STRANGE = {
    "deep": "[" * 200_000,
    "deep in an unknown field": '{"id":"a/b","x":' + "[" * 200_000,
    "long integers": '{"id":"a/b","sha":' + "9" * 5000 + "}",
    "a huge size": '[{"type":"file","path":"m.safetensors","size":1e308,"oid":"0"}]',
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE.keys())
def test_strange_documents_are_errors(body: str) -> None:
    """No traceback, whatever comes."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_text(body, kind="application/json")

    with answering(reply) as (url, _):
        for fetcher, source in fetchers(url):
            assert isinstance(failure(fetcher, source), NetworkError)


@pytest.mark.parametrize("size", ["-1", "1e308", "1e-5", "99999999999999999999999999", "true", '"many"', "null"])
def test_sizes_that_cannot_be_are_unknown(size: str) -> None:
    """A negative or endless size of one file says nothing; the other files keep theirs."""
    tree = f'[{{"type":"file","path":"m.safetensors","size":{size},"oid":"0"}}, {json.dumps({**FILE, "path": "n"})}]'

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        handler.send_text(tree if "/tree/" in path else json.dumps(INFO), kind="application/json")

    with answering(reply) as (url, _):
        files = HuggingFace(endpoints=(url,)).resolve("a/b").files
    assert files[0].size in (None, 0) and files[1].size == 1


def test_the_command_ends_with_the_code_of_the_network(tmp_path: Path) -> None:
    """One sentence, a next step, exit code 6."""

    def reply(handler: _Handler, path: str, query: dict[str, str]) -> None:
        if "/tree/" not in path:
            return handler.send_json(INFO)
        return handler.send_json([FILE], headers={"Link": f'<{path}?cursor=1>; rel="next"'})

    environ = {"HF_HOME": str(tmp_path), "MODELHUB_LIBRARY": str(tmp_path / "lib"), "HOME": str(tmp_path), "PATH": ""}
    with answering(reply) as (url, _):
        done = subprocess.run(
            [sys.executable, "-m", "modelhub", "pull", "a/b", "--dry-run"],
            env=environ | {"HF_ENDPOINT": url, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == Exit.NETWORK, done.stderr
    assert "has a page that repeats" in done.stderr and "set HF_ENDPOINT" in done.stderr


def test_the_gate_of_a_repository_is_checked_without_its_bytes() -> None:
    """The address of a file is requested once; neither a redirect is followed nor a body read."""
    files = {"a.safetensors": b"x" * 100}
    with Hub({"org/gated": Repository(files=files, gated=True)}, token="hf_right") as hub:
        HuggingFace(endpoints=(hub.url,), token="hf_right").resolve("org/gated")
        assert [each.origin for each in hub.requests] == ["api"] * 3
        with pytest.raises(AccessError, match="is gated"):
            HuggingFace(endpoints=(hub.url,)).resolve("org/gated")
