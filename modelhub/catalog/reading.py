"""All reads: rows for listings, whole records for everything else. The one place for their SQL."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelhub.catalog.columns import effective
from modelhub.catalog.database import Database
from modelhub.catalog.encoding import decode_inode, decode_text
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
# The columns of `source`, by the names of the fields of `Source`.
SOURCE_FIELDS = (
    "kind", "reference", "requested", "revision", "commit", "url", "path", "license", "fetched_at", "scan", "base_model"
)  # fmt: skip
_SOURCE_COLUMNS = ", ".join(f'"{name}"' for name in SOURCE_FIELDS)
ROW_COLUMNS = (
    "m.id, m.name, m.type, m.architecture, m.candidates, m.variant, m.precision, m.style, m.words, m.format, m.size,"
    " m.state, m.verdict, m.problem_count, m.broken, m.added_at"
)
_FILE_COLUMNS = (
    "f.id, f.sha256, f.size, f.format, f.blake3, f.crc32, f.autov1, f.autov3, f.detection, f.safety, f.problems,"
    " f.broken, f.rules_version"
)


def _in(ids: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    names = {f"p{i}": value for i, value in enumerate(ids)}
    return "(" + ", ".join(f":{name}" for name in names) + ")", names


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def rows_from(database: Database, found: Sequence[tuple[Any, ...]]) -> list[ModelRow]:
    """Listing rows from tuples of `ROW_COLUMNS`, with the place of each model's main file."""
    places = _main_places(database, [row[0] for row in found])
    result = []
    for row in found:
        lying = places.get(row[0], [])
        present = [path for path, state in lying if state == LocationState.PRESENT]
        path = next(iter(present or [path for path, _ in lying]), None)
        if row[9] == Format.DIFFUSERS and path is not None:
            path = path.parent if len(lying) == 1 else records(database, [row[0]])[0].path
        result.append(
            ModelRow(
                id=row[0],
                name=row[1],
                type=row[2],
                architecture=row[3],
                architecture_candidates=tuple(json.loads(row[4])),
                variant=row[5],
                precision=row[6],
                style=row[7],
                trigger_words=tuple(json.loads(row[8])),
                format=row[9],
                size=row[10],
                state=row[11],
                verdict=row[12],
                problems=row[13],
                broken=bool(row[14]),
                added_at=row[15],
                places=len(present),
                path=path,
            )
        )
    return result


def _main_places(database: Database, ids: Sequence[int]) -> dict[int, list[tuple[Path, str]]]:
    places: dict[int, list[tuple[Path, str]]] = defaultdict(list)
    for chunk in _chunks(ids):
        names, parameters = _in(chunk)
        sql = (
            "SELECT mf.model_id, r.path, l.relative, l.state FROM model_file mf"
            " JOIN location l ON l.file_id = mf.file_id JOIN root r ON r.id = l.root_id"
            f" WHERE mf.position = 0 AND mf.model_id IN {names} ORDER BY l.id"
        )
        for model_id, root, relative, state in database.read(sql, parameters):
            places[model_id].append((Path(decode_text(root), decode_text(relative)), state))
    return places


def records(database: Database, ids: Sequence[int]) -> list[ModelRecord]:
    """Whole records, in the order of `ids`; a handful of queries however many there are."""
    found: dict[int, ModelRecord] = {}
    for chunk in _chunks(ids):
        names, parameters = _in(chunk)

        def by_model(sql: str, names: str = names, parameters: Mapping[str, Any] = parameters) -> dict[int, list[Any]]:
            groups: dict[int, list[Any]] = defaultdict(list)
            for row in database.read(sql.format(ids=names), parameters):
                groups[row[0]].append(row[1:])
            return groups

        files = by_model(
            f"SELECT mf.model_id, mf.role, {_FILE_COLUMNS} FROM model_file mf JOIN file f ON f.id = mf.file_id"
            " WHERE mf.model_id IN {ids} ORDER BY mf.model_id, mf.position"
        )
        places = _places(database, sorted({row[1] for group in files.values() for row in group}))
        sources = by_model(f"SELECT model_id, {_SOURCE_COLUMNS} FROM source WHERE model_id IN {{ids}} ORDER BY id")
        tags = by_model("SELECT model_id, tag FROM tag WHERE model_id IN {ids} ORDER BY tag_key")
        own = by_model("SELECT model_id, field, value FROM override WHERE model_id IN {ids} ORDER BY field")
        words = by_model(
            "SELECT model_id, word, source FROM trigger_word WHERE model_id IN {ids} ORDER BY model_id, position"
        )
        models = database.read(
            f"SELECT id, name, verdict, format, size, state, whole, notes, added_at FROM model WHERE id IN {names}",
            parameters,
        )
        for row in models:
            key = row[0]
            found[key] = _record(
                row,
                tuple(_file(item, places) for item in files.get(key, ())),
                tuple(Source(**dict(zip(SOURCE_FIELDS, item, strict=True))) for item in sources.get(key, ())),
                tuple(item[0] for item in tags.get(key, ())),
                dict(own.get(key, ())),
                tuple(TriggerWord(*item) for item in words.get(key, ())),
            )
    return [found[key] for key in ids if key in found]


def _record(
    row: tuple[Any, ...],
    files: tuple[FileRecord, ...],
    sources: tuple[Source, ...],
    tags: tuple[str, ...],
    own: Mapping[str, str],
    words: tuple[TriggerWord, ...],
) -> ModelRecord:
    key, name, verdict, format, size, state, whole, notes, added_at = row
    main = files[0] if files else None
    answer = json.loads(whole) if whole else None
    detection = restore_detection(answer["detection"]) if answer else main.detection if main else Detection()
    safety = restore_safety(answer["safety"]) if answer else main.safety if main else SafetyReport(Verdict(verdict))
    return ModelRecord(
        id=key,
        name=name,
        detection=effective(detection, own, words),
        format=Format(format),
        size=size,
        safety=safety,
        state=LocationState(state),
        problems=tuple(answer["problems"]) if answer else main.problems if main else (),
        files=files,
        sources=sources,
        tags=tags,
        notes=notes,
        overrides=dict(own),
        added_at=added_at,
    )


def _places(database: Database, file_ids: Sequence[int]) -> dict[int, list[Location]]:
    places: dict[int, list[Location]] = defaultdict(list)
    for chunk in _chunks(file_ids):
        names, parameters = _in(chunk)
        sql = (
            "SELECT l.file_id, r.name, r.path, l.relative, l.size, l.mtime_ns, l.inode, l.state FROM location l"
            f" JOIN root r ON r.id = l.root_id WHERE l.file_id IN {names} ORDER BY l.id"
        )
        for file_id, root, path, relative, size, mtime_ns, inode, state in database.read(sql, parameters):
            places[file_id].append(
                Location(
                    root=root,
                    root_path=Path(decode_text(path)),
                    relative=decode_text(relative),
                    size=size,
                    mtime_ns=mtime_ns,
                    inode=decode_inode(inode),
                    state=LocationState(state),
                )
            )
    return places


def _file(row: tuple[Any, ...], places: Mapping[int, list[Location]]) -> FileRecord:
    role, key, sha256, size, format, blake3, crc32, autov1, autov3, detection, safety, problems, broken, rules = row
    return FileRecord(
        id=key,
        sha256=sha256,
        size=size,
        format=Format(format),
        hashes=Hashes(sha256=sha256, blake3=blake3, crc32=crc32, autov1=autov1, autov3=autov3),
        detection=restore_detection(json.loads(detection)),
        safety=restore_safety(json.loads(safety)),
        problems=tuple(json.loads(problems)),
        broken=bool(broken),
        rules_version=rules,
        locations=tuple(places.get(key, ())),
        role=role,
    )


def files(database: Database, condition: str, parameters: Mapping[str, Any]) -> list[FileRecord]:
    """File records for a condition over table `f`."""
    found = database.read(f"SELECT 'weights', {_FILE_COLUMNS} FROM file f WHERE {condition} ORDER BY f.id", parameters)
    places = _places(database, [row[1] for row in found])
    return [_file(row, places) for row in found]


def ids_of(rows: Iterable[tuple[Any, ...]]) -> list[int]:
    """The first column."""
    return [row[0] for row in rows]
