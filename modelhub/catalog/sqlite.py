"""A catalog in a SQLite file, through Python's own driver."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.catalog import database
from modelhub.catalog.database import CatalogError, Database, Run

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")


class SqliteDatabase(Database):
    """A SQLite file. The driver reads and writes; SQLAlchemy's engine is only for upgrades."""

    path: Path

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path.absolute()  # also after a change of the working folder, and never SQLite's ":memory:"

    @cached_property
    def _driver(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=database.BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _prepare(connection)
        return connection

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, which alembic upgrades with."""
        from sqlalchemy import URL, create_engine, event

        options = {"timeout": database.BUSY_SECONDS, "check_same_thread": False}
        # Not parsed from text, in which `?` and `%` of a path would have a meaning of their own.
        engine = create_engine(URL.create("sqlite", database=str(self.path)), connect_args=options)
        event.listen(engine, "connect", lambda connection, _: _prepare(connection))
        return engine

    def _read(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._driver.execute(sql, parameters).fetchall()

    @contextmanager
    def _begin(self, *, durable: bool) -> Iterator[Run]:
        driver = self._driver
        driver.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        driver.execute("BEGIN IMMEDIATE")  # the write lock at once: upgrading a read lock could fail at any statement
        try:
            yield lambda sql, parameters=None: driver.execute(sql, parameters or {}).fetchall()
            driver.execute("COMMIT")
        except BaseException:
            if driver.in_transaction:  # SQLite rolls back by itself after some errors, such as a full disk
                driver.execute("ROLLBACK")
            raise

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the driver's errors into CatalogError: locked, damaged, read-only, not a database, full."""
        try:
            yield
        except sqlite3.Error as exc:
            raise _error(exc, self.path) from exc
        except Exception as exc:
            original = getattr(exc, "orig", None)
            if isinstance(original, sqlite3.Error):
                raise _error(original, self.path) from exc
            raise

    def close(self) -> None:
        """Close the driver's connection and SQLAlchemy's engine."""
        if "_driver" in self.__dict__:
            self._driver.close()
            del self.__dict__["_driver"]
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]


def _prepare(connection: Any) -> None:
    connection.isolation_level = None  # transactions are begun explicitly
    for pragma in _PRAGMAS:
        _execute_patiently(connection, pragma)


def _execute_patiently(connection: Any, statement: str) -> None:
    """Run a statement whose lock SQLite does not wait for by itself, such as the change to WAL mode."""
    deadline = time.monotonic() + database.BUSY_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


_RESTORE = (
    "It was left as it is. If there is a backup beside it (*.backup-*), move it away and copy the backup in its place."
)
# A word in SQLite's message → the sentence and the remedy.
_MEANINGS = (
    ("locked", "The catalog {path} is in use by another modelhub process.", "Wait for it to finish and try again."),
    ("malformed", "The catalog {path} is damaged ({text}).", _RESTORE),
    ("not a database", "The file {path} is not a catalog ({text}).", _RESTORE),
    ("disk image", "The catalog {path} is damaged ({text}).", _RESTORE),
    ("readonly", "The catalog {path} is read-only.", "Check the permissions of the file and its folder."),
    (
        "unable to open",
        "The catalog {path} cannot be opened.",
        "Check that its folder exists and that you may read and write there.",
    ),
    ("full", "The catalog {path} cannot grow: the disk is full.", "Free some space and try again."),
)


def _error(exc: sqlite3.Error, path: Path) -> CatalogError:
    text = str(exc)
    for word, message, remedy in _MEANINGS:
        if word in text:
            return CatalogError(message.format(path=path, text=text), remedy)
    return CatalogError(f"The catalog {path} cannot be used: {text}.", _RESTORE)
