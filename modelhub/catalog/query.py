"""Questions: which models, in which order, under which name, how many. Pure SQL building, then `reading`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelhub.catalog.database import Database
from modelhub.catalog.encoding import absolute_path, encode_text, like_pattern, normalize_key, path_key
from modelhub.catalog.reading import ROW_COLUMNS, ids_of
from modelhub.catalog.values import Counts, Duplicates, ModelQuery
from modelhub.errors import UsageError

# Column equal to the query's field of the same name.
_EQUAL = ("type", "style", "variant", "precision", "verdict")
# Sort word → column; the id makes every order total.
_SORTS = {
    "name": "m.name_key",
    "type": "m.type",
    "architecture": "m.architecture",
    "size": "m.size",
    "added": "m.added_at",
}
_CONDITIONS = (
    ("text", "m.name_key LIKE :text ESCAPE '!'", lambda value: like_pattern(normalize_key(value))),
    ("trigger", "EXISTS (SELECT 1 FROM model_word w WHERE w.model_id = m.id AND w.word_key = :trigger)", normalize_key),
    ("tag", "EXISTS (SELECT 1 FROM tag t WHERE t.model_id = m.id AND t.tag_key = :tag)", normalize_key),
)
_DUPLICATE = (
    "m.id IN (SELECT mf.model_id FROM model_file mf JOIN location l ON l.file_id = mf.file_id"
    " WHERE mf.position = 0 AND l.state = 'present' GROUP BY mf.model_id HAVING count(*) > 1)"
)


def listing(query: ModelQuery) -> tuple[str, dict[str, Any]]:
    """The SQL of a listing and its parameters. Raises UsageError for an unknown sort word."""
    if query.sort not in _SORTS:
        raise UsageError(f"Models cannot be sorted by `{query.sort}`.", f"One of: {', '.join(_SORTS)}.")
    where, parameters = _conditions(query)
    column = _SORTS[query.sort]
    direction, sign = ("DESC", "<") if query.reverse else ("ASC", ">")
    if query.after is not None:
        value = {
            "m.name_key": normalize_key(query.after.name),
            "m.size": query.after.size,
            "m.added_at": query.after.added_at,
        }
        parameters["after"] = value.get(column, getattr(query.after, query.sort, ""))
        parameters["after_id"] = query.after.id
        where.append(f"({column}, m.id) {sign} (:after, :after_id)")
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    limit = ""
    if query.limit is not None:
        limit, parameters["limit"] = " LIMIT :limit", query.limit
    return (
        f"SELECT {ROW_COLUMNS} FROM model m{condition} ORDER BY {column} {direction}, m.id {direction}{limit}",
        parameters,
    )


def _conditions(query: ModelQuery) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    parameters: dict[str, Any] = {}
    for name in _EQUAL:
        value = getattr(query, name)
        if value is not None:
            where.append(f"m.{name} = :{name}")
            parameters[name] = value.lower()
    if query.architecture is not None:
        # A model that fits several architectures belongs to each of them.
        where.append("(m.architecture = :architecture OR (m.architecture IS NULL AND m.candidates LIKE :among))")
        parameters |= {"architecture": query.architecture.lower(), "among": f'%"{query.architecture.lower()}"%'}
    for name, condition, convert in _CONDITIONS:
        value = getattr(query, name)
        if value:
            where.append(condition)
            parameters[name] = convert(value)
    if query.missing:
        where.append("m.state <> 'present'")
    if query.duplicates:
        where.append(_DUPLICATE)
    return where, parameters


def search(database: Database, words: str, limit: int) -> list[tuple[Any, ...]]:
    """Rows of `ROW_COLUMNS` in which every word occurs in name, trigger words, tags or notes."""
    terms = [normalize_key(word) for word in words.split()]
    if not terms:
        return []
    where: list[str] = []
    parameters: dict[str, Any] = {"limit": limit}
    for number, term in enumerate(terms):
        name = f"w{number}"
        if database.is_sqlite and len(term) >= 3:  # the trigram index knows nothing shorter
            where.append(f"m.id IN (SELECT rowid FROM model_search WHERE model_search MATCH :{name})")
            parameters[name] = '"' + term.replace('"', '""') + '"'
        else:
            where.append(f"m.id IN (SELECT model_id FROM model_text WHERE text LIKE :{name} ESCAPE '!')")
            parameters[name] = like_pattern(term)
    sql = f"SELECT {ROW_COLUMNS} FROM model m WHERE {' AND '.join(where)} ORDER BY m.name_key, m.id LIMIT :limit"
    return database.read(sql, parameters)


def find(database: Database, reference: str) -> list[int]:
    """Ids of the models that `reference` means, by the best kind of match that has any."""
    for answer in _matches(database, reference):
        if answer:
            return answer
    return []


def _matches(database: Database, reference: str) -> Iterator[list[int]]:
    text = reference.strip()
    yield ids_of(
        database.read("SELECT id FROM model WHERE name_key = :name ORDER BY id", {"name": normalize_key(text)})
    )
    if text.isascii() and text.isdigit():
        yield ids_of(database.read("SELECT id FROM model WHERE id = :id", {"id": min(int(text[:18]), 1 << 62)}))
    yield _at_path(database, text)
    stem = Path(text).stem if re.search(r"\.\w+$", text) else ""
    if stem:
        yield ids_of(
            database.read("SELECT id FROM model WHERE name_key = :name ORDER BY id", {"name": normalize_key(stem)})
        )
    yield _with_hash(database, text.lower().removeprefix("0x"))
    pattern = {"name": like_pattern(normalize_key(text))}
    yield ids_of(
        database.read("SELECT id FROM model WHERE name_key LIKE :name ESCAPE '!' ORDER BY name_key, id", pattern)
    )


def _at_path(database: Database, text: str) -> list[int]:
    if not any(separator in text for separator in ("/", os.sep, ".")):
        return []
    path = Path(absolute_path(text))
    for name, root in database.read("SELECT id, path FROM root"):
        try:
            relative = path.relative_to(root).as_posix()
        except ValueError:
            continue
        sql = (
            "SELECT DISTINCT mf.model_id FROM location l JOIN model_file mf ON mf.file_id = l.file_id"
            " WHERE l.root_id = :root AND l.relative_key IN (:key, :index) ORDER BY mf.model_id"
        )
        key = path_key(encode_text(relative))
        index = path_key(encode_text(f"{relative}/model_index.json"))
        found = ids_of(database.read(sql, {"root": name, "key": key, "index": index}))
        if found:
            return found
    return []


def _with_hash(database: Database, text: str) -> list[int]:
    """Six or more leading digits of a SHA-256 (so of AutoV2) or BLAKE3; AutoV1, AutoV3 and CRC32 likewise."""
    if not re.fullmatch(r"[0-9a-f]{6,64}", text):
        return []
    conditions = " OR ".join(
        f"(f.{column} >= :low AND f.{column} < :high)" for column in ("sha256", "blake3", "autov1", "autov3", "crc32")
    )
    sql = (
        "SELECT DISTINCT mf.model_id FROM file f JOIN model_file mf ON mf.file_id = f.id"
        f" WHERE {conditions} OR f.autov3 = :short ORDER BY mf.model_id"
    )
    return ids_of(database.read(sql, {"low": text, "high": text + "g", "short": text[:12]}))


def from_source(database: Database, kind: str, reference: str, path: str, commit: str | None) -> list[int]:
    """Ids of the models that came from this file of this source, at this commit."""
    sql = (
        "SELECT DISTINCT model_id FROM source WHERE kind = :kind AND reference = :reference AND path = :path"
        " AND coalesce(\"commit\", '') = :commit ORDER BY model_id"
    )
    values = {"kind": kind, "reference": encode_text(reference), "path": encode_text(path), "commit": commit or ""}
    return ids_of(database.read(sql, values))


def sharing(database: Database, model_id: int) -> list[int]:
    """Ids of other models that have a file of this one."""
    sql = (
        "SELECT DISTINCT o.model_id FROM model_file mf JOIN model_file o ON o.file_id = mf.file_id"
        " WHERE mf.model_id = :id AND o.model_id <> :id ORDER BY o.model_id"
    )
    return ids_of(database.read(sql, {"id": model_id}))


def counts(database: Database) -> Counts:
    """How many models, in all and by each word."""

    def by(column: str) -> dict[str, int]:
        return dict(database.read(f"SELECT {column}, count(*) FROM model GROUP BY {column}"))

    models, size, broken = database.read(
        "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(CASE WHEN broken THEN 1 ELSE 0 END), 0) FROM model"
    )[0]
    return Counts(
        models=models, size=size, by_type=by("type"), by_state=by("state"), by_verdict=by("verdict"), broken=broken
    )


def duplicates(database: Database, level: str) -> list[Duplicates]:
    """Contents held more than once. `level`: "file", "weights", or a component ("vae", "unet", "text_encoder" …)."""
    if level == "file":
        return _same_files(database)
    sql = (
        "SELECT f.fingerprints, f.size, mf.model_id, r.path, l.relative FROM file f"
        " JOIN model_file mf ON mf.file_id = f.id JOIN location l ON l.file_id = f.id JOIN root r ON r.id = l.root_id"
        " WHERE f.fingerprints IS NOT NULL AND l.state = 'present' ORDER BY l.id"
    )
    return group_digests(database.read(sql), level)


def _same_files(database: Database) -> list[Duplicates]:
    sql = (
        "SELECT f.sha256, f.size, r.path, l.relative, mf.model_id FROM file f JOIN location l ON l.file_id = f.id"
        " JOIN root r ON r.id = l.root_id LEFT JOIN model_file mf ON mf.file_id = f.id AND mf.position = 0"
        " WHERE l.state = 'present' AND f.id IN (SELECT file_id FROM location WHERE state = 'present'"
        " GROUP BY file_id HAVING count(*) > 1) ORDER BY f.size DESC, f.sha256, l.id"
    )
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for row in database.read(sql):
        groups.setdefault(row[0], []).append(row)
    return [
        Duplicates(
            digest=digest,
            level="file",
            size=rows[0][1],
            paths=tuple(dict.fromkeys(Path(row[2], row[3]) for row in rows)),
            model_ids=tuple(dict.fromkeys(row[4] for row in rows if row[4] is not None)),
        )
        for digest, rows in groups.items()
    ]


def group_digests(rows: list[tuple[Any, ...]], level: str) -> list[Duplicates]:
    """Models that share a component: by the `signs` digest, which no rounding changes."""
    import json

    groups: dict[str, list[tuple[Any, ...]]] = {}
    for fingerprints, size, model_id, root, relative in rows:
        for digest in json.loads(fingerprints):
            if digest["component"] == level:
                groups.setdefault(digest["signs"], []).append((size, model_id, Path(root, relative)))
    return [
        Duplicates(
            digest=digest,
            level=level,
            size=max(item[0] for item in items),
            paths=tuple(dict.fromkeys(item[2] for item in items)),
            model_ids=tuple(dict.fromkeys(item[1] for item in items)),
        )
        for digest, items in groups.items()
        if len({item[1] for item in items}) > 1
    ]


def check(database: Database) -> list[str]:
    """Damage that SQLite itself finds, and rows that point nowhere."""
    if not database.is_sqlite:
        return []
    wrong = [f"the database is damaged: {row[0]}" for row in database.read("PRAGMA quick_check(5)") if row[0] != "ok"]
    lost = database.read("PRAGMA foreign_key_check")
    if lost:
        wrong.append(f"{len(lost)} rows of the catalog point at others that are gone (first: table {lost[0][0]})")
    empty = database.read("SELECT count(*) FROM model WHERE id NOT IN (SELECT model_id FROM model_file)")[0][0]
    if empty:
        wrong.append(f"{empty} models have no file")
    return wrong
