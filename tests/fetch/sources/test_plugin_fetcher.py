"""Sources of plug-ins that fail: each concerns itself alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelhub.config import load
from modelhub.config_keys import Key
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.fetch.fetcher import CommitLookup, HashLookup, RemoteModel
from modelhub.fetch.sources import registry
from modelhub.fetch.sources.plugin_fetcher import guarded
from modelhub.fetch.sources.source import SourceRow
from modelhub.plugins import Plugin, Plugins

MODEL = RemoteModel(kind="odd", reference="odd:x", title="x", files=())


class Odd:
    """A fetcher that does what it is made with."""

    kind = "odd"
    offline = False

    def __init__(self, act: Callable[[], Any]) -> None:
        self._act = act

    def claims(self, source: str) -> bool:
        return bool(self._act())

    def resolve(self, source: str, *, revision: str | None = None) -> Any:
        return self._act()

    def by_hashes(self, digests: Any) -> Any:
        return self._act()


def fail() -> Any:
    """Raise what no caller expects."""
    raise KeyError("x")


def test_a_source_that_fails_to_look_claims_nothing() -> None:
    """Another source may take the reference."""
    assert not guarded("odd", Odd(fail)).claims("odd:x")
    assert guarded("odd", Odd(lambda: True)).claims("odd:x")


@pytest.mark.parametrize("act", [fail, lambda: None, lambda: "text"])
def test_a_source_that_fails_is_named(act: Callable[[], Any]) -> None:
    """An error or an answer of a wrong type is an error of that source."""
    fetcher = guarded("odd", Odd(act))
    assert isinstance(fetcher, HashLookup)
    assert not isinstance(fetcher, CommitLookup)
    for ask in (lambda: fetcher.resolve("odd:x"), lambda: fetcher.by_hashes(["00"])):
        with pytest.raises(ModelhubError, match="The source `odd`, a plug-in, failed: "):
            ask()


def test_good_answers_and_errors_of_our_own_pass() -> None:
    """The guard changes neither."""
    assert guarded("odd", Odd(lambda: MODEL)).resolve("odd:x") is MODEL

    def absent() -> Any:
        raise NotFoundError("There is no x.")

    with pytest.raises(NotFoundError, match="no x"):
        guarded("odd", Odd(absent)).resolve("odd:x")


def test_plugins_are_guarded_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetchers and the parser of references; the built-in ones are asked as before."""

    def parse(text: str) -> Any:
        return fail()

    row = SourceRow(kind="odd", name="Odd", make=lambda settings, section: Odd(fail), parse=parse)
    found = Plugins(loaded=(Plugin(name="odd", distribution="odd", row=row),))
    monkeypatch.setattr(registry, "plugins", lambda: found)
    made = registry.fetchers(load(environ={"MODELHUB_CONFIG": "none.toml"}))
    assert [fetcher.kind for fetcher in made if fetcher.claims("https://files.example/a.safetensors")] == ["url"]
    assert registry.parse_reference("odd", "odd:x") is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "Two words"}, "not a word"),
        ({"kind": None}, "not a word"),
        ({"name": None}, "not texts"),
        ({"examples": "odd:NAME"}, "not texts"),
        ({"keys": (Key("odd.x", "nokind", "", ""),)}, "unknown kind"),
        ({"keys": (Key("other.x", "text", "", ""),)}, "not in the section"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(changes: dict[str, Any], reason: str) -> None:
    """The reason is a sentence for `doctor`."""
    row = SourceRow(**{"kind": "odd", "name": "Odd", "make": lambda settings, section: Odd(fail)} | changes)
    assert reason in registry._check(row)
