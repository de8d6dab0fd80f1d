"""Write a page of models: what the catalog knows of each, its picture, and the text to paste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.domain import LocationState, ModelRecord
from modelhub.operations.library.advice import AdviceTopic, prompt_advice
from modelhub.pages.library import LibraryPage, ModelCard, PromptLine, render_library
from modelhub.pages.thumbnails import Thumbnails, has_pillow
from modelhub.pages.write import check_page_target, write_page
from modelhub.progress import SILENT, Progress
from modelhub.render.verdicts import is_good, is_proven
from modelhub.storage.sidecar_names import sidecars_of

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, RenderRun

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
# Up to so many pictures, so many pixels for the longer side of each: the page of 1,000 models has 8 to 13 MB.
_SIDES = ((300, 256), (1500, 192), (1 << 62, 128))
# Of all pictures together, before they are encoded as text: the page of 10,000 models has less than 40 MB.
_MOST_BYTES = 20_000_000
_MOST_PICTURES = 10_000
_SHOWN_WORDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryPageResult:
    """A page that was written. `size` in bytes; `pictures`: those in it; `left_out`: those that did not fit.

    Not `has_pillow`: pictures could not be made smaller.
    """

    path: Path
    size: int
    models: int
    pictures: int
    left_out: int
    has_pillow: bool


def write_library_page(
    target: Path,
    records: Sequence[ModelRecord],
    *,
    catalog: Catalog,
    library: Path,
    query: str = "",
    progress: Progress = SILENT,
) -> LibraryPageResult:
    """Write the page of these models. `query`: the words that chose them; `library` holds the pictures of tests.

    Raise UsageError where `target` is another file than an older page, and ModelhubError when it cannot be written.
    """
    check_page_target(target)
    runs = catalog.last_render_runs()
    # Folder by folder: the names in each are then read once.
    by_folder = sorted(records, key=lambda record: str(record.path.parent if record.path else ""))
    found = {record.id: _picture(record, runs.get(record.id), library) for record in by_folder}
    pictures = [found[record.id] for record in records]
    thumbnails = _thumbnails(sum(path is not None for path in pictures))
    cards = []
    with progress.task("reading pictures", total=len(records), unit="models") as task:
        for record, uri in zip(records, thumbnails.uris(pictures), strict=True):
            cards.append(replace(_card(record, runs.get(record.id)), picture=uri))
            task.advance(1)
    page = LibraryPage(
        models=tuple(cards),
        written_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        query=query,
        pictures_left_out=thumbnails.left_out,
    )
    return LibraryPageResult(
        path=target,
        size=write_page(target, render_library(page)),
        models=len(cards),
        pictures=thumbnails.count,
        left_out=thumbnails.left_out,
        has_pillow=has_pillow(),
    )


def _thumbnails(count: int) -> Thumbnails:
    side = next(side for most, side in _SIDES if count <= most)
    return Thumbnails(side=side, most=_MOST_PICTURES, most_bytes=_MOST_BYTES, form="WEBP")


def _picture(record: ModelRecord, run: RenderRun | None, library: Path) -> Path | None:
    """Return the preview beside the model, else the picture of its last render test."""
    if record.path is not None and record.state is not LocationState.UNAVAILABLE:
        beside = (path for path in sidecars_of(record.path) if path.suffix.lower() in _PICTURES)
        if found := next(beside, None):
            return found
    if run is None or "full" not in run.pictures:
        return None
    return library / run.pictures["full"]


def _card(record: ModelRecord, run: RenderRun | None) -> ModelCard:
    detection, advice = record.detection, prompt_advice(record)
    architectures = (detection.architecture,) if detection.architecture else detection.architecture_candidates
    return ModelCard(
        name=record.name,
        type=detection.type.value,
        size=record.size,
        architectures=architectures,
        style=detection.style.value.value,
        variant=detection.variant.value if detection.variant else "",
        precision=detection.precision or "",
        trigger_words=tuple(word.word for word in detection.trigger_words[:_SHOWN_WORDS]),
        tags=record.tags,
        safety=record.safety.verdict.value,
        state="broken" if any(file.broken for file in record.files) else record.state.value,
        test=run.verdict if run else "",
        test_level=_test_level(run),
        test_words=run.words if run else "",
        prompts=tuple(PromptLine(text=line.text, uis=line.ui) for line in advice if line.topic is AdviceTopic.PROMPT),
        advice=tuple(line.text for line in advice if line.topic is not AdviceTopic.PROMPT),
        path=record.path,
        shown_path=_shown_path(record),
        added_at=record.added_at,
    )


def _test_level(run: RenderRun | None) -> str:
    if run is None:
        return "quiet"
    if is_good(run.verdict):
        return "good"
    return "bad" if is_proven(run.verdict) else "mind"


def _shown_path(record: ModelRecord) -> str:
    """Return the model's path within its folder, which needs less space than the whole."""
    path = record.path
    if path is None:
        return ""
    for place in record.main.locations:
        if path.is_relative_to(place.root_path):
            return path.relative_to(place.root_path).as_posix()
    return str(path)
