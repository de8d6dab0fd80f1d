"""Create and upgrade the schema of a database. alembic is imported only when there is something to do."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from modelhub.catalog.database import CatalogError, Database
from modelhub.errors import NotFoundError, Remedy

HEAD = "0004"
_KNOWN = frozenset(("0001", "0002", "0003", "0004"))
_CHECK_SETTING = "Check the setting `catalog`."
_CHOOSE_FOLDER = Remedy("Choose another folder for the library.", "choose-library")


def migrations_folder() -> Path:
    """Return the folder of the alembic scripts: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def ensure(database: Database, *, create: bool = True) -> None:
    """Create the schema, or upgrade it; a copy of an older SQLite file is kept first.

    Raise NotFoundError when there is no catalog and `create` is false, and CatalogError, with the database untouched,
    when it is a folder, of a newer version or of another program.
    """
    if database.path is not None:
        if database.path.is_dir():
            raise CatalogError(f"The catalog {database.path} is a folder.", _CHECK_SETTING)
        if create:
            _make_folder(database.path.parent)
    version = _version(database)
    if version == HEAD:
        return
    if version is None and not create:
        raise NotFoundError(
            f"There is no catalog at {database.name}.",
            Remedy("Add a folder of models to create one.", "add-folder"),
        )
    if version is not None and version not in _KNOWN:
        raise CatalogError(
            f"The catalog {database.name} was made by a newer modelhub (schema {version}; known here: {HEAD}).",
            "Install the newer version; the catalog was left as it is.",
        )
    if version is not None and database.path is not None:
        backup(database, _backup_path(database.path))
    upgrade(database)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        reason = "a file is in its place" if isinstance(exc, FileExistsError | NotADirectoryError) else exc.strerror
        raise CatalogError(f"The folder {folder} of the catalog cannot be made: {reason}.", _CHOOSE_FOLDER) from exc


def _version(database: Database) -> str | None:
    """Return the schema's revision, None for a new database. Raise CatalogError for one of another program."""
    if database.path is not None:
        if not database.path.exists() or database.path.stat().st_size == 0:
            return None
        tables, rows = _tables_of_file(database)
    else:
        tables, rows = _tables_of_server(database)
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise CatalogError(f"{database.name} is a database of another program; it was left untouched.", _CHECK_SETTING)
    return rows[0] if rows else None


def _tables_of_file(database: Database) -> tuple[set[str], list[str]]:
    """Return the tables and revisions, read through a connection that changes nothing, not even the journal mode."""
    assert database.path is not None
    with database.translated():
        uri = f"{database.path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=10.0)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            rows = connection.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else ()
            return tables, [row[0] for row in rows]
        finally:
            connection.close()


def _tables_of_server(database: Database) -> tuple[set[str], list[str]]:
    """Return the tables and revisions of a server's database; only of the schema that new tables would be in."""
    found = database.read("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
    tables = {row[0] for row in found}
    rows = database.read("SELECT version_num FROM alembic_version") if "alembic_version" in tables else []
    return tables, [row[0] for row in rows]


def upgrade(database: Database, revision: str = "head") -> None:
    """Run alembic's upgrade in one transaction."""
    import logging

    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    with database.translated(), database.engine.connect() as connection:
        # Two programs may find the same old catalog at once: the second waits, and then has nothing to do.
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            from modelhub.catalog.postgresql import take_write_lock

            take_write_lock(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def backup(database: Database, target: Path) -> Path:
    """Copy a SQLite catalog consistently, also while others use it, and return `target`."""
    if database.path is None:
        raise CatalogError("Only a SQLite catalog can be copied.", "Use the backup of your database server.")
    with database.translated():
        source, copy = sqlite3.connect(database.path), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            source.close()
            copy.close()
    return target


def _backup_path(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return path.with_name(f"{path.name}.backup-{stamp}")
