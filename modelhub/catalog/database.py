"""One database: a SQLite file through its own driver, which starts at once, or PostgreSQL through SQLAlchemy.

The SQL is the same for both, with `:name` parameters; the schema is SQLAlchemy's and alembic's (`tables`, `schema`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.errors import ModelhubError

if TYPE_CHECKING:
    from sqlalchemy import Engine

Run = Callable[..., list[tuple[Any, ...]]]

# Seconds to wait for another writer.
BUSY_SECONDS = 10.0


class CatalogError(ModelhubError):
    """A database that cannot be used as it is; it was left untouched."""


class Database(ABC):
    """A database of a catalog. Use one per thread."""

    path: Path | None = None

    def __init__(self) -> None:
        self._open: Run | None = None
        self._depth = 0

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.path is not None

    @property
    def name(self) -> str:
        """The path or the address, without the password, for messages."""
        return str(self.path)

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """SQLAlchemy's engine, which alembic upgrades with."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """Return a context that turns the driver's errors into CatalogError: locked, damaged, read-only, full …"""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def _read(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query outside of a transaction."""

    @abstractmethod
    def _begin(self, *, durable: bool) -> AbstractContextManager[Run]:
        """Open a transaction that no other writer is in; commit it at the end, roll it back on an error."""

    def read(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query with `:name` parameters; inside a transaction it sees what that has written."""
        with self.translated():
            if self._open is not None:
                return self._open(sql, parameters)
            return self._read(sql, parameters or {})

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Run]:
        """Open a transaction and yield a function that runs a statement with `:name` parameters and returns its rows.

        Inside another transaction this is a part of it, and only this part is undone when it fails. `durable` makes
        the commit reach the disk before it returns, also when the power fails; the outermost transaction decides.
        """
        with self.translated():
            if self._open is not None:
                with self._part(self._open):
                    yield self._open
                return
            with self._begin(durable=durable) as run:
                self._open = run
                try:
                    yield run
                finally:
                    self._open = None

    @contextmanager
    def batch(self, *, durable: bool = False) -> Iterator[None]:
        """Put several writes into one transaction; keep it short, because no other program can write meanwhile."""
        with self.transaction(durable=durable):
            yield

    @contextmanager
    def _part(self, run: Run) -> Iterator[None]:
        self._depth += 1
        name = f"part_{self._depth}"
        run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            with suppress(Exception):  # a full disk or a lost connection has ended the transaction already
                run(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1
        run(f"RELEASE SAVEPOINT {name}")
