"""Models at plain addresses."""

from __future__ import annotations

import pytest

from modelhub.errors import NetworkError, NotFoundError, UsageError
from modelhub.fetch.sources.url_fetcher import PlainHttp
from modelhub.testing.hubs.faulty import Fault, serving
from tests.fetch.transfer.transfers import QUICK, content

DATA = content()
SOURCE = PlainHttp(settings=QUICK)


@pytest.mark.parametrize(
    ("source", "claimed"),
    [
        ("https://a.example/x.safetensors", True),
        ("HTTP://127.0.0.1:8000/x", True),
        ("http://hub.example:8081/a/b", True),
        ("ftp://a.example/x", False),
        ("org/name", False),
        ("https://[broken/x", False),
        ("https://", False),
    ],
)
def test_plain_addresses_are_claimed(source: str, claimed: bool) -> None:
    """Every http and https address is claimed, and nothing else."""
    assert SOURCE.claims(source) is claimed


def test_one_address_is_a_model_of_one_file() -> None:
    """Name and size come from the server; secrets of the address do not reach the reference."""
    with serving(DATA) as server:
        found = SOURCE.resolve(f"{server.url}/dl/my%20model.safetensors?token=abc")
    assert found.reference == f"{server.url}/dl/my%20model.safetensors"
    assert [(file.name, file.size) for file in found.files] == [("my model.safetensors", len(DATA))]
    assert found.files[0].url.endswith("?token=abc")
    assert (found.title, found.kind, found.wanted) == ("my model", "url", "my model.safetensors")


def test_what_is_not_there_is_said() -> None:
    """A 404 is its own error."""
    with serving(DATA) as server:
        server.always = Fault(status=404)
        with pytest.raises(NotFoundError, match=r"x\.ckpt"):
            SOURCE.resolve(f"{server.url}/x.ckpt")


def test_a_revision_makes_no_sense() -> None:
    """A plain address has none."""
    with pytest.raises(UsageError, match="revision"):
        SOURCE.resolve("https://a.example/x", revision="main")


def test_offline_asks_nobody() -> None:
    """No connection is opened."""
    with serving(DATA) as server:
        with pytest.raises(NetworkError, match="Offline"):
            PlainHttp(offline=True).resolve(f"{server.url}/x")
        assert server.requests == []
