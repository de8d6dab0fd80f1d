"""Resolve a reference to one model: a name, an id, a path, the start of a hash, or a part of a name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from modelhub.catalog.database import Database
from modelhub.catalog.encoding import absolute_path, decode_text, encode_text, like_pattern, normalize_key, path_key
from modelhub.catalog.reading import first_column
from modelhub.catalog.roots import all_roots
from modelhub.catalog.rows import Row

_CANDIDATES = 60  # names that are compared letter by letter
_PIECES = 16  # trigrams of a mistyped name that are looked for
_HASHES = ("sha256", "blake3", "autov1", "autov3", "crc32")


def find(database: Database, reference: str) -> list[int]:
    """Return the ids of the models that `reference` may mean, by the best kind of match that has any."""
    text = reference.strip()
    return next((found for found in _matches(database, text) if found), []) if text else []


def find_exact(database: Database, reference: str) -> list[int]:
    """Return the ids as `find` does, but not for a part of a name."""
    return next((found for found in _exact_matches(database, reference.strip()) if found), [])


def _matches(database: Database, text: str) -> Iterator[list[int]]:
    yield from _exact_matches(database, text)
    sql = "SELECT id FROM model WHERE name_key LIKE :name ESCAPE '!' ORDER BY name_key, id"
    yield first_column(database.read(sql, {"name": like_pattern(normalize_key(text))}))


def _exact_matches(database: Database, text: str) -> Iterator[list[int]]:
    by_name = "SELECT id FROM model WHERE name_key = :name ORDER BY id"
    yield first_column(database.read(by_name, {"name": normalize_key(text)}))
    if text.isascii() and text.isdigit():
        yield first_column(database.read("SELECT id FROM model WHERE id = :id", {"id": min(int(text[:18]), 1 << 62)}))
    yield _at_path(database, text)
    # Only of a bare file name: a path that no model is at must not mean a model of the same name somewhere else.
    stem = Path(text).stem if re.search(r"\.\w+$", text) and Path(text).name == text else ""
    if stem and not os.path.lexists(text.replace("\0", "")):
        yield _with_file_name(database, text)
        yield first_column(database.read(by_name, {"name": normalize_key(stem)}))
    yield _with_file_stem(database, text)
    yield _with_hash(database, text.lower().removeprefix("0x"))


def _at_path(database: Database, text: str) -> list[int]:
    if not any(separator in text for separator in ("/", os.sep, ".")) or "\0" in text:
        return []
    path = Path(absolute_path(text))
    sql = (
        "SELECT DISTINCT mf.model_id FROM location l JOIN model_file mf ON mf.file_id = l.file_id"
        " WHERE l.root_id = :root AND l.relative_key IN (:key, :index) ORDER BY mf.model_id"
    )
    for root in all_roots(database.read):
        if not path.is_relative_to(root.path):
            continue
        relative = path.relative_to(root.path).as_posix()
        values = {"root": root.id, "key": path_key(relative), "index": path_key(f"{relative}/model_index.json")}
        found = first_column(database.read(sql, values))
        if found:
            return found
    return []


def _with_file_name(database: Database, name: str) -> list[int]:
    """Return the ids of the models whose file has this very name: `cut.ckpt` is not `cut.safetensors`."""
    key = path_key(name)
    sql = (
        "SELECT DISTINCT mf.model_id FROM location l JOIN model_file mf ON mf.file_id = l.file_id"
        " WHERE mf.position = 0 AND (l.relative_key = :key OR l.relative_key LIKE :below ESCAPE '!')"
        " ORDER BY mf.model_id"
    )
    return first_column(database.read(sql, {"key": key, "below": like_pattern(f"/{key}")[:-1]}))


def _with_file_stem(database: Database, stem: str) -> list[int]:
    """Return the ids of the models whose file has this name, but for its suffix.

    A model has another name than its file where that is marked as a copy, such as "model (1).ckpt".
    """
    key = path_key(stem)
    sql = (
        "SELECT mf.model_id, l.relative_key FROM location l JOIN model_file mf ON mf.file_id = l.file_id"
        " WHERE mf.position = 0 AND (l.relative_key LIKE :here ESCAPE '!' OR l.relative_key LIKE :below ESCAPE '!')"
        " ORDER BY mf.model_id"
    )
    values = {"here": like_pattern(f"{key}.")[1:], "below": like_pattern(f"/{key}.")}
    found = database.read(sql, values) if "/" not in key else ()
    return list(dict.fromkeys(row[0] for row in found if PurePosixPath(row[1]).stem == key))


def _with_hash(database: Database, text: str) -> list[int]:
    """Return the ids for six or more leading digits of a SHA-256 (so of AutoV2), BLAKE3, AutoV1, AutoV3 or CRC32."""
    if not re.fullmatch(r"[0-9a-f]{6,64}", text):
        return []
    conditions = " OR ".join(f"(f.{column} >= :low AND f.{column} < :high)" for column in _HASHES)
    sql = (
        "SELECT DISTINCT mf.model_id FROM file f JOIN model_file mf ON mf.file_id = f.id"
        f" WHERE {conditions} OR f.autov3 = :short ORDER BY mf.model_id"
    )
    return first_column(database.read(sql, {"low": text, "high": text + "g", "short": text[:12]}))


def nearest_names(database: Database, text: str, *, count: int = 3) -> list[str]:
    """Return the names most like a mistyped one: the database finds those with most trigrams in common."""
    import difflib

    key = normalize_key(text.strip())
    pieces = list(dict.fromkeys(key[i : i + 3] for i in range(max(1, len(key) - 2))))[:_PIECES]
    parameters: dict[str, object] = {f"t{i}": like_pattern(piece) for i, piece in enumerate(pieces) if piece}
    if not parameters:
        return []
    hits = [f"CASE WHEN name_key LIKE :{name} ESCAPE '!' THEN 1 ELSE 0 END" for name in parameters]
    common = " + ".join(hits)
    sql = (
        f"SELECT name, name_key FROM model WHERE {common} > 0"
        f" ORDER BY {common} DESC, length(name_key), name_key LIMIT :limit"
    )
    found: list[Row] = list(database.read(sql, {**parameters, "limit": _CANDIDATES}))
    names = {row[1]: decode_text(row[0]) for row in found}
    return [names[near] for near in difflib.get_close_matches(key, names, n=count)]


def from_source(database: Database, kind: str, reference: str, path: str, commit: str | None) -> list[int]:
    """Return the ids of the models that came from this file of this source, at this commit."""
    sql = (
        "SELECT DISTINCT model_id FROM source WHERE kind = :kind AND reference = :reference AND path = :path"
        " AND coalesce(\"commit\", '') = :commit ORDER BY model_id"
    )
    values = {"kind": kind, "reference": encode_text(reference), "path": encode_text(path), "commit": commit or ""}
    return first_column(database.read(sql, values))


def sharing(database: Database, model_id: int) -> list[int]:
    """Return the ids of other models that have a file of this one."""
    sql = (
        "SELECT DISTINCT o.model_id FROM model_file mf JOIN model_file o ON o.file_id = mf.file_id"
        " WHERE mf.model_id = :id AND o.model_id <> :id ORDER BY o.model_id"
    )
    return first_column(database.read(sql, {"id": model_id}))
