"""Redirects, and the headers that follow them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from modelhub.errors import AccessError, NetworkError
from modelhub.fetch.fetcher import Credential
from modelhub.fetch.http import redirects
from modelhub.fetch.http.networks import Network
from modelhub.fetch.http.retry import retry_after
from modelhub.fetch.transfer.content_disposition import choose_file_name
from modelhub.fetch.transfer.download import download
from modelhub.redaction import redact_url
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, remote

DATA = content()
SECRET = "hf_verysecret"


def test_credentials_stay_with_their_origin(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first server gets the token, the one it redirects to does not; neither files nor log contain a secret."""
    caplog.set_level(logging.DEBUG)
    with serving(DATA) as front, serving(DATA) as store:
        front.always = Fault(status=302, headers={"Location": f"{store.url}/blob?Signature=s3cr3t"})
        credential = Credential(origin=front.url, value=f"Bearer {SECRET}")
        got = download(remote(front.url, DATA, credential=credential), tmp_path, settings=QUICK)
    assert all(asked.headers["Authorization"] == f"Bearer {SECRET}" for asked in front.requests)
    assert store.requests
    assert not any("Authorization" in asked.headers for asked in store.requests)
    assert got.final_url == f"{store.url}/blob"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    text = caplog.text
    assert SECRET.encode() not in kept and b"s3cr3t" not in kept
    assert SECRET not in text
    assert not any("s3cr3t" in record.getMessage() for record in caplog.records if record.name.startswith("modelhub"))


def test_a_netrc_file_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests alone would replace the token by the netrc file's entry for the host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(DATA) as server:
        credential = Credential(origin=server.url, value=f"Bearer {SECRET}")
        download(remote(server.url, DATA, credential=credential), tmp_path / "s", settings=QUICK)
    assert {asked.headers["Authorization"] for asked in server.requests} == {f"Bearer {SECRET}"}


def test_an_expired_signed_url_is_renewed(tmp_path: Path) -> None:
    """The signed URL expires within the file; the original URL redirects to a new one."""
    with serving(DATA) as front, serving(DATA) as store:
        front.paths["/model.safetensors"] = [
            Fault(status=302, headers={"Location": f"{store.url}/first?sig=1"}),
            Fault(status=302, headers={"Location": f"{store.url}/second?sig=2"}),
        ]
        store.paths["/first"] = [Fault(drop_after=2 * PIECE), Fault(status=403, body=b"<Error>expired</Error>")]
        got = download(remote(front.url, DATA), tmp_path, settings=QUICK)
    assert got.path.read_bytes() == DATA
    assert any(asked.path.startswith("/second") for asked in store.requests)


def test_errors_contain_no_signature(tmp_path: Path) -> None:
    """A error_for_response by the store names the address that the user knows, not the signed one."""
    with serving(DATA) as front, serving(DATA) as store:
        front.always = Fault(status=302, headers={"Location": f"{store.url}/blob?Signature=s3cr3t"})
        store.always = Fault(status=403)
        with pytest.raises(AccessError) as caught:
            download(remote(front.url, DATA), tmp_path, settings=QUICK)
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.remedy.text}{caught.value.__cause__}"


REFUSED = [
    ("https://a.example/x", "http://a.example/x", "unprotected http"),
    ("https://93.184.216.34/x", "https://127.0.0.1/x", "private network"),
    ("https://93.184.216.34/x", "https://10.0.0.1/x", "private network"),
    ("https://93.184.216.34/x", "https://169.254.169.254/latest", "private network"),
    ("https://93.184.216.34/x", "https://[::1]/x", "private network"),
    ("https://93.184.216.34/x", "https://[::ffff:10.0.0.1]/x", "private network"),
    ("http://93.184.216.34/x", "data:text/plain,x", "`data:`"),
]


@pytest.mark.parametrize(("current", "target", "words"), REFUSED)
def test_some_redirects_are_refused(current: str, target: str, words: str) -> None:
    """Downgrades, other schemes, and private networks from a public source are refused."""
    with pytest.raises(NetworkError, match=words):
        redirects.ensure_allowed(current, target, Network.PUBLIC)


def test_a_private_source_may_lead_to_private_addresses() -> None:
    """A server in a private network may redirect to another there."""
    redirects.ensure_allowed("http://127.0.0.1:1/x", "http://10.0.0.1/x", Network.LOOPBACK)


def test_urls_are_shown_without_secrets() -> None:
    """User, password, query and fragment are left out."""
    assert redact_url("https://me:pw@a.example:8443/b/c?token=1#x") == "https://a.example:8443/b/c"


NAMES = [
    ('attachment; filename="a b.safetensors"', "a b.safetensors"),
    ("attachment; filename=plain.ckpt", "plain.ckpt"),
    ("attachment; filename=\"x.pt\"; filename*=UTF-8''na%C3%AFve%20%E6%A8%A1.pt", "naïve 模.pt"),
    ('attachment; filename="../../etc/passwd"', "passwd"),
    ('attachment; filename="..\\\\..\\\\boot.ini"', "boot.ini"),
    ('attachment; filename=".."', "model"),
    ("inline", "from address.safetensors"),
    (None, "from address.safetensors"),
]


@pytest.mark.parametrize(("header", "name"), NAMES)
def test_names_come_from_the_server_and_stay_inside(header: str | None, name: str) -> None:
    """A name is in one of the forms of RFC 6266 and 5987, else in the URL; it is never a path."""
    assert choose_file_name(disposition=header, url="https://a.example/d/from%20address.safetensors?x=/y") == name


WAITS = [
    ({"Retry-After": "7"}, 7.0),
    ({"Retry-After": "Wed, 21 Oct 2015 07:28:10 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
    ({"ratelimit": '"resolvers";r=0;t=55'}, 55.0),
    ({"Retry-After": "soon"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_requested_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """It is in seconds, a date by the server's own clock, or the hub's rate limit."""
    assert retry_after(headers) == seconds
