"""Choose the database of a catalog by its path or address."""

from __future__ import annotations

import re
from pathlib import Path

from modelhub.catalog.database import CatalogError, Database
from modelhub.catalog.postgresql import PostgresqlDatabase
from modelhub.catalog.sqlite import SqliteDatabase


def open_database(location: str | Path) -> Database:
    """Return the database at a path of a SQLite file or at a database URL; nothing is opened or created yet.

    Raise CatalogError for another kind of database.
    """
    text = str(location)
    file = re.match(r"sqlite(?:\+\w+)?:///(.*)", text)
    if file is not None or "://" not in text:
        return SqliteDatabase(Path(file[1] if file else text))
    scheme, rest = text.split("://", 1)
    if scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise CatalogError(
            f"A catalog cannot be a `{scheme}` database.",
            "Set `catalog` to the path of a SQLite file or to a `postgresql://` address.",
        )
    return PostgresqlDatabase(f"postgresql+psycopg://{rest}")
