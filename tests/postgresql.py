"""A real PostgreSQL server for tests: on loopback, in a folder of its own, ended with the test session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import pytest

_USER = "modelhub"
_SECONDS = 60.0
# Fast rather than safe: the data are gone after the session anyway.
_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "unix_socket_directories=")


# Ends the server when standard input closes: when it is stopped, and also when the tests are killed.
_WATCH = '"$@" & server=$!; read -r _; kill -INT $server; wait $server; rm -rf "$0"'


class PostgresqlServer:
    """A running server. `new_database` makes a database for one test."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._numbers = count(1)
        self._template: str | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="modelhub-postgresql-"))
        # The server refuses to run as root.
        self._prefix = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        if self._prefix:
            shutil.chown(self._folder, "postgres")
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Create the data folder and start the server. Raise CalledProcessError or TimeoutError."""
        data = str(self._folder / "data")
        # The rules of a language for sorting, so that a comparison that depends on them is found out.
        options = ("-U", _USER, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        language = ("--locale-provider=icu", "--icu-locale=en-US")
        self._run("initdb", "-D", data, *options, *language)
        settings = [part for setting in (*_SETTINGS, f"port={self.port}") for part in ("-c", setting)]
        server = (str(self._programs / "postgres"), "-D", data, "-h", "127.0.0.1", *settings)
        command = (*self._prefix, "sh", "-c", _WATCH, data, *server)
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self._folder)
        self._wait()

    def _run(self, program: str, *arguments: str) -> None:
        command = (*self._prefix, str(self._programs / program), *arguments)
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as exc:
                if time.monotonic() > deadline:
                    raise TimeoutError((self._folder / "log").read_text()) from exc
                time.sleep(0.1)

    def url(self, database: str, *, user: str = _USER) -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run a statement in the maintenance database."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, *, empty: bool = False) -> str:
        """Return the address of a new database, with a catalog's schema unless it is to be `empty`."""
        name = f"test_{next(self._numbers)}"
        if empty:
            self.execute(f"CREATE DATABASE {name}")
            return self.url(name)
        if self._template is None:
            from modelhub.catalog import Catalog

            self._template = self.new_database(empty=True).rpartition("/")[2]
            Catalog.open(self.url(self._template)).close()
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self.url(name)

    def stop(self) -> None:
        """Stop the server and delete its folder."""
        if self._process is not None:
            try:
                self._process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def programs_folder() -> Path:
    """Return the folder of the server's programs. Skips the test, with the reason, when it cannot run here."""
    if not hasattr(os, "geteuid"):
        pytest.skip("the PostgreSQL server for tests is started only on Unix")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (str(debian[-1]) if debian else None)
    if found is None:
        pytest.skip("no PostgreSQL server is installed (Debian package postgresql)")
    if os.geteuid() == 0 and (shutil.which("runuser") is None or not _has_user("postgres")):
        pytest.skip("the PostgreSQL server does not run as root, and there is no user postgres to run it")
    return Path(found).parent


def _has_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())
