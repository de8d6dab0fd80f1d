"""Identify cataloged files again by newer rules, from their headers alone."""

from __future__ import annotations

from dataclasses import replace

from modelhub.catalog import Catalog
from modelhub.detect import rules_version
from modelhub.domain import LocationState
from modelhub.formats import read_header
from modelhub.operations.library.companions import inspect_unnamed
from modelhub.operations.library.identity import keep_stated_words
from modelhub.operations.library.inspect import collect_hints, inspect_header
from modelhub.progress import SILENT, Progress
from modelhub.storage.model_names import is_model_name


def reidentify_outdated(catalog: Catalog, *, progress: Progress = SILENT) -> int:
    """Identify again the files whose answers come from older rules, if they are present; return how many there were."""
    outdated = list(catalog.stale_files(rules_version()))
    with progress.task("re-identifying", total=len(outdated), unit="files") as task:
        for file in outdated:
            task.advance(1)
            place = next((p for p in file.locations if p.state is LocationState.PRESENT and p.path.is_file()), None)
            if place is None:
                continue
            hints = replace(collect_hints(place.path), sha256=file.sha256)
            if is_model_name(place.path.name):
                inspection = inspect_header(place.path, read_header(place.path), hints=hints)
            else:
                inspection = inspect_unnamed(place.path, hints=hints)
            inspection = keep_stated_words(inspection, file)
            catalog.update_file(file.sha256, replace(inspection, hashes=file.hashes), rules_version=rules_version())
    return len(outdated)
