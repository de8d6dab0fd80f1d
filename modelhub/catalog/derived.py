"""The values that follow from a model's files, places and the user's edits: its listing row and its search text."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.catalog.columns import effective, model_columns
from modelhub.catalog.database import Run
from modelhub.catalog.encoding import decode_text, encode_text, normalize_key
from modelhub.catalog.rows import ANSWERS, TRIGGER_WORD
from modelhub.documents.stored import restore_detection, restore_safety
from modelhub.domain import LocationState

# From the best state to the worst.
_STATES = tuple(state.value for state in (LocationState.PRESENT, LocationState.UNAVAILABLE, LocationState.MISSING))


def refresh(run: Run, model_id: int, *, searchable: bool) -> None:
    """Update a model's row from its files' answers, its places and the user's values."""
    rows = run(
        f"SELECT {ANSWERS.sql} FROM model m JOIN model_file mf ON mf.model_id = m.id AND mf.position = 0"
        " JOIN file f ON f.id = mf.file_id WHERE m.id = :id",
        {"id": model_id},
    )
    if not rows:
        return
    answers = ANSWERS.value(rows[0])
    if answers["whole"] is not None:
        whole = answers["whole"]
        answers |= {"format": whole["format"], "broken": whole["broken"], "problems": whole["problems"]}
        answers |= {"detection": restore_detection(whole["detection"]), "safety": restore_safety(whole["safety"])}
    fields = run("SELECT field, value FROM override WHERE model_id = :id", {"id": model_id})
    own = {field: decode_text(value) for field, value in fields}
    sql = f"SELECT {TRIGGER_WORD.sql} FROM trigger_word WHERE model_id = :id ORDER BY position"
    result = effective(answers["detection"], own, TRIGGER_WORD.values(run(sql, {"id": model_id})))
    values = model_columns(
        name=own.get("name", answers["name"]),
        detection=result,
        verdict=answers["safety"].verdict.value,
        format=answers["format"],
        size=_size(run, model_id),
        state=_state(run, model_id),
        broken=bool(answers["broken"]),
        problems=len(answers["problems"]),
    )
    notes = own.get("notes", answers["notes"])
    values["notes"] = encode_text(notes)
    assignments = ", ".join(f"{column} = :{column}" for column in values)
    run(f"UPDATE model SET {assignments} WHERE id = :id", {**values, "id": model_id})
    words = [normalize_key(word.word) for word in result.trigger_words]
    _index(run, model_id, [values["name_key"], normalize_key(notes)], words, searchable)


def _size(run: Run, model_id: int) -> int:
    sql = "SELECT coalesce(sum(f.size), 0) FROM model_file mf JOIN file f ON f.id = mf.file_id WHERE mf.model_id = :id"
    return int(run(sql, {"id": model_id})[0][0])


def _state(run: Run, model_id: int) -> str:
    """Return the best state of the main file's places."""
    rows = run(
        "SELECT DISTINCT l.state FROM model_file mf JOIN location l ON l.file_id = mf.file_id"
        " WHERE mf.model_id = :id AND mf.position = 0",
        {"id": model_id},
    )
    states = {row[0] for row in rows}
    return next((state for state in _STATES if state in states), LocationState.MISSING.value)


def _index(run: Run, model_id: int, texts: Sequence[str], words: Sequence[str], searchable: bool) -> None:
    """Store what searches look through: the texts, the trigger words and the tags of a model."""
    run("DELETE FROM model_word WHERE model_id = :id", {"id": model_id})
    for key in dict.fromkeys(words):
        run("INSERT INTO model_word (model_id, word_key) VALUES (:id, :key)", {"id": model_id, "key": key})
    tags = [row[0] for row in run("SELECT tag_key FROM tag WHERE model_id = :id", {"id": model_id})]
    text = "\n".join([*texts, *words, *tags])
    run("DELETE FROM model_text WHERE model_id = :id", {"id": model_id})
    run("INSERT INTO model_text (model_id, text) VALUES (:id, :text)", {"id": model_id, "text": text})
    if searchable:
        run("DELETE FROM model_search WHERE rowid = :id", {"id": model_id})
        run("INSERT INTO model_search (rowid, text) VALUES (:id, :text)", {"id": model_id, "text": text})
