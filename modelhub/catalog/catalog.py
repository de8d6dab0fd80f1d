"""The catalog as everybody else sees it: one object, frozen answers, no trace of the database behind it."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from modelhub.catalog import query, reading, roots, schema, writing
from modelhub.catalog.database import Database
from modelhub.catalog.encoding import encode_text
from modelhub.catalog.journal import Journal
from modelhub.catalog.lookups import Lookups
from modelhub.catalog.places import Places
from modelhub.catalog.renders import Renders
from modelhub.catalog.values import (
    Counts,
    Duplicates,
    ModelQuery,
    ModelRow,
    NewModel,
    Root,
)
from modelhub.domain import FileRecord, Inspection, ModelRecord, Source
from modelhub.errors import NotFoundError, Remedy


class Catalog(Places, Journal, Renders, Lookups):
    """Open with `Catalog.open`. One object per thread; several processes may use one catalog at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._searchable = database.is_sqlite

    @classmethod
    def open(cls, location: Path | str, *, create: bool = True) -> Catalog:
        """The catalog at a path or database URL, made or upgraded (after a backup) when that is due.

        Raises NotFoundError when there is none and `create` is false, and CatalogError, with the database untouched,
        when it is locked, damaged, of a newer version or no catalog at all.
        """
        database = Database(location)
        if not create and database.path is not None and not database.path.exists():
            raise NotFoundError(
                f"There is no catalog at {database.path}.", Remedy("Add a folder of models to make one.", "add-folder")
            )
        schema.ensure(database)
        return cls(database)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def batch(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """A block whose writes are one transaction: all of them or none, and many times faster than one by one.

        `durable`: they are on the disk when it ends, also when the power fails then.
        """
        return self._database.batch(durable=durable)

    # Roots

    def roots(self) -> builtins.list[Root]:
        """Every folder under which models lie."""
        return roots.roots(self._database.read)

    def ensure_root(self, path: Path, name: str | None = None, *, whole: bool = True) -> Root:
        """The root at this folder, made when it is new; `whole` unless only single files of it are meant."""
        for root in self.roots():
            if root.path == path and (root.whole or not whole):
                return root
        with self._database.transaction() as run:
            return roots.ensure_root(run, path, name, whole=whole)

    def locate(self, path: Path) -> tuple[Root, str] | None:
        """The nearest root that holds `path`, and the path relative to it."""
        return roots.locate(self._database.read, path)

    # Models

    def record(self, entry: NewModel) -> ModelRecord:
        """Catalogue a model. A content that is known already only gets another place."""
        with self._database.transaction() as run:
            model_id = writing.record(run, entry, searchable=self._searchable)
        return self.get(model_id)

    def record_many(self, entries: Iterable[NewModel], *, batch: int = 500) -> Iterator[int]:
        """Catalogue many, one transaction a batch; their ids, in order. A killed run loses at most its last batch."""
        waiting: list[NewModel] = []
        for entry in entries:
            waiting.append(entry)
            if len(waiting) >= batch:
                yield from self._record_batch(waiting)
                waiting = []
        yield from self._record_batch(waiting)

    def _record_batch(self, entries: Sequence[NewModel]) -> builtins.list[int]:
        if not entries:
            return []
        with self._database.transaction() as run:
            return [writing.record(run, entry, searchable=self._searchable) for entry in entries]

    def update_file(self, sha256: str, look: Inspection, *, rules_version: int) -> None:
        """New answers about a known content, from newer rules."""
        values = writing.answers(look, rules_version)
        with self._database.transaction() as run:
            assignments = ", ".join(f"{name} = :{name}" for name in values)
            run(f"UPDATE file SET {assignments} WHERE sha256 = :sha256", {**values, "sha256": sha256})
            self._refresh(run, "f.sha256 = :value", sha256)

    def fingerprints(self) -> builtins.list[tuple[int, str, builtins.list[dict[str, Any]]]]:
        """(model id, model name, component digests) of every model that has them."""
        import json

        sql = (
            "SELECT m.id, m.name, f.fingerprints FROM model m JOIN model_file mf ON mf.model_id = m.id"
            " JOIN file f ON f.id = mf.file_id WHERE f.fingerprints IS NOT NULL ORDER BY m.id"
        )
        return [(row[0], row[1], json.loads(row[2])) for row in self._database.read(sql)]

    def add_source(self, model_id: int, source: Source) -> None:
        """Another place that the model came from."""
        with self._database.transaction() as run:
            writing.add_source(run, model_id, source)

    def remove(self, model_id: int) -> None:
        """Forget a model; the files on disk are not touched."""
        with self._database.transaction() as run:
            writing.remove(run, model_id, searchable=self._searchable)

    # The user's words

    def set_override(self, model_id: int, field: str, value: str) -> None:
        """The user's own word; it wins over what is detected, now and later."""
        with self._database.transaction() as run:
            run(
                "INSERT INTO override (model_id, field, value) VALUES (:id, :field, :value)"
                " ON CONFLICT (model_id, field) DO UPDATE SET value = excluded.value",
                {"id": model_id, "field": field, "value": encode_text(value)},
            )
            writing.refresh(run, model_id, searchable=self._searchable)

    def clear_override(self, model_id: int, field: str) -> None:
        """Give the detected answer back."""
        with self._database.transaction() as run:
            writing.clear_override(run, model_id, field)
            writing.refresh(run, model_id, searchable=self._searchable)

    def tag(self, model_id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add tags, or take them away."""
        with self._database.transaction() as run:
            writing.change_tags(run, model_id, add=add, remove=remove)
            writing.refresh(run, model_id, searchable=self._searchable)

    # Questions

    def list(self, query_: ModelQuery) -> builtins.list[ModelRow]:
        """Listing rows."""
        return reading.rows_from(self._database, self._database.read(*query.listing(query_)))

    def records(self, query_: ModelQuery) -> builtins.list[ModelRecord]:
        """Whole records, in the listing's order."""
        return reading.records(self._database, reading.ids_of(self._database.read(*query.listing(query_))))

    def search(self, words: str, *, limit: int = 50) -> builtins.list[ModelRow]:
        """Models in whose name, trigger words, tags or notes every word occurs."""
        return reading.rows_from(self._database, query.search(self._database, words, limit))

    def find(self, reference: str) -> builtins.list[ModelRecord]:
        """The models meant by a name, id, path, hash prefix or part of a name; the best kind of match alone."""
        return reading.records(self._database, query.find(self._database, reference))

    def get(self, model_id: int) -> ModelRecord:
        """One model by its id. Raises NotFoundError."""
        found = reading.records(self._database, [model_id])
        if not found:
            raise NotFoundError(
                f"The catalog has no model number {model_id}.",
                Remedy("List the models to see their numbers.", "list-models"),
            )
        return found[0]

    def from_source(self, kind: str, reference: str, path: str, commit: str | None) -> builtins.list[ModelRecord]:
        """Models that came from this file of this source, at this commit."""
        return reading.records(self._database, query.from_source(self._database, kind, reference, path, commit))

    def sharing(self, model_id: int) -> builtins.list[ModelRecord]:
        """Other models that have a file of this one, as a diffusers folder and a loose VAE may."""
        return reading.records(self._database, query.sharing(self._database, model_id))

    def file_by_sha256(self, sha256: str) -> FileRecord | None:
        """The content with this hash, with all its places."""
        found = reading.files(self._database, "f.sha256 = :sha256", {"sha256": sha256.lower()})
        return found[0] if found else None

    def stale_files(self, rules_version: int) -> builtins.list[FileRecord]:
        """Files whose answers come from older rules."""
        return reading.files(self._database, "f.rules_version <> :version", {"version": rules_version})

    def counts(self) -> Counts:
        """How many models there are, by each word."""
        return query.counts(self._database)

    def duplicates(self, level: str = "file") -> builtins.list[Duplicates]:
        """Contents held more than once: level "file", "weights" or a component's name."""
        return query.duplicates(self._database, level)

    # Care

    def check(self) -> builtins.list[str]:
        """What is wrong with the database itself, one sentence each."""
        return query.check(self._database)

    def backup(self, target: Path) -> Path:
        """A consistent copy of a SQLite catalog."""
        return schema.backup(self._database, target)
