"""Services that answer nonsense: always a clear error, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from threading import Thread

import pytest

from modelhub.errors import ModelhubError, NetworkError, UsageError
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.sources.endpoints import normalize_endpoint
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.testing.hubs.blobs import Handler

NONSENSE = {
    "page": "<!DOCTYPE html><title>Log in</title>",
    "nothing": "",
    "list": "[1, 2]",
    "null": "null",
    "text": '"x"',
    "cut": '{"id": "a/b", "sha": "12',
    "deep": "[" * 100_000,
    "wrong kinds": '{"id": 5, "sha": [], "tags": 7, "cardData": "x", "files": {}, "modelVersions": [[]]}',
    "control": '{"id": "a\x00b"}',
}


class _Nonsense(Handler):
    body = ""
    status = 200

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        headers = {"Location": self.path} if self.status == 302 else {}
        self.send_text(self.body, status=self.status, kind="application/json", headers=headers)

    do_POST = do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A server that answers everything with what its handler class says."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("status", [200, 302, 400, 418, 500])
def test_nonsense_is_a_clear_error(endpoint: str, kind: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the body and the status, resolving ends with one of our errors that names the address or the model."""
    monkeypatch.setattr(_Nonsense, "body", NONSENSE[kind])
    monkeypatch.setattr(_Nonsense, "status", status)
    for fetcher, source in (
        (HuggingFace(endpoints=(endpoint,), sleep=lambda _: None), "a/b"),
        (Civitai(endpoint=endpoint, sleep=lambda _: None), "civitai:7"),
    ):
        with pytest.raises(ModelhubError) as caught:
            fetcher.resolve(source)
        assert isinstance(caught.value, NetworkError) and endpoint in caught.value.message
        assert caught.value.remedy.text


def test_addresses_in_settings_may_lack_their_scheme() -> None:
    """A host alone means https; a slash at the end does not count."""
    assert normalize_endpoint("hf-mirror.com", "x") == "https://hf-mirror.com"
    assert normalize_endpoint("http://127.0.0.1:80/hub/", "x") == "http://127.0.0.1:80/hub"
    assert normalize_endpoint("http://[::1]:8080", "x") == "http://[::1]:8080"


@pytest.mark.parametrize(
    "text", ["", "ftp://a", "http://", "https://a b", "http://h:port", "http://h:99999", "http://[x"]
)
def test_what_is_not_an_address_is_reported_with_its_setting(text: str) -> None:
    """A wrong address in the settings is a usage error that names the setting."""
    with pytest.raises(UsageError, match=r"huggingface\.endpoints"):
        HuggingFace(endpoints=(text,))
