"""Answers about the whole catalog: numbers, duplicates, the values of a field, and whether the database is sound."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelhub.catalog.database import Database
from modelhub.catalog.encoding import decode_text
from modelhub.catalog.reading import first_column
from modelhub.catalog.values import Counts, DuplicateGroup
from modelhub.choices import find_choice, nearest
from modelhub.errors import UsageError
from modelhub.words import WordKind

# What duplicates have in common: the file, all weights, or one component.
LEVELS = ("file", "weights", "unet", "vae", "text_encoder", "text_encoder_2")
# Field of the query language → the column with its values.
_VALUES = {
    "arch": ("model", "architecture"),
    "format": ("model", "format"),
    "precision": ("model", "precision"),
    "root": ("root", "name"),
    "source": ("source", "kind"),
    "tag": ("tag", "tag"),
    "trigger": ("model_word", "word_key"),
}


def counts(database: Database) -> Counts:
    """Return how many models there are, in all and by type, state and verdict."""

    def by(column: str) -> dict[str, int]:
        return dict(database.read(f"SELECT {column}, count(*) FROM model GROUP BY {column}"))

    models, size, broken = database.read(
        "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(CASE WHEN broken THEN 1 ELSE 0 END), 0) FROM model"
    )[0]
    return Counts(
        models=models,
        size=int(size),
        by_type=by("type"),
        by_state=by("state"),
        by_verdict=by("verdict"),
        broken=int(broken),
    )


def values_of(database: Database, field: str, *, limit: int = 1000) -> list[str]:
    """Return the values of a field that occur in the catalog, in order; none for a field without a column."""
    if field not in _VALUES:
        return []
    table, column = _VALUES[field]
    sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT :limit"
    return [decode_text(value) for value in first_column(database.read(sql, {"limit": limit}))]


def duplicates(database: Database, level: str) -> list[DuplicateGroup]:
    """Return contents held more than once, largest first. Raise UsageError for a `level` that is not one of LEVELS."""
    found = find_choice(level, LEVELS, WordKind.COMPONENT)
    if found is None:
        raise UsageError(f"There is no level `{level}` of duplicates.", nearest(level, LEVELS))
    groups = _equal_files(database) if found == "file" else _equal_digests(database, found)
    return sorted(groups, key=lambda group: (-group.size, group.digest))


def _equal_files(database: Database) -> list[DuplicateGroup]:
    sql = (
        "SELECT f.sha256, f.size, r.path, l.relative, mf.model_id FROM file f JOIN location l ON l.file_id = f.id"
        " JOIN root r ON r.id = l.root_id LEFT JOIN model_file mf ON mf.file_id = f.id"
        " WHERE l.state = 'present' AND f.id IN (SELECT file_id FROM location WHERE state = 'present'"
        " GROUP BY file_id HAVING count(*) > 1) ORDER BY l.id, mf.model_id"
    )
    groups: dict[str, list[_Member]] = {}
    for digest, size, root, relative, model_id in database.read(sql):
        groups.setdefault(digest, []).append((size, model_id, _path(root, relative)))
    return [_group(digest, "file", members) for digest, members in groups.items()]


def _equal_digests(database: Database, level: str) -> list[DuplicateGroup]:
    """Return models that share a component: by the `signs` digest, which no rounding changes."""
    sql = (
        "SELECT f.fingerprints, f.size, mf.model_id, r.path, l.relative FROM file f"
        " JOIN model_file mf ON mf.file_id = f.id JOIN location l ON l.file_id = f.id JOIN root r ON r.id = l.root_id"
        " WHERE f.fingerprints IS NOT NULL AND l.state = 'present' ORDER BY l.id"
    )
    groups: dict[str, list[_Member]] = {}
    for fingerprints, size, model_id, root, relative in database.read(sql):
        for digest in json.loads(fingerprints):
            if digest["component"] == level:
                groups.setdefault(digest["signs"], []).append((size, model_id, _path(root, relative)))
    several = {digest: members for digest, members in groups.items() if len({member[1] for member in members}) > 1}
    return [_group(digest, level, members) for digest, members in several.items()]


_Member = tuple[int, int | None, Path]


def _group(digest: str, level: str, members: Iterable[_Member]) -> DuplicateGroup:
    sizes, models, paths = zip(*members, strict=True)
    return DuplicateGroup(
        digest=digest,
        level=level,
        size=max(sizes),
        paths=tuple(dict.fromkeys(paths)),
        model_ids=tuple(key for key in dict.fromkeys(models) if key is not None),
    )


def chosen_groups(groups: Iterable[DuplicateGroup], order: Mapping[int, int]) -> list[DuplicateGroup]:
    """Return the groups that hold a chosen model, in the order of their first one; `order` maps its id to a place."""
    places = {group.digest: [order[key] for key in group.model_ids if key in order] for group in groups}
    return sorted((group for group in groups if places[group.digest]), key=lambda group: min(places[group.digest]))


def _path(root: str, relative: str) -> Path:
    return Path(decode_text(root), decode_text(relative))


def fingerprints(database: Database) -> list[tuple[int, str, list[dict[str, Any]]]]:
    """Return the id, the name and the component digests of every model that has digests."""
    sql = (
        "SELECT m.id, m.name, f.fingerprints FROM model m JOIN model_file mf ON mf.model_id = m.id"
        " JOIN file f ON f.id = mf.file_id WHERE f.fingerprints IS NOT NULL ORDER BY m.id"
    )
    return [(key, decode_text(name), json.loads(text)) for key, name, text in database.read(sql)]


def check(database: Database) -> list[str]:
    """Return a sentence for each thing that is wrong: damage that SQLite finds, and rows without their counterpart."""
    wrong = []
    if database.is_sqlite:
        damage = first_column(database.read("PRAGMA quick_check(5)"))
        wrong += [f"The database is damaged: {text}." for text in damage if text != "ok"]
        lost = database.read("PRAGMA foreign_key_check")
        if lost:
            wrong.append(f"Rows of the catalog refer to others that are gone: {len(lost)}, first in {lost[0][0]}.")
    empty = database.read("SELECT count(*) FROM model WHERE id NOT IN (SELECT model_id FROM model_file)")[0][0]
    if empty:
        wrong.append(f"Models without a file: {empty}.")
    return wrong
