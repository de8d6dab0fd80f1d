"""Lookups: which contents a service was asked about, when, and whether it knew them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from modelhub.catalog import writing
from modelhub.catalog.database import Database
from modelhub.catalog.values import Lookup
from modelhub.domain import Source, TriggerWord


class Lookups:
    """The part of the catalog that remembers what services said."""

    _database: Database
    _searchable: bool

    def lookups(self, service: str) -> Mapping[str, Lookup]:
        """What `service` was asked about, by SHA-256."""
        rows = self._database.read(
            "SELECT sha256, asked_at, found FROM lookup WHERE service = :service", {"service": service}
        )
        return {row[0]: Lookup(sha256=row[0], asked_at=row[1], found=bool(row[2])) for row in rows}

    def add_lookups(self, service: str, found: Mapping[str, bool]) -> None:
        """Remember that `service` was asked about these SHA-256 now, and whether it knew them."""
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
        """What a source says of a model. The user's own words stay above it."""
        with self._database.transaction() as run:
            writing.add_source(run, model_id, source)
            writing.change_tags(run, model_id, add=tags, remove=())
            writing.add_words(run, model_id, tuple(words))
            writing.refresh(run, model_id, searchable=self._searchable)
