"""Writing through to the disk beside a transfer."""

from __future__ import annotations

import threading

import pytest

from modelhub.errors import ModelhubError
from modelhub.fetch.flushing import Flusher
from modelhub.fetch.retry import StoppedError


def test_writers_wait_until_the_disk_has_caught_up() -> None:
    """Who is too far ahead goes on only after a write-through."""
    go, synced = threading.Event(), threading.Event()

    def sync() -> None:
        go.wait(5)
        synced.set()

    flusher = Flusher(sync)
    flusher.wrote(10)
    threading.Timer(0.05, go.set).start()
    flusher.wait(5, lambda: None)
    assert synced.is_set()
    assert flusher.close()


def test_who_is_called_off_does_not_wait_for_the_disk() -> None:
    """The stop sign counts more than a slow disk."""
    go = threading.Event()
    flusher = Flusher(lambda: bool(go.wait(5)) and None)
    flusher.wrote(10)

    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        flusher.wait(5, stop)
    go.set()
    assert flusher.close()


def test_a_failing_disk_reaches_the_writers() -> None:
    """A delayed write may fail long after the write itself went well."""

    def fail() -> None:
        raise ModelhubError("the disk is full", "Free some space.")

    flusher = Flusher(fail)
    flusher.wrote(10)
    with pytest.raises(ModelhubError, match="disk is full"):
        flusher.wait(0, lambda: None)
    assert flusher.close()
