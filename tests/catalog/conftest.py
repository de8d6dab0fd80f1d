"""The databases that the tests of the catalog run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog
from tests.postgresql import PostgresqlServer


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of a catalog: a SQLite file that does not exist yet, or a PostgreSQL database of its own."""
    if request.param == "sqlite":
        return str(tmp_path / "catalog.sqlite3")
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def catalog(location: str, tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog with one root, on each kind of database."""
    with Catalog.open(location) as opened:
        opened.ensure_root(tmp_path / "models", "models")
        yield opened
