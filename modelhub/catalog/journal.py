"""The journal behind undo: an intent is durable before the disk changes, its outcome after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelhub.catalog.database import Database, Run
from modelhub.catalog.encoding import decode_text, encode_text
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
    """Write down what is going to be done, behind the steps that are there."""
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
    sql = "SELECT id, kind, state, parameters, started_at, finished_at FROM operation"
    values: dict[str, Any] = {}
    if state is not None:
        sql, values["state"] = f"{sql} WHERE state = :state", state
    elif number is not None:
        sql, values["number"] = f"{sql} WHERE id = :number", number
    sql += " ORDER BY id DESC"
    if limit is not None:
        sql, values["limit"] = f"{sql} LIMIT :limit", limit
    found = []
    for row in run(sql, values):
        parameters, readable = _object(row[3])
        found.append(
            Operation(
                id=row[0],
                kind=row[1],
                state=row[2],
                parameters=parameters,
                started_at=row[4],
                finished_at=row[5],
                readable=readable,
            )
        )
    return found


def steps(run: Run, operation_id: int) -> list[Step]:
    """An operation's steps in their order."""
    sql = (
        "SELECT id, operation_id, position, action, source, target, detail, state FROM step"
        " WHERE operation_id = :id ORDER BY position"
    )
    found = []
    for row in run(sql, {"id": operation_id}):
        detail, readable = _object(row[6])
        found.append(
            Step(
                id=row[0],
                operation_id=row[1],
                position=row[2],
                action=row[3],
                source=decode_text(row[4]),
                target=decode_text(row[5]),
                detail=detail,
                state=row[7],
                readable=readable,
            )
        )
    return found


def _object(text: str) -> tuple[dict[str, Any], bool]:
    """Return a JSON object, and whether the text is one: the journal of another version or a damaged one is read too.

    One such row must not keep all the others from being read.
    """
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}, False
    return (found, True) if isinstance(found, dict) else ({}, False)


class Journal:
    """The part of the catalog that undo stands on."""

    _database: Database

    def begin(self, kind: str, parameters: Mapping[str, Any] | None = None) -> Operation:
        """Open an operation, durably."""
        with self._database.transaction(durable=True) as run:
            return begin(run, kind, parameters or {})

    def plan_steps(self, operation: Operation, steps: Sequence[NewStep]) -> list[Step]:
        """Write down what is going to be done, durably, before it is."""
        with self._database.transaction(durable=True) as run:
            return plan_steps(run, operation.id, steps)

    def mark_steps(self, ids: Iterable[int], state: str) -> None:
        """Many steps are done, undone (taken back) or dropped (never done); one transaction."""
        with self._database.transaction(durable=True) as run:
            for step_id in ids:
                set_step(run, step_id, state)

    def finish(self, operation: Operation, state: str = "done") -> None:
        """Close an operation: done, failed, undone …"""
        with self._database.transaction(durable=True) as run:
            finish(run, operation.id, state)

    def operation(self, number: int) -> Operation | None:
        """Return the operation with this number, None when there is none."""
        return next(iter(operations(self._database.read, number=number)), None)

    def operations(self, *, limit: int | None = None) -> list[Operation]:
        """Operations, newest first."""
        return operations(self._database.read, limit=limit)

    def unfinished(self) -> list[Operation]:
        """Operations that were broken off, newest first."""
        return operations(self._database.read, state=RUNNING)

    def steps(self, operation: Operation) -> list[Step]:
        """An operation's steps, in their order."""
        return steps(self._database.read, operation.id)
