"""A catalog in a PostgreSQL database, through SQLAlchemy and psycopg."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelhub.catalog import database
from modelhub.catalog.database import CatalogError, Database, Run
from modelhub.errors import Remedy

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

# The key of the advisory lock that makes writers wait for each other, as SQLite's write lock does.
WRITE_LOCK = 0x6D6F64656C687562


class PostgresqlDatabase(Database):
    """A PostgreSQL database. One writer at a time; readers never wait."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    @property
    def name(self) -> str:
        """The address without the password."""
        from sqlalchemy.engine import make_url

        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=True)

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        from sqlalchemy import create_engine

        try:
            return create_engine(self.url)
        except ValueError as exc:  # such as a port that is not a number
            raise CatalogError("The address in the setting `catalog` is not valid.", _UNREACHABLE) from exc

    @cached_property
    def _reader(self) -> Connection:
        """A connection that never leaves a transaction open."""
        return self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _read(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return _execute(self._reader, sql, parameters)

    @contextmanager
    def _begin(self, *, durable: bool) -> Iterator[Run]:
        with self.engine.begin() as connection:

            def run(sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
                return _execute(connection, sql, parameters or {})

            if durable:
                run("SET LOCAL synchronous_commit = on")
            take_write_lock(connection)
            yield run

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn errors of psycopg and SQLAlchemy into CatalogError: unreachable, refused, locked, full …"""
        try:
            yield
        except ModuleNotFoundError as exc:
            if exc.name is None or not exc.name.startswith("psycopg"):
                raise
            raise CatalogError(
                "A PostgreSQL catalog needs the package psycopg, which is not installed.",
                Remedy("Install the extra `postgres`.", "install-postgres"),
            ) from exc
        except CatalogError:
            raise
        except Exception as exc:
            if not type(exc).__module__.startswith(("sqlalchemy", "psycopg")):
                raise
            raise self._error(exc) from exc

    def _error(self, exc: Exception) -> CatalogError:
        original = getattr(exc, "orig", None) or exc
        state = str(getattr(original, "sqlstate", None) or "")
        reason = " ".join(str(original).rpartition("FATAL:")[2].split()).rstrip(".")
        if not state:  # psycopg keeps no code of a connection that could not be made
            state = next((code for word, code in _REFUSALS if word in reason), "")
        name = _name_of(self)
        for prefix, message, remedy in _MEANINGS:
            if state and state.startswith(prefix):
                return CatalogError(message.format(name=name, reason=reason), remedy)
        if not state and type(original).__name__ == "OperationalError":
            return CatalogError(f"The catalog {name} cannot be reached: {reason}.", _UNREACHABLE)
        return CatalogError(f"The catalog {name} cannot be used: {reason}.", "Check the setting `catalog`.")

    def close(self) -> None:
        """Close the reading connection and SQLAlchemy's engine."""
        if "_reader" in self.__dict__:
            self._reader.close()
            del self.__dict__["_reader"]
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]


def take_write_lock(connection: Connection) -> None:
    """Wait until no other program writes to the catalog; the lock is kept until the transaction ends."""
    _execute(connection, f"SET LOCAL lock_timeout = {int(database.BUSY_SECONDS * 1000)}", {})
    _execute(connection, "SELECT pg_advisory_xact_lock(:key)", {"key": WRITE_LOCK})


def _execute(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    from sqlalchemy import text

    result = connection.execute(text(sql), dict(parameters))
    return [tuple(row) for row in result] if result.returns_rows else []


def _name_of(server: PostgresqlDatabase) -> str:
    from sqlalchemy.exc import ArgumentError

    try:
        return server.name
    except (ArgumentError, ValueError):  # the address itself is not valid, and may hold a password
        return "at a PostgreSQL address"


_UNREACHABLE = "Check that the server runs and that the setting `catalog` is right."
# Words of the server when it refuses a connection → the code that it means.
_REFUSALS = (('role "', "28000"), ("authentication", "28000"), ("pg_hba.conf", "28000"), ('database "', "3D000"))
# The beginning of PostgreSQL's error code → the sentence and the remedy.
_MEANINGS = (
    ("55P03", "The catalog {name} is in use by another modelhub process.", "Wait for it to finish and try again."),
    (
        "28",
        "The server refused the login to the catalog {name}: {reason}.",
        "Check the user and password in `catalog`.",
    ),
    ("3D000", "The database of the catalog {name} does not exist.", "Create it, or change the setting `catalog`."),
    ("42501", "The catalog {name} cannot be changed: {reason}.", "Give its user the rights to the database."),
    ("25006", "The catalog {name} is read-only.", "Use the primary server in the setting `catalog`."),
    ("53100", "The catalog {name} cannot grow: the server's disk is full.", "Free some space and try again."),
    ("53300", "The server of the catalog {name} has too many connections.", "Try again later."),
    ("57P", "The server of the catalog {name} is shutting down or starting.", "Try again later."),
    ("08", "The catalog {name} cannot be reached: {reason}.", _UNREACHABLE),
)
