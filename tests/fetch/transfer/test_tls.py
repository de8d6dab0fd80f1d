"""Certificates are verified, always: by downloads, by the services' clients and after redirects."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from modelhub.config_keys import KEYS
from modelhub.errors import NetworkError
from modelhub.fetch.fetcher import Credential
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.sources.huggingface_fetcher import HuggingFace
from modelhub.fetch.sources.modelscope_fetcher import ModelScope
from modelhub.fetch.sources.registry import source_keys
from modelhub.fetch.sources.url_fetcher import PlainHttp
from modelhub.fetch.transfer.download import TransferSettings, download
from modelhub.testing.hubs.faulty import Fault, FaultyServer, serving
from tests.fetch.transfer.transfers import QUICK, content, remote

DATA = content()
CERTIFICATES = Path(__file__).resolve().parents[2] / "data" / "tls"


@contextlib.contextmanager
def serving_tls(certificate: str = "self_signed") -> Iterator[tuple[FaultyServer, str]]:
    """Yield a server with a certificate that nobody has signed, and its address."""
    with serving(DATA) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        yield server, server.url.replace("http://", "https://")


@pytest.fixture(autouse=True)
def no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that name further certificates are unset."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    """The error names the address and the next step, and nothing is sent: neither a request nor a token."""
    with serving_tls() as (server, url):
        credential = Credential(origin=url, value="Bearer hf_secret")
        with pytest.raises(NetworkError) as caught:
            download(remote(url, DATA, credential=credential), tmp_path, settings=QUICK)
        assert server.requests == []
    assert url in caught.value.message and "certificate cannot be trusted" in caught.value.message
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy.text


def test_every_source_refuses_it() -> None:
    """Hugging Face, Civitai, ModelScope and plain addresses alike."""
    with serving_tls() as (server, url):
        for fetcher, source in (
            (HuggingFace(endpoints=(url,), token="hf_secret"), "a/b"),
            (Civitai(endpoint=url, token="secret"), "civitai:7"),
            (ModelScope(endpoint=url, token="secret"), "ms:a/b"),
            (PlainHttp(settings=QUICK), f"{url}/x.safetensors"),
        ):
            with pytest.raises(NetworkError, match="certificate cannot be trusted"):
                fetcher.resolve(source)
        assert server.requests == []


def test_it_is_refused_after_a_redirect(tmp_path: Path) -> None:
    """A redirect from a plain address does not make it trusted."""
    with serving(DATA) as front, serving_tls() as (store, url):
        front.always = Fault(status=302, headers={"Location": f"{url}/blob"})
        with pytest.raises(NetworkError, match="certificate cannot be trusted"):
            download(remote(front.url, DATA), tmp_path, settings=QUICK)
        assert store.requests == []


def test_a_certificate_that_the_user_trusts_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE names the certificate of a server in the user's own network."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "self_signed.pem"))
    with serving_tls() as (_, url):
        assert download(remote(url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA


def test_a_certificate_of_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the certificate itself is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "other_host.pem"))
    with serving_tls("other_host") as (server, url):
        with pytest.raises(NetworkError, match="certificate cannot be trusted"):
            download(remote(url, DATA), tmp_path, settings=QUICK)
        assert server.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CURL_CA_BUNDLE", ""),
        ("REQUESTS_CA_BUNDLE", ""),
        ("PYTHONHTTPSVERIFY", "0"),
        ("HF_HUB_DISABLE_SSL_VERIFY", "1"),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ],
)
def test_no_variable_turns_the_check_off(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty CURL_CA_BUNDLE, which many recipes recommend, changes nothing."""
    monkeypatch.setenv(name, value)
    with serving_tls() as (_, url), pytest.raises(NetworkError, match="certificate cannot be trusted"):
        download(remote(url, DATA), tmp_path, settings=QUICK)


def test_no_setting_turns_the_check_off() -> None:
    """Neither the settings nor those of a transfer have a word for it."""
    names = [key.name for key in (*KEYS, *source_keys())] + [each.name for each in fields(TransferSettings)]
    assert not [name for name in names if any(word in name.lower() for word in ("verify", "ssl", "tls", "insecure"))]
