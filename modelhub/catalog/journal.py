"""The journal that undo reads: a planned step is stored durably before the disk changes, its result after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelhub.catalog.database import Database, Run
from modelhub.catalog.encoding import MOST_ROWS, encode_text
from modelhub.catalog.rows import OPERATION, STEP
from modelhub.catalog.values import NewStep, Operation, Step

RUNNING = "running"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def begin(run: Run, kind: str, parameters: Mapping[str, Any]) -> Operation:
    """Open an operation."""
    started = _now()
    sql = (
        "INSERT INTO operation (kind, parameters, state, started_at) VALUES (:kind, :parameters, :state, :started)"
        " RETURNING id"
    )
    values = {"kind": kind, "parameters": json.dumps(dict(parameters)), "state": RUNNING, "started": started}
    key = run(sql, values)[0][0]
    return Operation(id=key, kind=kind, state=RUNNING, parameters=dict(parameters), started_at=started)


def plan_steps(run: Run, operation_id: int, steps: Sequence[NewStep]) -> list[Step]:
    """Store steps that are going to be done, after those that are there."""
    sql = "SELECT coalesce(max(position), -1) FROM step WHERE operation_id = :id"
    first = run(sql, {"id": operation_id})[0][0] + 1
    result = []
    for position, step in enumerate(steps, first):
        values = {
            "operation": operation_id,
            "position": position,
            "action": step.action,
            "source": encode_text(step.source),
            "target": encode_text(step.target),
            "detail": json.dumps(dict(step.detail)),
        }
        key = run(
            "INSERT INTO step (operation_id, position, action, source, target, detail, state) VALUES"
            " (:operation, :position, :action, :source, :target, :detail, 'planned') RETURNING id",
            values,
        )[0][0]
        result.append(
            Step(
                id=key,
                operation_id=operation_id,
                position=position,
                action=step.action,
                source=step.source,
                target=step.target,
                detail=dict(step.detail),
                state="planned",
            )
        )
    return result


def set_step(run: Run, step_id: int, state: str) -> None:
    """Record what became of a step."""
    run("UPDATE step SET state = :state WHERE id = :id", {"state": state, "id": step_id})


def finish(run: Run, operation_id: int, state: str) -> None:
    """Close an operation."""
    sql = "UPDATE operation SET state = :state, finished_at = :now WHERE id = :id"
    run(sql, {"state": state, "now": _now(), "id": operation_id})


def operations(
    run: Run, *, limit: int | None = None, state: str | None = None, number: int | None = None
) -> list[Operation]:
    """Return operations, newest first."""
    sql = f"SELECT {OPERATION.sql} FROM operation"
    values: dict[str, Any] = {}
    if state is not None:
        sql, values["state"] = f"{sql} WHERE state = :state", state
    elif number is not None:
        sql, values["number"] = f"{sql} WHERE id = :number", number
    sql += " ORDER BY id DESC"
    if limit is not None:
        sql, values["limit"] = f"{sql} LIMIT :limit", min(limit, MOST_ROWS)
    return OPERATION.values(run(sql, values))


def steps(run: Run, operation_id: int) -> list[Step]:
    """Return an operation's steps in their order."""
    sql = f"SELECT {STEP.sql} FROM step WHERE operation_id = :id ORDER BY position"
    return STEP.values(run(sql, {"id": operation_id}))


class Journal:
    """The journal of a catalog."""

    _database: Database

    def begin(self, kind: str, parameters: Mapping[str, Any] | None = None) -> Operation:
        """Open an operation, durably."""
        with self._database.transaction(durable=True) as run:
            return begin(run, kind, parameters or {})

    def plan_steps(self, operation: Operation, steps: Sequence[NewStep]) -> list[Step]:
        """Store steps durably before they are done."""
        with self._database.transaction(durable=True) as run:
            return plan_steps(run, operation.id, steps)

    def mark_steps(self, ids: Iterable[int], state: str) -> None:
        """Mark steps as done, undone or dropped (never done), in one transaction."""
        with self._database.transaction(durable=True) as run:
            for step_id in ids:
                set_step(run, step_id, state)

    def finish(self, operation: Operation, state: str = "done") -> None:
        """Close an operation as done, failed, undone …"""
        with self._database.transaction(durable=True) as run:
            finish(run, operation.id, state)

    def operation(self, number: int) -> Operation | None:
        """Return the operation with this number, None when there is none."""
        return next(iter(operations(self._database.read, number=number)), None) if 0 < number < MOST_ROWS else None

    def operations(self, *, limit: int | None = None) -> list[Operation]:
        """Return operations, newest first."""
        return operations(self._database.read, limit=limit)

    def unfinished(self) -> list[Operation]:
        """Return operations that were interrupted, newest first."""
        return operations(self._database.read, state=RUNNING)

    def steps(self, operation: Operation) -> list[Step]:
        """Return an operation's steps in their order."""
        return steps(self._database.read, operation.id)
