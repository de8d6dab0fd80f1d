"""The places of files: what a scan compares with, and what it corrects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelhub.catalog import derived, reading, writing
from modelhub.catalog.database import Database, Run
from modelhub.catalog.encoding import encode_inode, encode_text, path_key
from modelhub.catalog.roots import all_roots
from modelhub.catalog.rows import KNOWN_LOCATION
from modelhub.catalog.values import KnownLocation, NewFile, Root
from modelhub.domain import LocationState, ModelRecord


class Places:
    """The places of a catalog's files."""

    _database: Database
    _searchable: bool

    def known_locations(self, root: Root) -> Mapping[str, KnownLocation]:
        """Return every place under a root, by its relative path as it is spelled on disk."""
        return {place.relative: place for place in self._locations(root, "", {})}

    def locations_at(self, path: Path) -> Iterator[tuple[Path, KnownLocation]]:
        """Yield each known place at or below a path, with its whole path; nothing else is read from the database."""
        for root in all_roots(self._database.read):
            if root.path == path or path in root.path.parents:
                condition, values = "", {}
            elif root.path in path.parents:
                key = path_key(path.relative_to(root.path).as_posix())
                # Of all characters `0` is the next after `/`, so the range holds the keys that begin with `key/`.
                condition = " AND (l.relative_key = :key OR l.relative_key > :below AND l.relative_key < :behind)"
                values = {"key": key, "below": f"{key}/", "behind": f"{key}0"}
            else:
                continue
            for place in self._locations(root, condition, values):
                yield root.path / place.relative, place

    def _locations(self, root: Root, condition: str, values: Mapping[str, str]) -> list[KnownLocation]:
        sql = (
            f"SELECT {KNOWN_LOCATION.sql} FROM location l JOIN file f ON f.id = l.file_id"
            f" WHERE l.root_id = :root{condition} ORDER BY l.id"
        )
        return KNOWN_LOCATION.values(self._database.read(sql, {"root": root.id, **values}))

    def mark(self, ids: Sequence[int], state: LocationState) -> None:
        """Record whether places are present, missing or out of reach."""
        if not ids:
            return
        with self._database.transaction() as run:
            for key in ids:
                run("UPDATE location SET state = :state WHERE id = :id", {"state": state.value, "id": key})
                self._refresh_place(run, key)

    def touch_location(self, location_id: int, *, size: int, mtime_ns: int, inode: int | None) -> None:
        """Record that the same content was found again with another time or inode."""
        with self._database.transaction() as run:
            run(
                "UPDATE location SET size = :size, mtime_ns = :mtime, inode = :inode, state = 'present' WHERE id = :id",
                {"size": size, "mtime": mtime_ns, "inode": encode_inode(inode), "id": location_id},
            )
            self._refresh_place(run, location_id)

    def move_location(self, location_id: int, root: Root, relative: str) -> None:
        """Record that a file was moved; it replaces the record of another file at its new place."""
        values = {"root": root.id, "relative": encode_text(relative), "key": path_key(relative), "id": location_id}
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
        """Record that a known place has another content; a model that was only there becomes this content."""
        with self._database.transaction() as run:
            model_id = writing.replace_content(run, location_id, file, rules_version, searchable=self._searchable)
        return reading.records(self._database, [model_id])[0]

    def forget_location(self, location_id: int) -> None:
        """Delete one place; the content and its model stay in the catalog."""
        with self._database.transaction() as run:
            ids = run("SELECT file_id FROM location WHERE id = :id", {"id": location_id})
            run("DELETE FROM location WHERE id = :id", {"id": location_id})
            for (file_id,) in ids:
                self._refresh(run, "f.id = :value", file_id)

    def _refresh_place(self, run: Run, location_id: int) -> None:
        self._refresh(run, "f.id = (SELECT file_id FROM location WHERE id = :value)", location_id)

    def _refresh(self, run: Run, condition: str, value: Any) -> None:
        sql = f"SELECT DISTINCT mf.model_id FROM model_file mf JOIN file f ON f.id = mf.file_id WHERE {condition}"
        for (model_id,) in run(sql, {"value": value}):
            derived.refresh(run, model_id, searchable=self._searchable)
