"""The database file: made, upgraded after a backup, refused untouched when it is not ours to use."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from modelhub.catalog import Catalog, ModelQuery, schema
from modelhub.catalog.connect import open_database
from modelhub.catalog.database import CatalogError
from modelhub.catalog.tables import metadata
from modelhub.errors import NotFoundError
from tests.catalog.entries import entry

ROOT = Path(__file__).resolve().parents[2]


def content(path: Path) -> bytes:
    """Return the file's bytes."""
    return path.read_bytes()


def test_a_new_catalog_has_the_newest_schema_in_wal_mode(tmp_path: Path) -> None:
    """Made on first use, folders too."""
    place = tmp_path / "新しい" / "catalog.sqlite3"
    with Catalog.open(place) as catalog:
        assert catalog.check() == []
        assert catalog.counts().models == 0
    connection = sqlite3.connect(place)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (schema.HEAD,)
    connection.close()


def test_migrations_and_tables_say_the_same(tmp_path: Path) -> None:
    """What alembic makes is what the tables describe (`alembic check`)."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    place = tmp_path / "catalog.sqlite3"
    Catalog.open(place).close()
    with create_engine(f"sqlite:///{place}").connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda o, name, kind, r, c: not (name or "").startswith("model_search")},
        )
        assert compare_metadata(context, metadata) == []


def test_the_schema_is_also_postgresql(tmp_path: Path) -> None:
    """Every table and index compiles for PostgreSQL, from the tables and from the migrations."""
    dialect = postgresql.dialect()
    text = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    indexes = [str(CreateIndex(i).compile(dialect=dialect)) for t in metadata.sorted_tables for i in t.indexes]
    assert "BIGSERIAL" in text
    assert len(indexes) > 10
    script = (
        "from alembic.config import Config; from alembic import command; import sys;"
        "c = Config(); c.set_main_option('script_location', sys.argv[1]);"
        "c.attributes['dialect'] = 'postgresql'; command.upgrade(c, 'head', sql=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "migrations")], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE model" in done.stdout
    assert "fts5" not in done.stdout


def test_an_older_database_is_upgraded_after_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy of the old file is there before anything is changed."""
    place = tmp_path / "catalog.sqlite3"
    with Catalog.open(place) as catalog:
        catalog.record(entry(tmp_path, 1))
    ran: list[str] = []
    monkeypatch.setattr(schema, "HEAD", "next")
    monkeypatch.setattr(schema, "_KNOWN", schema._KNOWN | {"next"})
    monkeypatch.setattr(schema, "upgrade", lambda database: ran.append("upgraded"))
    schema.ensure(open_database(place))
    (copy,) = tmp_path.glob("catalog.sqlite3.backup-*")
    assert ran == ["upgraded"]
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM model").fetchone() == (1,)


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    """A catalog of a later version must not be changed by an earlier one."""
    place = tmp_path / "catalog.sqlite3"
    Catalog.open(place).close()
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = content(place)
    with pytest.raises(CatalogError, match="newer modelhub"):
        Catalog.open(place)
    assert content(place) == before


@pytest.mark.parametrize(
    "garbage", [b"this is no database at all, but some text" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_rubbish_is_refused_untouched(tmp_path: Path, garbage: bytes) -> None:
    """Not a database, or a damaged one: a sentence, a hint, and the bytes as they were."""
    place = tmp_path / "catalog.sqlite3"
    place.write_bytes(garbage)
    with pytest.raises(CatalogError) as caught:
        Catalog.open(place)
    assert str(place) in caught.value.message
    assert caught.value.remedy.text
    assert content(place) == garbage


def test_the_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    """A file full of somebody's tables is not ours to extend."""
    place = tmp_path / "photos.sqlite3"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE photo (id INTEGER)")
    connection.close()
    before = content(place)
    with pytest.raises(CatalogError, match="another program"):
        Catalog.open(place)
    assert content(place) == before


@pytest.mark.parametrize("name", ["what?", "100%41", "a#b", "file:x", ":memory:"])
def test_a_path_is_taken_as_it_is(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs that have a meaning in a database's address have none in a path."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    for location in (tmp_path / name / "catalog.sqlite3", ":memory:"):
        Catalog.open(location).close()
        Catalog.open(location, create=False).close()
    found = {re.sub("-(wal|shm)$", "", path.name) for path in (tmp_path / name).iterdir()}
    assert found == {"catalog.sqlite3", ":memory:"}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_relative_catalog_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the working folder, before the first read, does not move it."""
    monkeypatch.chdir(tmp_path)
    Catalog.open("catalog.sqlite3").close()
    with Catalog.open("catalog.sqlite3") as catalog:
        monkeypatch.chdir("/")
        assert catalog.list(ModelQuery()) == []


def test_a_library_in_a_file_is_refused(tmp_path: Path) -> None:
    """What is in the way is named."""
    (tmp_path / "library").touch()
    with pytest.raises(CatalogError, match="a file is in its place"):
        Catalog.open(tmp_path / "library" / "catalog.sqlite3")


def test_a_folder_is_no_catalog(tmp_path: Path) -> None:
    """The setting points at the wrong thing, and is told so."""
    with pytest.raises(CatalogError, match="is a folder"):
        Catalog.open(tmp_path)


def test_asking_for_an_existing_catalog_makes_none(tmp_path: Path) -> None:
    """`create=False` never leaves a file behind."""
    with pytest.raises(NotFoundError):
        Catalog.open(tmp_path / "none.sqlite3", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_locked_catalog_says_who_to_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the busy timeout: in use, try again; nothing was written."""
    from modelhub.catalog import database

    place = tmp_path / "catalog.sqlite3"
    Catalog.open(place).close()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    holder = sqlite3.connect(place, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Catalog.open(place) as catalog:
        assert catalog.list(ModelQuery()) == []
        with pytest.raises(CatalogError, match="in use"):
            catalog.ensure_root(tmp_path)
    holder.execute("ROLLBACK")
    holder.close()


@pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="permissions do not bind here"
)
def test_a_read_only_catalog_says_so(tmp_path: Path) -> None:
    """No permission: a sentence that names the file."""
    place = tmp_path / "catalog.sqlite3"
    Catalog.open(place).close()
    place.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CatalogError), Catalog.open(place) as catalog:
            catalog.ensure_root(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_reading_imports_neither_sqlalchemy_nor_alembic(tmp_path: Path) -> None:
    """`modelhub list` on an existing catalog starts at once."""
    place = tmp_path / "catalog.sqlite3"
    with Catalog.open(place) as catalog:
        catalog.record(entry(tmp_path, 1))
    code = (
        "import sys; from modelhub.catalog import Catalog, ModelQuery\n"
        "with Catalog.open(sys.argv[1]) as c: print(len(c.list(ModelQuery())))\n"
        "print([m for m in ('sqlalchemy', 'alembic', 'numpy', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]


def test_a_killed_writer_loses_at_most_its_last_batch(tmp_path: Path) -> None:
    """SIGKILL in the middle of recording: the catalog is sound and holds whole batches."""
    place = tmp_path / "catalog.sqlite3"
    code = (
        "import sys; from pathlib import Path; from modelhub.catalog import Catalog\n"
        "from tests.catalog.entries import entry\n"
        "with Catalog.open(sys.argv[1]) as c:\n"
        "    c.ensure_root(Path(sys.argv[2]))\n"
        "    for n, _ in enumerate(c.record_many((entry(Path(sys.argv[2]), i) for i in range(100000)), batch=50)):\n"
        "        if n == 400: print('ready', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place), str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    with Catalog.open(place) as catalog:
        assert catalog.check() == []
        count = catalog.counts().models
        assert count >= 400
        assert count % 50 == 0


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Both finish, and nothing is lost."""
    place = tmp_path / "catalog.sqlite3"
    Catalog.open(place).close()
    code = (
        "import sys; from pathlib import Path; from modelhub.catalog import Catalog\n"
        "from tests.catalog.entries import entry\n"
        "with Catalog.open(sys.argv[1]) as c:\n"
        "    for i in range(int(sys.argv[3]), int(sys.argv[3]) + 100): c.record(entry(Path(sys.argv[2]), i))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(place), str(tmp_path), start], cwd=ROOT)
        for start in ("0", "100")
    ]
    assert [process.wait() for process in running] == [0, 0]
    with Catalog.open(place) as catalog:
        assert catalog.counts().models == 200
        assert catalog.check() == []


def test_a_backup_is_a_whole_catalog(tmp_path: Path) -> None:
    """Taken while the original is open."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        catalog.record(entry(tmp_path, 1))
        copy = catalog.backup(tmp_path / "copy.sqlite3")
    with Catalog.open(copy) as again:
        assert again.counts().models == 1
