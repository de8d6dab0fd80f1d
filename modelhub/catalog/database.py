"""One database: SQLite through its own driver, which starts at once; any other through SQLAlchemy.

The SQL is the same for both, with `:name` parameters; the schema is SQLAlchemy's and alembic's (`tables`, `schema`).
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.errors import Exit, ModelhubError

if TYPE_CHECKING:
    from sqlalchemy import Engine

Run = Callable[..., list[tuple[Any, ...]]]

BUSY_SECONDS = 10.0
_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")


class CatalogError(ModelhubError):
    """The catalog's database cannot be used as it is; it was left untouched."""


class Database:
    """A path of a SQLite file, or an SQLAlchemy URL of any other database. Use one per thread."""

    def __init__(self, location: str | Path) -> None:
        text = str(location)
        match = re.match(r"sqlite(?:\+\w+)?:///(.*)", text)
        self.path: Path | None = Path(match[1]) if match else None if "://" in text else Path(text)
        self.url = f"sqlite:///{self.path}" if self.path is not None else text

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.path is not None

    @cached_property
    def _driver(self) -> sqlite3.Connection:
        assert self.path is not None
        with translated(self):
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            _prepare(connection)
            return connection

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, made when the first write needs it."""
        from sqlalchemy import create_engine, event

        if not self.is_sqlite:
            return create_engine(self.url)
        engine = create_engine(self.url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", lambda connection, _: _prepare(connection))
        return engine

    def read(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of a query with `:name` parameters."""
        with translated(self):
            if self.is_sqlite:
                return self._driver.execute(sql, parameters or {}).fetchall()
            from sqlalchemy import text

            with self.engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(sql), dict(parameters or {}))]

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Run]:
        """One transaction; yields a function that runs a statement with `:name` parameters and answers with its rows.

        `durable` makes the commit reach the disk before it returns, also when the power fails.
        """
        with translated(self):
            if not self.is_sqlite:
                yield from self._transaction_elsewhere()
                return
            driver = self._driver
            if driver.in_transaction:  # inside of `batch`: its commit is everybody's
                yield lambda sql, parameters=None: driver.execute(sql, parameters or {}).fetchall()
                return
            driver.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            driver.execute(
                "BEGIN IMMEDIATE"
            )  # the write lock at once: upgrading a read lock could fail at any statement
            try:
                yield lambda sql, parameters=None: driver.execute(sql, parameters or {}).fetchall()
                driver.execute("COMMIT")
            except BaseException:
                _roll_back(driver)
                raise

    @contextmanager
    def batch(self, *, durable: bool = False) -> Iterator[None]:
        """Several writes in one transaction; keep it short, for nobody else can write meanwhile."""
        if not self.is_sqlite:
            yield
            return
        with self.transaction(durable=durable):
            yield

    def _transaction_elsewhere(self) -> Iterator[Run]:
        from sqlalchemy import text

        with self.engine.begin() as connection:

            def run(sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
                result = connection.execute(text(sql), dict(parameters or {}))
                return [tuple(row) for row in result] if result.returns_rows else []

            yield run

    def close(self) -> None:
        """Close both ways in."""
        if "_driver" in self.__dict__:
            self._driver.close()
            del self.__dict__["_driver"]
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]


def _roll_back(driver: sqlite3.Connection) -> None:
    """SQLite has rolled back by itself after some errors (a full disk)."""
    if driver.in_transaction:
        driver.execute("ROLLBACK")


def _prepare(connection: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in _PRAGMAS:
        _patiently(connection, pragma)


def _patiently(connection: Any, statement: str) -> None:
    """Run a statement whose lock SQLite does not wait for by itself, as the change to WAL mode."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def translated(database: Database) -> Iterator[None]:
    """Errors of the driver and of SQLAlchemy as ours: locked, corrupt, read-only, not a database, full."""
    try:
        yield
    except sqlite3.Error as exc:
        raise _error(exc, database) from exc
    except ModelhubError:
        raise
    except Exception as exc:
        original = getattr(exc, "orig", None)
        if isinstance(original, sqlite3.Error):
            raise _error(original, database) from exc
        if type(exc).__module__.startswith("sqlalchemy"):
            raise CatalogError(f"The catalog's database does not work: {exc}", "Check the setting `catalog`.") from exc
        raise


_HINT_CORRUPT = "It was left as it is. Backups lie beside it (*.backup-*); move it away and copy one back in its place."
# Words in SQLite's message → what it means and what to do.
_MEANINGS = (
    ("locked", "is in use by another modelhub", "Wait for it to finish and try again."),
    ("malformed", "is damaged", _HINT_CORRUPT),
    ("not a database", "is not a catalog", _HINT_CORRUPT),
    ("disk image", "is damaged", _HINT_CORRUPT),
    ("readonly", "cannot be written to", "Check the permissions of the file and its folder."),
    ("unable to open", "cannot be opened", "Check that its folder exists and may be read and written."),
    ("full", "cannot grow: the disk is full", "Free some space and try again."),
)


def _error(exc: sqlite3.Error, database: Database) -> ModelhubError:
    text = str(exc)
    for word, meaning, hint in _MEANINGS:
        if word in text:
            return CatalogError(f"The catalog {database.path} {meaning} ({text}).", hint, code=Exit.FAILED)
    return CatalogError(f"The catalog {database.path} does not work: {text}.", "Run `modelhub doctor`.")
