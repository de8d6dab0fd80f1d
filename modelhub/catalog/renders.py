"""Render runs: what each model's render tests found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelhub.catalog.database import Database
from modelhub.catalog.encoding import decode_text, encode_text
from modelhub.catalog.values import RenderRun

_COLUMNS = (
    "id, model_id, base_model_id, base_name, recipe, verdict, words, metrics, warnings, picture, recipe_key, seconds,"
    " started_at"
)


class Renders:
    """The part of the catalog that remembers render tests."""

    _database: Database

    def add_render_run(self, run_: RenderRun) -> RenderRun:
        """Store a run; it is the model's latest now."""
        values = {
            "model_id": run_.model_id,
            "base_model_id": run_.base_model_id,
            "base_name": encode_text(run_.base_name),
            "recipe": json.dumps(dict(run_.recipe)),
            "verdict": run_.verdict,
            "words": encode_text(run_.words),
            "metrics": json.dumps(dict(run_.metrics)),
            "warnings": json.dumps(list(run_.warnings)),
            "picture": encode_text(json.dumps(dict(run_.pictures))),
            "recipe_key": run_.key,
            "seconds": run_.seconds,
            "started_at": run_.started_at,
        }
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        with self._database.transaction() as run:
            key = run(f"INSERT INTO render_run ({names}) VALUES ({places}) RETURNING id", values)[0][0]
        return self._runs("id = :id", {"id": key})[0]

    def render_runs(self, model_id: int) -> list[RenderRun]:
        """A model's runs, newest first."""
        return self._runs("model_id = :id", {"id": model_id})

    def last_render_runs(self) -> Mapping[int, RenderRun]:
        """Model id → its latest run, of every model that has one."""
        latest = "id IN (SELECT max(id) FROM render_run GROUP BY model_id)"
        return {run.model_id: run for run in self._runs(latest, {})}

    def _runs(self, condition: str, values: Mapping[str, Any]) -> list[RenderRun]:
        sql = f"SELECT {_COLUMNS} FROM render_run WHERE {condition} ORDER BY id DESC"
        return [_from_row(row) for row in self._database.read(sql, dict(values))]


def _from_row(row: tuple[Any, ...]) -> RenderRun:
    pictures = json.loads(decode_text(row[9])) if row[9] else {}
    return RenderRun(
        id=row[0],
        model_id=row[1],
        base_model_id=row[2],
        base_name=decode_text(row[3]),
        recipe=json.loads(row[4]),
        verdict=row[5],
        words=decode_text(row[6]),
        metrics=json.loads(row[7]),
        warnings=tuple(json.loads(row[8])),
        pictures=pictures,
        key=row[10],
        seconds=row[11] or 0.0,
        started_at=row[12],
    )
