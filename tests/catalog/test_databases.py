"""What both kinds of database promise: transactions, concurrent writers, upgrades, errors in plain words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery, NewStep, schema
from modelhub.catalog.connect import open_database
from modelhub.catalog.database import CatalogError
from modelhub.errors import NotFoundError
from tests.catalog.entries import entry
from tests.postgresql import PostgresqlServer

ROOT = Path(__file__).resolve().parents[2]


def test_an_error_in_a_batch_undoes_what_came_before_it(catalog: Catalog, tmp_path: Path) -> None:
    """A batch is all or nothing."""
    with pytest.raises(RuntimeError), catalog.batch(durable=True):
        model = catalog.record(entry(tmp_path / "models", 1))
        catalog.tag(model.id, add=["draft"])
        assert [row.name for row in catalog.list(ModelQuery())] == ["model-1"]
        raise RuntimeError
    assert catalog.list(ModelQuery()) == []
    assert catalog.values_of("tag") == []
    assert [root.name for root in catalog.roots()] == ["models"]


def test_a_batch_goes_on_after_a_part_that_failed(catalog: Catalog, tmp_path: Path) -> None:
    """A write that fails inside a batch is undone alone, and the batch can be used further."""
    operation = catalog.begin("sort")
    with catalog.batch():
        catalog.record(entry(tmp_path / "models", 1))
        with pytest.raises(CatalogError):
            catalog.plan_steps(operation, [NewStep(action="move"), NewStep(action=None)])  # type: ignore[arg-type]
        catalog.record(entry(tmp_path / "models", 2))
    assert len(catalog.list(ModelQuery())) == 2
    assert catalog.steps(operation) == []


def test_a_batch_is_seen_by_others_only_when_it_has_ended(catalog: Catalog, location: str, tmp_path: Path) -> None:
    """Another connection sees none of an open batch, and all of a finished one."""
    with Catalog.open(location) as other:
        with catalog.batch():
            catalog.record(entry(tmp_path / "models", 1))
            assert other.list(ModelQuery()) == []
        assert len(other.list(ModelQuery())) == 1


def test_two_processes_write_at_once(location: str, tmp_path: Path) -> None:
    """Both finish, nothing is lost, and what both record is one model."""
    Catalog.open(location).close()
    code = (
        "import sys; from pathlib import Path; from modelhub.catalog import Catalog\n"
        "from tests.catalog.entries import entry\n"
        "with Catalog.open(sys.argv[1]) as c:\n"
        "    for i in range(60): c.record(entry(Path(sys.argv[2]), int(sys.argv[3]) + i))\n"
    )
    command = [sys.executable, "-c", code, location, str(tmp_path)]
    running = [subprocess.Popen([*command, start], cwd=ROOT) for start in ("0", "30")]
    assert [process.wait() for process in running] == [0, 0]
    with Catalog.open(location) as catalog:
        assert catalog.counts().models == 90
        assert catalog.check() == []


def test_a_writer_waits_for_another_and_then_gives_up(
    catalog: Catalog, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the waiting time the catalog is reported as in use, and nothing was written."""
    monkeypatch.setattr("modelhub.catalog.database.BUSY_SECONDS", 0.2)
    with Catalog.open(location) as other, catalog.batch():
        catalog.record(entry(tmp_path / "models", 1))
        with pytest.raises(CatalogError, match="in use by another modelhub"):
            other.record(entry(tmp_path / "models", 2))
    assert [row.name for row in catalog.list(ModelQuery())] == ["model-1"]


@pytest.mark.parametrize("version", ["0001", "0003"])
def test_an_older_schema_is_upgraded_with_its_data(
    request: pytest.FixtureRequest, location: str, tmp_path: Path, version: str
) -> None:
    """Roots of the older catalog are there after the upgrade, and models can be added and searched."""
    if "://" in location:
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        location = server.new_database(empty=True)
    older = open_database(location)
    schema.upgrade(older, version)
    with older.transaction() as run:
        run("INSERT INTO root (name, path, whole) VALUES ('old', :path, :whole)", {"path": "/old", "whole": True})
    older.close()
    with Catalog.open(location) as catalog:
        assert [root.name for root in catalog.roots()] == ["old"]
        catalog.record(entry(tmp_path, 1))
        assert len(catalog.list(ModelQuery())) == 1
    assert len(list(tmp_path.glob("*.backup-*"))) == (0 if "://" in location else 1)


def _tables(location: str) -> list[str]:
    database = open_database(location)
    rows = database.read("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    database.close()
    return [row[0] for row in rows]


def test_looking_creates_no_schema(postgresql: PostgresqlServer) -> None:
    """A database without a catalog stays empty when nothing may be created."""
    location = postgresql.new_database(empty=True)
    with pytest.raises(NotFoundError, match="There is no catalog at postgresql://"):
        Catalog.open(location, create=False)
    assert open_database(location).read(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    ) == [(0,)]


def test_the_tables_of_another_program_are_refused(postgresql: PostgresqlServer) -> None:
    """A database that another program uses is left as it is."""
    location = postgresql.new_database(empty=True)
    database = open_database(location)
    with database.transaction() as run:
        run("CREATE TABLE photo (id integer)")
    with pytest.raises(CatalogError, match="another program"):
        Catalog.open(location)
    database.close()
    assert _tables(location) == ["photo"]


def test_migrations_and_tables_agree_on_postgresql(postgresql: PostgresqlServer) -> None:
    """The schema that alembic creates is the one that the tables describe."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from modelhub.catalog.tables import metadata

    database = open_database(postgresql.new_database())
    with database.engine.connect() as connection:
        options = {"include_object": lambda item, name, kind, *rest: name != "model_search"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    database.close()


def test_searches_use_the_trigram_index_of_postgresql(postgresql: PostgresqlServer) -> None:
    """The index exists where the server has the extension, as Debian's does."""
    database = open_database(postgresql.new_database())
    assert database.read("SELECT count(*) FROM pg_indexes WHERE indexname = 'model_search'") == [(1,)]
    database.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("/test_", "/none_"), "does not exist"),
        (("modelhub@", "nobody:secret@"), "login"),
        (("127.0.0.1:", "127.0.0.1:1"), "cannot be"),
    ],
)
def test_what_fails_at_the_server_is_reported_with_a_remedy(
    postgresql: PostgresqlServer, change: tuple[str, str], message: str
) -> None:
    """A wrong database, user or port gives a sentence and a remedy, and never shows the password."""
    location = postgresql.new_database().replace(*change)
    with pytest.raises(CatalogError, match=message) as caught:
        Catalog.open(location)
    assert caught.value.remedy.text
    assert "secret" not in str(caught.value)


def test_other_kinds_of_database_are_refused() -> None:
    """Only SQLite files and PostgreSQL hold catalogs."""
    with pytest.raises(CatalogError, match="cannot be a `mysql` database"):
        Catalog.open("mysql://localhost/catalog")


def test_an_address_that_is_not_valid_is_reported_without_its_password() -> None:
    """A mistyped port gives a sentence that shows no secret."""
    with pytest.raises(CatalogError) as caught:
        Catalog.open("postgresql://me:secret@localhost:port/catalog")
    assert "secret" not in str(caught.value)
