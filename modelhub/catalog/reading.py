"""Read models: rows for listings, whole records for everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelhub.catalog.columns import effective
from modelhub.catalog.database import Database
from modelhub.catalog.encoding import decode_text
from modelhub.catalog.rows import FILE, LOCATION, MODEL, MODEL_ROW, SOURCE, TRIGGER_WORD, Row
from modelhub.catalog.values import ModelRow
from modelhub.documents.stored import restore_detection, restore_safety
from modelhub.domain import (
    Detection,
    FileRecord,
    Format,
    Hashes,
    Location,
    LocationState,
    ModelRecord,
    SafetyReport,
    Source,
    TriggerWord,
    Verdict,
)

_CHUNK = 900  # ids in one IN list; old builds of SQLite take 999 parameters


def _in(ids: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    names = {f"p{i}": value for i, value in enumerate(ids)}
    return "(" + ", ".join(f":{name}" for name in names) + ")", names


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _grouped(database: Database, sql: str, ids: Sequence[int]) -> dict[int, list[Row]]:
    """Return the rows of a query by the id in their first column; `{ids}` in the SQL is the list of all ids."""
    names, parameters = _in(ids)
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in database.read(sql.format(ids=names), parameters):
        groups[row[0]].append(row)
    return groups


def model_rows(database: Database, found: Sequence[Row]) -> list[ModelRow]:
    """Return listing rows from rows of `MODEL_ROW`, with the place of each model's main file."""
    places = _main_places(database, [row[0] for row in found])
    result = []
    for row in found:
        values = MODEL_ROW.named(row)
        known = places.get(values["id"], [])
        present = [path for path, state in known if state == LocationState.PRESENT]
        path = next(iter(present or [path for path, _ in known]), None)
        if values["format"] == Format.DIFFUSERS and path is not None:
            path = path.parent if len(known) == 1 else records(database, [values["id"]])[0].path
        result.append(ModelRow(**values, places=len(present), path=path))
    return result


def _main_places(database: Database, ids: Sequence[int]) -> dict[int, list[tuple[Path, str]]]:
    places: dict[int, list[tuple[Path, str]]] = defaultdict(list)
    sql = (
        "SELECT mf.model_id, r.path, l.relative, l.state FROM model_file mf"
        " JOIN location l ON l.file_id = mf.file_id JOIN root r ON r.id = l.root_id"
        " WHERE mf.position = 0 AND mf.model_id IN {ids} ORDER BY l.id"
    )
    for chunk in _chunks(ids):
        names, parameters = _in(chunk)
        for model_id, root, relative, state in database.read(sql.format(ids=names), parameters):
            places[model_id].append((Path(decode_text(root), decode_text(relative)), state))
    return places


_FILES = (
    f"SELECT mf.model_id, mf.role, {FILE.sql} FROM model_file mf JOIN file f ON f.id = mf.file_id"
    " WHERE mf.model_id IN {ids} ORDER BY mf.model_id, mf.position"
)
_SOURCES = f"SELECT model_id, {SOURCE.sql} FROM source WHERE model_id IN {{ids}} ORDER BY id"
_TAGS = "SELECT model_id, tag FROM tag WHERE model_id IN {ids} ORDER BY tag_key"
_OVERRIDES = "SELECT model_id, field, value FROM override WHERE model_id IN {ids} ORDER BY field"
_WORDS = f"SELECT model_id, {TRIGGER_WORD.sql} FROM trigger_word WHERE model_id IN {{ids}} ORDER BY model_id, position"
_ROWS = f"SELECT {MODEL_ROW.sql} FROM model m WHERE m.id IN {{ids}}"
_MODELS = f"SELECT {MODEL.sql} FROM model m WHERE m.id IN {{ids}}"


def rows(database: Database, ids: Sequence[int]) -> list[ModelRow]:
    """Return the listing rows of these models."""
    found = [row for chunk in _chunks(ids) for rows in _grouped(database, _ROWS, chunk).values() for row in rows]
    return model_rows(database, found)


def records(database: Database, ids: Sequence[int]) -> list[ModelRecord]:
    """Return whole records, in the order of `ids`; a handful of queries however many there are."""
    found: dict[int, ModelRecord] = {}
    for chunk in _chunks(ids):
        files = _grouped(database, _FILES, chunk)
        places = _places(database, sorted({row[2] for group in files.values() for row in group}))
        sources, tags = _grouped(database, _SOURCES, chunk), _grouped(database, _TAGS, chunk)
        own, words = _grouped(database, _OVERRIDES, chunk), _grouped(database, _WORDS, chunk)
        for key, (row,) in _grouped(database, _MODELS, chunk).items():
            found[key] = _record(
                MODEL.value(row),
                files=tuple(_file(item, places, skip=2, role=decode_text(item[1])) for item in files.get(key, ())),
                sources=tuple(SOURCE.value(item, skip=1) for item in sources.get(key, ())),
                tags=tuple(decode_text(tag) for _, tag in tags.get(key, ())),
                own={field: decode_text(value) for _, field, value in own.get(key, ())},
                words=tuple(TRIGGER_WORD.value(item, skip=1) for item in words.get(key, ())),
            )
    return [found[key] for key in ids if key in found]


def _record(
    model: Mapping[str, Any],
    *,
    files: tuple[FileRecord, ...],
    sources: tuple[Source, ...],
    tags: tuple[str, ...],
    own: Mapping[str, str],
    words: tuple[TriggerWord, ...],
) -> ModelRecord:
    main = files[0] if files else None
    whole = model["whole"]
    if whole is not None:
        detection, safety = restore_detection(whole["detection"]), restore_safety(whole["safety"])
        problems = tuple(whole["problems"])
    elif main is not None:
        detection, safety, problems = main.detection, main.safety, main.problems
    else:
        detection, safety, problems = Detection(), SafetyReport(Verdict(model["verdict"])), ()
    return ModelRecord(
        id=model["id"],
        name=model["name"],
        detection=effective(detection, own, words),
        format=model["format"],
        size=model["size"],
        safety=safety,
        state=model["state"],
        problems=problems,
        files=files,
        sources=sources,
        tags=tags,
        notes=model["notes"],
        overrides=dict(own),
        added_at=model["added_at"],
    )


def _places(database: Database, file_ids: Sequence[int]) -> dict[int, list[Location]]:
    places: dict[int, list[Location]] = {}
    sql = (
        f"SELECT l.file_id, {LOCATION.sql} FROM location l JOIN root r ON r.id = l.root_id"
        " WHERE l.file_id IN {ids} ORDER BY l.id"
    )
    for chunk in _chunks(file_ids):
        groups = _grouped(database, sql, chunk)
        places |= {key: [LOCATION.value(row, skip=1) for row in rows] for key, rows in groups.items()}
    return places


def _file(row: Row, places: Mapping[int, list[Location]], *, skip: int = 0, role: str = "weights") -> FileRecord:
    values = FILE.named(row, skip=skip)
    short = {name: values.pop(name) for name in ("blake3", "crc32", "autov1", "autov3")}
    hashes = Hashes(sha256=values["sha256"], **short)
    return FileRecord(**values, hashes=hashes, role=role, locations=tuple(places.get(values["id"], ())))


def files(database: Database, condition: str, parameters: Mapping[str, Any]) -> list[FileRecord]:
    """Return file records for a condition over table `f`."""
    found = database.read(f"SELECT {FILE.sql} FROM file f WHERE {condition} ORDER BY f.id", parameters)
    places = _places(database, [row[0] for row in found])
    return [_file(row, places) for row in found]


def first_column(rows: Iterable[Row]) -> list[Any]:
    """Return the first column of rows."""
    return [row[0] for row in rows]
