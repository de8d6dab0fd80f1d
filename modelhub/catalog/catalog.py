"""The catalog as everybody else sees it: one object, frozen answers, no trace of the database behind it."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from modelhub.catalog import journal, query, reading, schema, writing
from modelhub.catalog.database import Database
from modelhub.catalog.spelling import path_key, signed, stored, unsigned, unstored
from modelhub.catalog.values import (
    Counts,
    Duplicates,
    KnownLocation,
    ModelQuery,
    ModelRow,
    NewFile,
    NewModel,
    NewStep,
    Operation,
    Root,
    Step,
)
from modelhub.domain import FileRecord, Inspection, LocationState, ModelRecord, Source
from modelhub.errors import NotFoundError


class Catalog:
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
            raise NotFoundError(f"There is no catalog at {database.path}.", "`modelhub add FOLDER` makes one.")
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

    # Roots

    def roots(self) -> builtins.list[Root]:
        """Every folder under which models lie."""
        return writing.roots(self._database.read)

    def ensure_root(self, path: Path, name: str | None = None, *, whole: bool = True) -> Root:
        """The root at this folder, made when it is new; `whole` unless only single files of it are meant."""
        for root in self.roots():
            if root.path == path and (root.whole or not whole):
                return root
        with self._database.transaction() as run:
            return writing.ensure_root(run, path, name, whole=whole)

    def locate(self, path: Path) -> tuple[Root, str] | None:
        """The nearest root that holds `path`, and the path relative to it."""
        return writing.locate(self._database.read, path)

    def move_root(self, name: str, path: Path) -> None:
        """A library that was moved as a whole: everything in it keeps its record."""
        with self._database.transaction() as run:
            run("UPDATE root SET path = :path WHERE name = :name", {"path": stored(str(path)), "name": name})

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

    def update_model(self, model_id: int, look: Inspection) -> None:
        """New answers about a model of many files, as a whole."""
        with self._database.transaction() as run:
            run("UPDATE model SET whole = :whole WHERE id = :id", {"whole": writing.whole_text(look), "id": model_id})
            writing.refresh(run, model_id, searchable=self._searchable)

    def set_fingerprints(self, sha256: str, fingerprints: Any) -> None:
        """The component digests of a known content."""
        import json

        with self._database.transaction() as run:
            values = {"text": json.dumps(fingerprints), "sha256": sha256}
            run("UPDATE file SET fingerprints = :text WHERE sha256 = :sha256", values)

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
                {"id": model_id, "field": field, "value": stored(value)},
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
            raise NotFoundError(f"The catalog has no model number {model_id}.", "`modelhub list` shows what is there.")
        return found[0]

    def from_source(self, kind: str, reference: str, path: str, commit: str | None) -> builtins.list[ModelRecord]:
        """Models that came from this file of this source, at this commit."""
        return reading.records(self._database, query.from_source(self._database, kind, reference, path, commit))

    def file_by_sha256(self, sha256: str) -> FileRecord | None:
        """The content with this hash, with all its places."""
        found = reading.files(self._database, "f.sha256 = :sha256", {"sha256": sha256.lower()})
        return found[0] if found else None

    def stale_files(self, rules_version: int) -> builtins.list[FileRecord]:
        """Files whose answers come from older rules."""
        return reading.files(self._database, "f.rules_version < :version", {"version": rules_version})

    def counts(self) -> Counts:
        """How many models there are, by each word."""
        return query.counts(self._database)

    def duplicates(self, level: str = "file") -> builtins.list[Duplicates]:
        """Contents held more than once: level "file", "weights" or a component's name."""
        return query.duplicates(self._database, level)

    # Places

    def known_locations(self, root: Root) -> Mapping[str, KnownLocation]:
        """Every place under a root, by its relative path as it is spelt on disk."""
        sql = (
            "SELECT l.id, l.relative, l.size, l.mtime_ns, l.inode, l.state, f.sha256,"
            " (SELECT min(mf.model_id) FROM model_file mf WHERE mf.file_id = l.file_id)"
            " FROM location l JOIN file f ON f.id = l.file_id WHERE l.root_id = :root ORDER BY l.id"
        )
        places = (
            KnownLocation(
                id=row[0],
                relative=unstored(row[1]),
                size=row[2],
                mtime_ns=row[3],
                inode=unsigned(row[4]),
                state=LocationState(row[5]),
                sha256=row[6],
                model_id=row[7] or 0,
            )
            for row in self._database.read(sql, {"root": root.id})
        )
        return {place.relative: place for place in places}

    def mark(self, ids: Sequence[int], state: LocationState) -> None:
        """Note whether places are present, missing or out of reach."""
        if not ids:
            return
        with self._database.transaction() as run:
            for key in ids:
                run("UPDATE location SET state = :state WHERE id = :id", {"state": state.value, "id": key})
                self._refresh_place(run, key)

    def touch_location(self, location_id: int, *, size: int, mtime_ns: int, inode: int | None) -> None:
        """The same content, seen again with another time or inode."""
        with self._database.transaction() as run:
            run(
                "UPDATE location SET size = :size, mtime_ns = :mtime, inode = :inode, state = 'present' WHERE id = :id",
                {"size": size, "mtime": mtime_ns, "inode": signed(inode), "id": location_id},
            )
            self._refresh_place(run, location_id)

    def move_location(self, location_id: int, root: Root, relative: str) -> None:
        """The file lies elsewhere now. A record of what used to lie there gives way."""
        values = {"root": root.id, "relative": stored(relative), "key": path_key(relative), "id": location_id}
        with self._database.transaction() as run:
            run(
                "DELETE FROM location WHERE root_id = :root AND relative_key = :key AND id <> :id",
                {name: values[name] for name in ("root", "key", "id")},
            )
            run(
                "UPDATE location SET root_id = :root, relative = :relative, relative_key = :key, state = 'present'"
                " WHERE id = :id",
                values,
            )
            self._refresh_place(run, location_id)

    def replace_content(self, location_id: int, file: NewFile, *, rules_version: int) -> ModelRecord:
        """Another content lies at a known place: the model that was there alone now is this content."""
        with self._database.transaction() as run:
            model_id = writing.replace_content(run, location_id, file, rules_version, searchable=self._searchable)
        return self.get(model_id)

    def forget_location(self, location_id: int) -> None:
        """Drop one place; the content and its model stay known."""
        with self._database.transaction() as run:
            ids = run("SELECT file_id FROM location WHERE id = :id", {"id": location_id})
            run("DELETE FROM location WHERE id = :id", {"id": location_id})
            for (file_id,) in ids:
                self._refresh(run, "f.id = :value", file_id)

    def _refresh_place(self, run: Any, location_id: int) -> None:
        self._refresh(run, "f.id = (SELECT file_id FROM location WHERE id = :value)", location_id)

    def _refresh(self, run: Any, condition: str, value: Any) -> None:
        sql = f"SELECT DISTINCT mf.model_id FROM model_file mf JOIN file f ON f.id = mf.file_id WHERE {condition}"
        for (model_id,) in run(sql, {"value": value}):
            writing.refresh(run, model_id, searchable=self._searchable)

    # The journal

    def begin(self, kind: str, parameters: Mapping[str, Any] | None = None) -> Operation:
        """Open an operation, durably."""
        with self._database.transaction(durable=True) as run:
            return journal.begin(run, kind, parameters or {})

    def plan_steps(self, operation: Operation, steps: Sequence[NewStep]) -> builtins.list[Step]:
        """Write down what is going to be done, durably, before it is."""
        with self._database.transaction(durable=True) as run:
            return journal.plan_steps(run, operation.id, steps)

    def step_done(self, step_id: int, detail: Mapping[str, Any] | None = None) -> None:
        """The step is done."""
        with self._database.transaction(durable=True) as run:
            journal.set_step(run, step_id, "done", detail)

    def step_undone(self, step_id: int, detail: Mapping[str, Any] | None = None) -> None:
        """The step was taken back, or never came to be."""
        with self._database.transaction(durable=True) as run:
            journal.set_step(run, step_id, "undone", detail)

    def finish(self, operation: Operation, state: str = "done") -> None:
        """Close an operation: done, failed, undone …"""
        with self._database.transaction(durable=True) as run:
            journal.finish(run, operation.id, state)

    def operations(self, *, limit: int | None = None) -> builtins.list[Operation]:
        """Operations, newest first."""
        return journal.operations(self._database.read, limit=limit)

    def unfinished(self) -> builtins.list[Operation]:
        """Operations that were broken off, newest first."""
        return journal.operations(self._database.read, state=journal.RUNNING)

    def steps(self, operation: Operation) -> builtins.list[Step]:
        """An operation's steps, in their order."""
        return journal.steps(self._database.read, operation.id)

    # Care

    def check(self) -> builtins.list[str]:
        """What is wrong with the database itself, one sentence each."""
        return query.check(self._database)

    def backup(self, target: Path) -> Path:
        """A consistent copy of a SQLite catalog."""
        return schema.backup(self._database, target)
