"""Lookups by hash at online services: which contents, when, and whether the service knew them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from modelhub.catalog import derived, writing
from modelhub.catalog.database import Database
from modelhub.catalog.rows import LOOKUP
from modelhub.catalog.values import Lookup
from modelhub.domain import Source, TriggerWord


class Lookups:
    """The lookups of a catalog, and what they add to its models."""

    _database: Database
    _searchable: bool

    def lookups(self, service: str) -> Mapping[str, Lookup]:
        """Return the lookups at `service`, by SHA-256."""
        sql = f"SELECT {LOOKUP.sql} FROM lookup WHERE service = :service"
        return {lookup.sha256: lookup for lookup in LOOKUP.values(self._database.read(sql, {"service": service}))}

    def add_lookups(self, service: str, found: Mapping[str, bool]) -> None:
        """Store lookups that were made now: SHA-256 → whether `service` knew it."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.transaction() as run:
            for sha256, known in found.items():
                run(
                    "INSERT INTO lookup (service, sha256, asked_at, found) VALUES (:service, :sha256, :now, :known)"
                    " ON CONFLICT (service, sha256) DO UPDATE SET asked_at = excluded.asked_at, found = excluded.found",
                    {"service": service, "sha256": sha256.lower(), "now": now, "known": known},
                )

    def learn(
        self, model_id: int, source: Source, *, tags: Iterable[str] = (), words: Iterable[TriggerWord] = ()
    ) -> None:
        """Add what a source knows of a model; the user's own values still override it."""
        with self._database.transaction() as run:
            writing.add_source(run, model_id, source)
            writing.change_tags(run, model_id, add=tags, remove=())
            writing.add_words(run, model_id, tuple(words))
            derived.refresh(run, model_id, searchable=self._searchable)
