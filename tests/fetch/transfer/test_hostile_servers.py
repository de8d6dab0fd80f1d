"""Servers that redirect into private networks, send bodies without end, or headers that no server needs."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, NetworkError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.http import bounded_session, redirects
from modelhub.fetch.http.api_client import ApiClient
from modelhub.fetch.http.networks import Network, network_of, networks_of_host
from modelhub.fetch.http.session import new_session
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.fetch.transfer import coordinator
from modelhub.fetch.transfer.download import download, probe
from modelhub.operations.remote.source_sidecars import fetch_preview
from modelhub.storage import free_space
from modelhub.storage.errors import DiskFullError
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.sources.test_bounded_answers import answering, dripping
from tests.fetch.transfer.transfers import PIECE, QUICK, content, published, remote

DATA = content()

NETWORKS = {
    "93.184.216.34": Network.PUBLIC,
    "2606:2800:220:1:248:1893:25c8:1946": Network.PUBLIC,
    "10.1.2.3": Network.PRIVATE,
    "172.16.0.1": Network.PRIVATE,
    "192.168.1.1": Network.PRIVATE,
    "100.64.0.1": Network.PRIVATE,
    "198.18.0.7": Network.PRIVATE,
    "fd00::1": Network.PRIVATE,
    "224.0.0.1": Network.PRIVATE,
    "255.255.255.255": Network.PRIVATE,
    "127.0.0.1": Network.LOOPBACK,
    "127.255.0.1": Network.LOOPBACK,
    "0.0.0.0": Network.LOOPBACK,
    "::1": Network.LOOPBACK,
    "::": Network.LOOPBACK,
    "169.254.169.254": Network.LINK_LOCAL,
    "fe80::1%eth0": Network.LINK_LOCAL,
    "::ffff:10.0.0.1": Network.PRIVATE,
    "::ffff:127.0.0.1": Network.LOOPBACK,
    "::ffff:169.254.169.254": Network.LINK_LOCAL,
    "::ffff:93.184.216.34": Network.PUBLIC,
    "2002:7f00:1::": Network.LOOPBACK,
    "64:ff9b::10.0.0.1": Network.PRIVATE,
    "64:ff9b::169.254.169.254": Network.LINK_LOCAL,
}


@pytest.mark.parametrize(("address", "network"), NETWORKS.items())
def test_the_network_of_an_address(address: str, network: Network) -> None:
    """IPv6 addresses that only stand for an IPv4 address belong to its network."""
    assert network_of(address) is network


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]"])
def test_this_machine_under_other_names(host: str) -> None:
    """However it is written, it is this machine."""
    assert set(networks_of_host(f"http://{host}:8080/x")) == {Network.LOOPBACK}


def test_a_name_that_does_not_resolve_has_no_network() -> None:
    """Behind a proxy that is the rule."""
    assert networks_of_host("http://no-such-host.invalid/") == ()


ALLOWED = [
    (Network.PUBLIC, "https://93.184.216.34/x", True),
    (Network.PUBLIC, "https://192.168.1.1/x", False),
    (Network.PUBLIC, "https://127.0.0.1/x", False),
    (Network.PUBLIC, "https://2130706433/x", False),
    (Network.PUBLIC, "https://169.254.169.254/x", False),
    (Network.PRIVATE, "https://93.184.216.34/x", True),
    (Network.PRIVATE, "https://192.168.1.1/x", True),
    (Network.PRIVATE, "https://127.0.0.1/x", False),
    (Network.PRIVATE, "https://169.254.169.254/x", False),
    (Network.LOOPBACK, "https://127.0.0.1/x", True),
    (Network.LOOPBACK, "https://192.168.1.1/x", True),
    (Network.LOOPBACK, "https://169.254.169.254/x", False),
]


@pytest.mark.parametrize(("source", "target", "allowed"), ALLOWED)
def test_redirects_never_lead_closer_to_this_machine(source: Network, target: str, allowed: bool) -> None:
    """A mirror at home or on this machine may redirect within its network; a public one only to public hosts."""
    if allowed:
        redirects.ensure_allowed("https://source.invalid/x", target, source)
        return
    with pytest.raises(NetworkError, match="private network") as caught:
        redirects.ensure_allowed("https://source.invalid/x", target, source)
    assert caught.value.remedy.text


@pytest.mark.parametrize("location", ["http://h:99999/x", "http://h:port/", "http://[x/", "http://", "http:///x", "//"])
def test_a_redirect_to_an_invalid_address_is_an_error(location: str, tmp_path: Path) -> None:
    """No traceback, whatever the Location is."""
    with serving(DATA) as server:
        server.always = Fault(status=302, headers={"Location": location})
        with pytest.raises(ModelhubError) as caught:
            download(remote(server.url, DATA), tmp_path, settings=QUICK)
    assert caught.value.remedy.text


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "javascript:x"])
def test_services_may_not_redirect_to_other_schemes(location: str) -> None:
    """Not in their answers either."""
    with serving(b"{}") as server:
        server.always = Fault(status=302, headers={"Location": location})
        with pytest.raises(NetworkError, match="only http and https are followed"):
            ApiClient(server.url).get("/x")


def test_a_service_may_not_redirect_into_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public service that redirects to this machine gets no request there."""
    monkeypatch.setattr(bounded_session, "peer_network", lambda response: Network.PUBLIC)
    with serving(b"{}") as public, serving(b"{}") as inner:
        public.always = Fault(
            status=307, headers={"Location": f"http://localhost:{inner.server_address[1]}/admin?delete=all"}
        )
        with pytest.raises(NetworkError, match="private network"):
            ApiClient(public.url).get("/x")
        assert inner.requests == []


def test_a_name_that_resolves_to_another_address_later_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name was public when it was looked at, and is this machine when the connection is made."""
    monkeypatch.setattr(bounded_session, "peer_network", lambda response: Network.PUBLIC)
    monkeypatch.setattr(redirects, "networks_of_host", lambda url: (Network.PUBLIC,))
    with serving(b"{}") as public, serving(b"{}") as inner:
        public.always = Fault(status=302, headers={"Location": f"http://localhost:{inner.server_address[1]}/x"})
        with pytest.raises(NetworkError, match="it is in a private network"):
            ApiClient(public.url).get("/x")
        assert inner.requests == []


def test_the_guard_of_connections_lets_public_servers_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at the address of the connection itself."""
    with serving(DATA) as server:
        session = new_session().redirected_from(Network.PUBLIC)
        with pytest.raises(NetworkError, match="private network"):
            session.get(f"{server.url}/x")
        assert server.requests == []
        monkeypatch.setattr(bounded_session, "network_of", lambda address: Network.PUBLIC)
        assert session.get(f"{server.url}/x").content == DATA


def test_tokens_stay_with_their_service() -> None:
    """After a redirect to another origin, neither header is sent; on the way back to the first one, both are."""
    with serving(b"{}") as service, serving(b"{}") as other:
        secrets = {"Authorization": "Bearer s3cr3t", "Cookie": "m_session_id=s3cr3t"}
        service.faults = [Fault(status=302, headers={"Location": f"{other.url}/a"})]
        other.faults = [Fault(status=302, headers={"Location": f"{service.url}/b"})]
        assert ApiClient(service.url, secrets=secrets).get("/x").body == b"{}"
        assert [each.headers.get("Authorization") for each in service.requests] == ["Bearer s3cr3t"] * 2
        assert "s3cr3t" not in str(other.requests[0].headers)


def test_a_token_goes_to_the_same_host_by_https() -> None:
    """http://hub.example that redirects to https://hub.example is still the hub; other ports and schemes are not."""
    credential = redirects.Credential(origin="http://hub.example", value="x")
    assert redirects._is_for(credential, "https://hub.example/x")
    for url in ("https://hub.example:8443/", "https://evil.example/", "http://hub.example:81/"):
        assert not redirects._is_for(credential, url)
    assert not redirects._is_for(redirects.Credential(origin="https://hub.example", value="x"), "http://hub.example/")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "http://[x", "ftp://a/"]
)
def test_a_service_may_not_list_such_an_address(url: str, tmp_path: Path) -> None:
    """The address of a file in an answer is bound by the rules for redirects."""
    document = {"id": 7, "modelVersions": [{"id": 8, "files": [{"name": "m.safetensors", "downloadUrl": url}]}]}
    with answering(lambda handler, path, query: handler.send_json(document if path.endswith("/7") else {})) as (own, _):
        (file,) = Civitai(endpoint=own).resolve("civitai:7").files
        with pytest.raises(ModelhubError) as caught:
            download(file, tmp_path, settings=QUICK)
    assert caught.value.remedy.text
    assert published(tmp_path) == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/x.png", "file:///etc/hostname"])
def test_a_preview_may_not_have_such_an_address(url: str, tmp_path: Path) -> None:
    """The pictures that a service names, too."""
    model = RemoteModel(
        kind="civitai", reference="civitai:7", title="x", files=(), previews=(url,), page="http://127.0.0.1:1/models/7"
    )
    with pytest.raises(NetworkError, match=r"private network|only http and https"):
        fetch_preview(model, tmp_path / "m.safetensors", staging=tmp_path / "staging", settings=QUICK)


PICTURE = b"\x89PNG\r\n\x1a\n"
ENDLESS = {
    "without length": b"\r\n",
    "with a huge length": b"Content-Length: 900000000000000000\r\n\r\n",
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("head", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_preview_without_end_is_cut_off(head: bytes, tmp_path: Path) -> None:
    """A picture has a largest size, stated or not; nothing of a larger one is kept."""
    block = PICTURE + bytes(1 << 20)
    block = b"%x\r\n%s\r\n" % (len(block), block) if b"chunked" in head else block
    with dripping(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/png\r\n" + head, block) as url:
        model = RemoteModel(kind="x", reference="x", title="x", files=(), previews=(f"{url}/x.png",), page=url)
        with pytest.raises(ModelhubError) as caught:
            fetch_preview(model, tmp_path / "m.safetensors", staging=tmp_path / "staging", settings=QUICK)
    assert "more than 33.6 MB" in caught.value.message
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*") if path.is_file()) < 1 << 20


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_without_end_leaves_room_on_the_disk(
    is_chunked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is not known in advance, so the free space is looked at again and again; the useless part is removed."""
    monkeypatch.setattr(coordinator, "_SPACE_INTERVAL", 4 * PIECE)
    # A disk of 30 pieces beyond the room that is to stay free.
    taken = lambda: sum(path.stat().st_size for path in tmp_path.rglob("*.part"))  # noqa: E731
    monkeypatch.setattr(free_space, "free_bytes", lambda folder: (1 << 30) + (20 << 20) + 30 * PIECE - taken())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"\r\n"
    block = DATA[: 16 << 10]
    block = b"%x\r\n%s\r\n" % (len(block), block) if is_chunked else block
    with dripping(head, block) as url, pytest.raises(DiskFullError) as caught:
        download(remote(url), tmp_path, settings=QUICK)
    assert caught.value.remedy.text
    assert not list(tmp_path.rglob("*.part")) and published(tmp_path) == []


def test_a_longer_body_than_the_hub_states_is_cut_off(tmp_path: Path) -> None:
    """The hub's size is the limit where the server states none."""
    with (
        dripping(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", DATA) as url,
        pytest.raises(NetworkError, match="sent more than the stated"),
    ):
        download(remote(url, DATA), tmp_path, settings=QUICK)
    assert published(tmp_path) == []


@pytest.mark.parametrize("is_packed", [True, False])
def test_the_body_of_a_redirect_is_not_read_to_its_end(is_packed: bool, tmp_path: Path) -> None:
    """Nobody shows it, so it need not end; packed, it could fill the memory."""
    block = gzip.compress(bytes(8 << 20)) if is_packed else bytes(1 << 20)
    coding = b"Content-Encoding: gzip\r\n" if is_packed else b""
    with serving(DATA) as server:
        head = b"HTTP/1.1 302 Found\r\n%sLocation: %s/model.safetensors\r\n\r\n" % (coding, server.url.encode())
        with dripping(head, block) as url:
            begun = time.monotonic()
            assert download(remote(url, DATA), tmp_path, settings=QUICK).path.read_bytes() == DATA
            assert ApiClient(url).get("/x").status == 200
            assert time.monotonic() - begun < 20


def test_the_body_of_a_refusal_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Its message is in the first bytes."""
    head = b'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n{"message": "No entry'
    with dripping(head, b"!") as url:
        begun = time.monotonic()
        with pytest.raises(ModelhubError, match="403"):
            download(remote(url, DATA), tmp_path, settings=QUICK)
        assert time.monotonic() - begun < 15


LONG = "9" * 5000
NUMBERS = {
    "a superscript": {"Content-Length": "\xb2"},
    "a thousand digits": {"Content-Length": "9" * 5000},
    "a negative length": {"Content-Length": "-5"},
    "a hexadecimal length": {"Content-Length": "0x10"},
    "no number": {"Content-Length": "many"},
    "a pause in superscript": {"Retry-After": "\xb3"},
    "a pause of a thousand digits": {"Retry-After": "9" * 5000},
    "a date beyond dates": {"Retry-After": "Wed, 21 Oct 99999 07:28:10 GMT"},
}


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("headers", NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers_that_are_none_are_not_read(headers: dict[str, str], status: int, tmp_path: Path) -> None:
    """The download ends, well or with a clear error."""
    with serving(DATA) as server:
        server.always = Fault(status=status, body=DATA, headers=headers, whole=True)
        try:
            got = download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, retries=1))
        except ModelhubError as error:
            assert error.remedy.text
        else:
            assert got.path.read_bytes() == DATA


@pytest.mark.parametrize("text", [f"bytes 0-{LONG}/{LONG}", f"bytes 0-1/{LONG}", "bytes \xb2-\xb3/\xb9"])
def test_ranges_that_are_none_are_not_read(text: str, tmp_path: Path) -> None:
    """They are numbers of a thousand digits, or none at all."""
    with serving(DATA) as server:
        server.always = Fault(status=206, body=DATA, headers={"Content-Range": text})
        with pytest.raises(NetworkError):
            download(remote(server.url, DATA), tmp_path, settings=replace(QUICK, retries=1))


FLOODS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 900),
    "interim responses": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "a chunk's length": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 900),
    "something else": (b"", b"SSH-2.0-OpenSSH_9.7\r\n"),
}


@pytest.mark.parametrize(("start", "drip"), FLOODS.values(), ids=FLOODS.keys())
def test_floods_end_a_download(start: bytes, drip: bytes, tmp_path: Path) -> None:
    """Each is an error that names the address, not a download for ever."""
    settings = replace(QUICK, retries=1)
    with dripping(start, drip) as url:
        begun = time.monotonic()
        with pytest.raises(NetworkError) as caught:
            download(remote(url, DATA), tmp_path, settings=settings)
        assert time.monotonic() - begun < 20
    assert "127.0.0.1" in caught.value.message and caught.value.remedy.text
    if start != FLOODS["a chunk's length"][0]:
        assert "a header that is too large or malformed" in caught.value.message


def test_a_header_that_comes_byte_by_byte_is_a_stall(tmp_path: Path) -> None:
    """The header as a whole has the time of a stall; a byte now and then does not prolong it."""
    with (
        dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", pause=0.05) as url,
        pytest.raises(NetworkError, match="stopped sending"),
    ):
        download(remote(url, DATA), tmp_path, settings=replace(QUICK, retries=0))


def test_early_hints_are_skipped() -> None:
    """Interim responses come before the real one."""
    head = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3
    head += b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n12345"
    with dripping(head, b"") as url:
        assert probe(RemoteFile(name="x.bin", url=f"{url}/x.bin"), settings=QUICK).size == 5


def test_a_host_that_does_not_resolve_here_does_not_stop_a_redirect() -> None:
    """Behind a proxy, names may resolve only there."""
    redirects.ensure_allowed("http://a.invalid/x", "http://b.invalid/x", Network.PUBLIC)
