"""The public API of the catalog. Its answers are frozen dataclasses."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from modelhub.catalog import derived, query_sql, reading, references, roots, schema, summaries, writing
from modelhub.catalog.connect import open_database
from modelhub.catalog.database import Database
from modelhub.catalog.encoding import MOST_ROWS, encode_text
from modelhub.catalog.journal import Journal
from modelhub.catalog.lookups import Lookups
from modelhub.catalog.places import Places
from modelhub.catalog.renders import Renders
from modelhub.catalog.rows import MODEL_ROW
from modelhub.catalog.values import (
    Counts,
    DuplicateGroup,
    ModelQuery,
    ModelRow,
    NewModel,
    Root,
)
from modelhub.domain import FileRecord, Inspection, ModelRecord, Source
from modelhub.errors import NotFoundError, Remedy


class Catalog(Places, Journal, Renders, Lookups):
    """A catalog, which `Catalog.open` opens. Use one per thread; several processes may use one catalog at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._searchable = database.is_sqlite

    @classmethod
    def open(cls, location: Path | str, *, create: bool = True) -> Catalog:
        """Open the catalog at a path or database URL; create it, or upgrade it after a backup, when that is needed.

        Raise NotFoundError when there is none and `create` is false, and CatalogError, with the database untouched,
        when it is locked, damaged, of a newer version or not a catalog.
        """
        database = open_database(location)
        try:
            schema.ensure(database, create=create)
        except BaseException:
            database.close()
            raise
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
        """Return a context whose writes are one transaction: all or none, and much faster than one by one.

        `durable`: they are on the disk when it ends, also when the power fails then.
        """
        return self._database.batch(durable=durable)

    # Roots

    def roots(self) -> builtins.list[Root]:
        """Return every folder that the catalog knows."""
        return roots.all_roots(self._database.read)

    def ensure_root(self, path: Path, name: str | None = None, *, whole: bool = True) -> Root:
        """Return the root at this folder, a new one if need be; not `whole` when only single files of it are meant."""
        for root in self.roots():
            if root.path == path and (root.whole or not whole):
                return root
        with self._database.transaction() as run:
            return roots.ensure_root(run, path, name, whole=whole)

    def locate(self, path: Path) -> tuple[Root, str] | None:
        """Return the nearest root that holds `path`, and the path relative to it; None when no root does."""
        return roots.locate(self._database.read, path)

    # Models

    def record(self, entry: NewModel) -> ModelRecord:
        """Add a model. A content that is known already only gets another place."""
        with self._database.transaction() as run:
            model_id = writing.record(run, entry, searchable=self._searchable)
        return self.get(model_id)

    def record_many(self, entries: Iterable[NewModel], *, batch: int = 500) -> Iterator[int]:
        """Add many models, each batch in one transaction, and yield their ids in order.

        A killed run loses at most its last batch.
        """
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

    def update_file(self, sha256: str, inspection: Inspection, *, rules_version: int) -> None:
        """Store new answers about a known content, from newer rules."""
        values = writing.answers(inspection, rules_version)
        with self._database.transaction() as run:
            assignments = ", ".join(f"{name} = :{name}" for name in values)
            run(f"UPDATE file SET {assignments} WHERE sha256 = :sha256", {**values, "sha256": sha256})
            self._refresh(run, "f.sha256 = :value", sha256)

    def add_source(self, model_id: int, source: Source) -> None:
        """Add a source of the model."""
        with self._database.transaction() as run:
            writing.add_source(run, model_id, source)

    def remove(self, model_id: int) -> None:
        """Delete a model from the catalog; its files are not touched."""
        with self._database.transaction() as run:
            writing.remove(run, model_id, searchable=self._searchable)

    # The user's values

    def set_override(self, model_id: int, field: str, value: str) -> None:
        """Store the user's value of a field; it overrides what is detected, now and later."""
        with self._database.transaction() as run:
            run(
                "INSERT INTO override (model_id, field, value) VALUES (:id, :field, :value)"
                " ON CONFLICT (model_id, field) DO UPDATE SET value = excluded.value",
                {"id": model_id, "field": field, "value": encode_text(value)},
            )
            derived.refresh(run, model_id, searchable=self._searchable)

    def clear_override(self, model_id: int, field: str) -> None:
        """Delete the user's value of a field, so that the detected one holds again."""
        with self._database.transaction() as run:
            writing.clear_override(run, model_id, field)
            derived.refresh(run, model_id, searchable=self._searchable)

    def tag(self, model_id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove tags."""
        with self._database.transaction() as run:
            writing.change_tags(run, model_id, add=add, remove=remove)
            derived.refresh(run, model_id, searchable=self._searchable)

    # Reading

    def list(self, query: ModelQuery) -> builtins.list[ModelRow]:
        """Return listing rows."""
        return reading.model_rows(self._database, self._select(query, MODEL_ROW.sql))

    def rows(self, ids: Sequence[int]) -> builtins.list[ModelRow]:
        """Return the listing rows of these models, in no particular order."""
        return reading.rows(self._database, ids)

    def records(self, query: ModelQuery) -> builtins.list[ModelRecord]:
        """Return whole records, in the listing's order."""
        return reading.records(self._database, self.ids(query))

    def ids(self, query: ModelQuery) -> builtins.list[int]:
        """Return the models' ids, in the listing's order."""
        return reading.first_column(self._select(query, "m.id"))

    def _select(self, query: ModelQuery, columns: str) -> builtins.list[tuple[Any, ...]]:
        known = self.roots() if query_sql.needs_roots(query) else ()
        sql, parameters = query_sql.listing(query, sqlite=self._searchable, roots=known, columns=columns)
        return self._database.read(sql, parameters)

    def values_of(self, field: str) -> builtins.list[str]:
        """Return the values of a field of the query language that occur in the catalog."""
        return summaries.values_of(self._database, field)

    def find(self, reference: str, *, exact: bool = False) -> builtins.list[ModelRecord]:
        """Return the models meant by a name, id, path, hash prefix or part of a name; only the best kind of match.

        `exact`: a part of a name does not count.
        """
        find = references.find_exact if exact else references.find
        return reading.records(self._database, find(self._database, reference))

    def nearest_names(self, text: str) -> builtins.list[str]:
        """Return the names of models that are most like a mistyped one."""
        return references.nearest_names(self._database, text)

    def get(self, model_id: int) -> ModelRecord:
        """Return one model by its id. Raise NotFoundError."""
        found = self.get_many([model_id]) if 0 < model_id < MOST_ROWS else []
        if not found:
            raise NotFoundError(
                f"The catalog has no model number {model_id}.",
                Remedy("List the models to see their numbers.", "list-models"),
            )
        return found[0]

    def get_many(self, ids: Sequence[int]) -> builtins.list[ModelRecord]:
        """Return the models with these ids, in this order, without those that do not exist."""
        return reading.records(self._database, ids)

    def from_source(self, kind: str, reference: str, path: str, commit: str | None) -> builtins.list[ModelRecord]:
        """Return models that came from this file of this source, at this commit."""
        return reading.records(self._database, references.from_source(self._database, kind, reference, path, commit))

    def sharing(self, model_id: int) -> builtins.list[ModelRecord]:
        """Return other models that have a file of this one, as a diffusers folder and a single VAE may."""
        return reading.records(self._database, references.sharing(self._database, model_id))

    def file_by_sha256(self, sha256: str) -> FileRecord | None:
        """Return the content with this hash, with all its places."""
        found = reading.files(self._database, "f.sha256 = :sha256", {"sha256": sha256.lower()})
        return found[0] if found else None

    def stale_files(self, rules_version: int) -> builtins.list[FileRecord]:
        """Return files whose answers come from other rules than these."""
        return reading.files(self._database, "f.rules_version <> :version", {"version": rules_version})

    def fingerprints(self) -> builtins.list[tuple[int, str, builtins.list[dict[str, Any]]]]:
        """Return the id, the name and the component digests of every model that has digests."""
        return summaries.fingerprints(self._database)

    def counts(self) -> Counts:
        """Return how many models there are, in all and by type, state and verdict."""
        return summaries.counts(self._database)

    def duplicates(self, level: str = "file", query: ModelQuery | None = None) -> builtins.list[DuplicateGroup]:
        """Return contents held more than once: level "file", "weights" or a component's name; largest first.

        With a query: only groups that hold one of its models, in its order, and at most its limit of groups. Raise
        UsageError for another level.
        """
        groups = summaries.duplicates(self._database, level)
        if query is None or query == ModelQuery():
            return groups
        if query.terms or query.sort != "name" or query.reverse:
            order = {key: place for place, key in enumerate(self.ids(replace(query, limit=None)))}
            groups = summaries.chosen_groups(groups, order)
        return groups[: query.limit]

    # Maintenance

    def check(self) -> builtins.list[str]:
        """Return a sentence for each thing that is wrong with the database itself."""
        return summaries.check(self._database)

    def backup(self, target: Path) -> Path:
        """Copy a SQLite catalog consistently and return `target`."""
        return schema.backup(self._database, target)
