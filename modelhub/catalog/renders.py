"""The results of render tests in the catalog."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelhub.catalog.database import Database
from modelhub.catalog.encoding import encode_text
from modelhub.catalog.rows import RENDER_RUN
from modelhub.catalog.values import RenderRun


class Renders:
    """The render runs of a catalog."""

    _database: Database

    def add_render_run(self, run_: RenderRun) -> RenderRun:
        """Store a run, which becomes the latest of its model, and return it with its id."""
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
        """Return a model's runs, newest first."""
        return self._runs("model_id = :id", {"id": model_id})

    def last_render_runs(self) -> Mapping[int, RenderRun]:
        """Return the latest run of every model that has one, by the model's id."""
        latest = "id IN (SELECT max(id) FROM render_run GROUP BY model_id)"
        return {run.model_id: run for run in self._runs(latest, {})}

    def _runs(self, condition: str, values: Mapping[str, Any]) -> list[RenderRun]:
        sql = f"SELECT {RENDER_RUN.sql} FROM render_run WHERE {condition} ORDER BY id DESC"
        return RENDER_RUN.values(self._database.read(sql, values))
