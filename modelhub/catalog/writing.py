"""Write models and files. Each function works inside a transaction that `Catalog` opens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from modelhub.catalog import derived
from modelhub.catalog.columns import model_columns
from modelhub.catalog.database import Run
from modelhub.catalog.encoding import encode_inode, encode_text, normalize_key, path_key
from modelhub.catalog.roots import ensure_root, locate
from modelhub.catalog.rows import SOURCE
from modelhub.catalog.values import NewFile, NewModel
from modelhub.documents.stored import store_detection, store_safety
from modelhub.domain import Inspection, LocationState, Source, TriggerWord
from modelhub.errors import ModelhubError


def put_file(run: Run, file: NewFile, rules_version: int) -> int:
    """Insert or update the row of this content and return its id."""
    inspection = file.inspection
    hashes = inspection.hashes
    if hashes is None:
        raise ModelhubError(f"{inspection.path} cannot be added to the catalog before it is hashed.")
    values = {
        **answers(inspection, rules_version),
        "sha256": hashes.sha256,
        "size": file.location.size,
        "blake3": hashes.blake3,
        "crc32": hashes.crc32,
        "autov1": hashes.autov1,
        "autov3": hashes.autov3,
        "fingerprints": json.dumps(file.fingerprints) if file.fingerprints is not None else None,
    }
    names = list(values)
    kept = ("sha256", "fingerprints")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in kept)
    sql = (
        f"INSERT INTO file ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        f" ON CONFLICT (sha256) DO UPDATE SET {updates},"
        " fingerprints = coalesce(excluded.fingerprints, file.fingerprints) RETURNING id"
    )
    return int(run(sql, values)[0][0])


def answers(inspection: Inspection, rules_version: int) -> dict[str, Any]:
    """Return the columns of a file's row that come from an inspection."""
    return {
        "format": inspection.format.value,
        "detection": json.dumps(store_detection(inspection.detection)),
        "safety": json.dumps(store_safety(inspection.safety)),
        "problems": json.dumps(inspection.problems),
        "broken": inspection.broken,
        "rules_version": rules_version,
    }


def put_location(run: Run, file_id: int, file: NewFile) -> None:
    """Record the place of a file; a place that held another content now holds this one."""
    place = file.location
    located = locate(run, place.path)
    root, relative = located or (ensure_root(run, place.path.parent, None, whole=False), place.path.name)
    run(
        "INSERT INTO location (file_id, root_id, relative, relative_key, size, mtime_ns, inode, state)"
        " VALUES (:file, :root, :relative, :key, :size, :mtime, :inode, 'present')"
        " ON CONFLICT (root_id, relative_key) DO UPDATE SET file_id = excluded.file_id, relative = excluded.relative,"
        " size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode, state = 'present'",
        {
            "file": file_id,
            "root": root.id,
            "relative": encode_text(relative),
            "key": path_key(relative),
            "size": place.size,
            "mtime": place.mtime_ns,
            "inode": encode_inode(place.inode),
        },
    )


def record(run: Run, entry: NewModel, *, searchable: bool) -> int:
    """Record a model with its files, places, sources and words, and return its id.

    When these files are a model already, that one is updated.
    """
    ids = [put_file(run, file, entry.rules_version) for file in entry.files]
    for key, file in zip(ids, entry.files, strict=True):
        put_location(run, key, file)
    model_id = _existing(run, ids) or _insert(run, entry, ids)
    for source in entry.sources:
        add_source(run, model_id, source)
    change_tags(run, model_id, add=entry.tags, remove=())
    add_words(run, model_id, entry.trigger_words)
    derived.refresh(run, model_id, searchable=searchable)
    return model_id


def _existing(run: Run, ids: Sequence[int]) -> int | None:
    rows = run(
        "SELECT mf.model_id, (SELECT count(*) FROM model_file x WHERE x.model_id = mf.model_id) FROM model_file mf"
        " WHERE mf.file_id = :file AND mf.position = 0 ORDER BY mf.model_id",
        {"file": ids[0]},
    )
    for model_id, count in rows:
        if count == len(ids) and (count == 1 or sorted(_files_of(run, model_id)) == sorted(ids)):
            return int(model_id)
    return None


def _files_of(run: Run, model_id: int) -> list[int]:
    rows = run("SELECT file_id FROM model_file WHERE model_id = :id ORDER BY position", {"id": model_id})
    return [row[0] for row in rows]


def _insert(run: Run, entry: NewModel, ids: Sequence[int]) -> int:
    inspection = entry.inspection
    main = inspection or entry.files[0].inspection
    values = {
        **model_columns(
            name=entry.name,
            detection=main.detection,
            verdict=main.safety.verdict.value,
            format=main.format.value,
            size=sum(file.location.size for file in entry.files),
            state=LocationState.PRESENT.value,
            broken=main.broken,
            problems=len(main.problems),
        ),
        "recorded_name": encode_text(entry.name),
        "whole": whole_text(inspection) if inspection is not None else None,
        "notes": encode_text(entry.notes),
        "added_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    names = list(values)
    sql = f"INSERT INTO model ({', '.join(names)}) VALUES ({', '.join(f':{n}' for n in names)}) RETURNING id"
    model_id = int(run(sql, values)[0][0])
    for position, (key, file) in enumerate(zip(ids, entry.files, strict=True)):
        run(
            "INSERT INTO model_file (model_id, position, file_id, role) VALUES (:model, :position, :file, :role)",
            {"model": model_id, "position": position, "file": key, "role": encode_text(file.role)},
        )
    return model_id


def whole_text(inspection: Inspection) -> str:
    """Return the answers about a model of several files as a whole, as its row stores them."""
    parts = {"detection": store_detection(inspection.detection), "safety": store_safety(inspection.safety)}
    return json.dumps(
        {**parts, "problems": inspection.problems, "broken": inspection.broken, "format": inspection.format.value}
    )


def add_source(run: Run, model_id: int, source: Source) -> None:
    """Record where a model came from; the same place twice is one source, which is updated."""
    values: dict[str, Any] = {"model": model_id}
    for name in SOURCE.names:
        value = getattr(source, name)
        values[name] = None if value is None else encode_text(value)
    run(
        "DELETE FROM source WHERE model_id = :model AND kind = :kind AND reference = :reference"
        " AND coalesce(path, '') = coalesce(:path, '')",
        {name: values[name] for name in ("model", "kind", "reference", "path")},
    )
    marks = ", ".join(f":{name}" for name in SOURCE.names)
    run(f"INSERT INTO source (model_id, {SOURCE.sql}) VALUES (:model, {marks})", values)


def change_tags(run: Run, model_id: int, *, add: Iterable[str], remove: Iterable[str]) -> None:
    """Add and remove tags; upper and lower case are the same tag."""
    for text in add:
        if text.strip():
            run(
                "INSERT INTO tag (model_id, tag_key, tag) VALUES (:model, :key, :tag) ON CONFLICT DO NOTHING",
                {"model": model_id, "key": normalize_key(text.strip()), "tag": encode_text(text.strip())},
            )
    for text in remove:
        run(
            "DELETE FROM tag WHERE model_id = :model AND tag_key = :key",
            {"model": model_id, "key": normalize_key(text.strip())},
        )


def add_words(run: Run, model_id: int, words: Sequence[TriggerWord]) -> None:
    """Add trigger words after those that are known, each once."""
    known = run("SELECT word FROM trigger_word WHERE model_id = :model", {"model": model_id})
    have = {row[0] for row in known}
    for word in words:
        if encode_text(word.word) not in have:
            run(
                "INSERT INTO trigger_word (model_id, position, word, source) VALUES (:id, :position, :word, :source)",
                {
                    "id": model_id,
                    "position": len(have),
                    "word": encode_text(word.word),
                    "source": encode_text(word.source),
                },
            )
            have.add(encode_text(word.word))


def remove(run: Run, model_id: int, *, searchable: bool) -> None:
    """Delete a model, and the files and places that no other model uses."""
    ids = _files_of(run, model_id)
    if searchable:
        run("DELETE FROM model_search WHERE rowid = :id", {"id": model_id})
    run("DELETE FROM model WHERE id = :id", {"id": model_id})
    for key in ids:
        drop_unused(run, key)


def drop_unused(run: Run, file_id: int) -> None:
    """Delete a file that no model uses any more."""
    if not run("SELECT 1 FROM model_file WHERE file_id = :id", {"id": file_id}):
        run("DELETE FROM location WHERE file_id = :id", {"id": file_id})
        run("DELETE FROM file WHERE id = :id", {"id": file_id})


def clear_override(run: Run, model_id: int, field: str) -> None:
    """Delete the user's value; a name becomes the recorded one again."""
    run("DELETE FROM override WHERE model_id = :id AND field = :field", {"id": model_id, "field": field})


def replace_content(run: Run, location_id: int, file: NewFile, rules_version: int, *, searchable: bool) -> int:
    """Record another content at a known place and return the id of its model.

    A model that has no other place becomes the new content and keeps the user's values.
    """
    before = run("SELECT file_id FROM location WHERE id = :id", {"id": location_id})[0][0]
    file_id = put_file(run, file, rules_version)
    put_location(run, file_id, file)
    places = run("SELECT count(*) FROM location WHERE file_id = :id", {"id": before})[0][0]
    models = run("SELECT model_id FROM model_file WHERE file_id = :id AND position = 0", {"id": before})
    if before != file_id and not places:
        run("UPDATE model_file SET file_id = :new WHERE file_id = :old", {"new": file_id, "old": before})
        drop_unused(run, before)
    if places or not models:
        return record(
            run,
            NewModel(name=file.location.path.stem, files=(file,), rules_version=rules_version),
            searchable=searchable,
        )
    for (model_id,) in models:
        derived.refresh(run, model_id, searchable=searchable)
    return int(models[0][0])
