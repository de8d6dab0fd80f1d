"""Bringing a database to the schema of this version. alembic is imported only when there is something to do."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from modelhub.catalog.database import CatalogError, Database, translated

HEAD = "0003"
_KNOWN = frozenset(("0001", "0002", "0003"))


def migrations_folder() -> Path:
    """The alembic scripts: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def ensure(database: Database) -> None:
    """Create or upgrade; a copy of the old database is kept first. Raises CatalogError, the database untouched."""
    if database.path is not None:
        if database.path.is_dir():
            raise CatalogError(f"The catalog {database.path} is a folder.", "Check the setting `catalog`.")
        database.path.parent.mkdir(parents=True, exist_ok=True)
    version = _version(database)
    if version == HEAD:
        return
    if version is not None and version not in _KNOWN:
        raise CatalogError(
            f"The catalog {database.path or ''} was made by a newer modelhub (schema {version}; known here: {HEAD}).",
            "Install the newer version; the catalog was left as it is.",
        )
    if version is not None:
        backup(database, _backup_path(database))
    upgrade(database)


def _version(database: Database) -> str | None:
    """The schema's revision; None for a new database. An unrelated database is refused."""
    if database.path is not None:
        if not database.path.exists() or database.path.stat().st_size == 0:
            return None
        rows = _versions_of_file(database)
    else:
        from sqlalchemy import inspect, text

        with translated(database):
            if not inspect(database.engine).has_table("alembic_version"):
                return None
            with database.engine.connect() as connection:
                rows = [row[0] for row in connection.execute(text("SELECT version_num FROM alembic_version"))]
    return rows[0] if rows else None


def _versions_of_file(database: Database) -> list[str]:
    """Read through a connection of its own that changes nothing, not even the journal mode."""
    assert database.path is not None
    with translated(database):
        uri = f"{database.path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=10.0)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" in tables:
                return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
        finally:
            connection.close()
    if tables:
        raise CatalogError(
            f"{database.path} is a database of another program; it was left untouched.", "Check the setting `catalog`."
        )
    return []


def upgrade(database: Database, revision: str = "head") -> None:
    """Run alembic's upgrade in one transaction."""
    import logging

    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    with translated(database), database.engine.connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two programs may find the same old catalog at once
        config.attributes["connection"] = connection
        command.upgrade(config, revision)  # does nothing when the other one was quicker
        connection.commit()


def backup(database: Database, target: Path) -> Path:
    """A consistent copy of a SQLite catalog, also while others use it."""
    if database.path is None:
        raise CatalogError("Only a SQLite catalog can be copied; use your database's own backup.")
    with translated(database):
        source, copy = sqlite3.connect(database.path), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            source.close()
            copy.close()
    return target


def _backup_path(database: Database) -> Path:
    assert database.path is not None
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return database.path.with_name(f"{database.path.name}.backup-{stamp}")
