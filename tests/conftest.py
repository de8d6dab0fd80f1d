"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import PostgresqlServer, programs_folder

# Tests run side by side, a process for each core: threads of their own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Whatever the language of the machine is; tests of other languages choose their own.
os.environ["MODELHUB_LANGUAGE"] = "en"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material beside the repository: labelled layouts and pickle corpora."""
    folder = ROOT.parent / "shared"
    if not (folder / "headers").is_dir():
        pytest.skip("the shared material (labelled layouts, pickle corpora) is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A real PostgreSQL server for the whole session; skipped where none is installed."""
    server = PostgresqlServer(programs_folder())
    try:
        server.start()
        yield server
    finally:
        server.stop()
