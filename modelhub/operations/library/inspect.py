"""Say what files are, without the catalog: header → safety, detection, and hashes when asked for."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from modelhub.detect import detect, parse_sidecar
from modelhub.domain import Format, Hints, Inspection, SafetyReport, TriggerWord, Verdict
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.formats import read_header
from modelhub.formats.header import Header
from modelhub.progress import SILENT, Progress
from modelhub.safety import assess
from modelhub.storage.sidecars import sidecars_of

# Below this many files a second process costs more than it brings (each starts in about 0.1 s).
_FILES_FOR_MORE_PROCESSES = 400
_SIDECAR_TEXTS = (".json", ".info", ".txt")
_SIDECAR_LIMIT = 4 * 1024 * 1024


def inspect(path: str | Path, *, hints: Hints | None = None, with_hashes: bool = False) -> Inspection:
    """Identify one file or diffusers folder.

    A broken or hostile file is an answer, not an error. Raises NotFoundError when nothing is at `path`, ModelhubError
    when it cannot be read.
    """
    path = Path(path)
    if not os.path.lexists(path):
        raise NotFoundError(f"{path} does not exist.", "Check the spelling; quote names with spaces.")
    look = inspect_header(path, read_header(path), hints=hints or collect_hints(path))
    if with_hashes and path.is_file():
        from modelhub.storage.hashing import hash_file

        look = replace(look, hashes=hash_file(path))
    return look


def inspect_header(path: Path, header: Header, *, hints: Hints) -> Inspection:
    """Everything that a header says; pure but for the name."""
    safety = assess(header)
    detection = detect(header, hints)
    problems = (*(p.text for p in header.problems), *detection.problems)
    return Inspection(
        path=path,
        size=header.size,
        format=header.format,
        detection=detection,
        safety=safety,
        problems=tuple(dict.fromkeys(problems)),
        broken=header.broken,
    )


def collect_hints(path: Path) -> Hints:
    """What a file's name and its sidecar files say about it."""
    words: list[str] = [path.name]
    tags: list[str] = []
    triggers: list[TriggerWord] = []
    base_model = None
    for sidecar in sidecars_of(path):
        if sidecar.suffix.lower() not in _SIDECAR_TEXTS:
            continue
        try:
            if sidecar.stat().st_size > _SIDECAR_LIMIT:
                continue
            facts = parse_sidecar(sidecar.name, sidecar.read_bytes())
        except OSError:
            continue  # a sidecar is a bonus: its loss must not cost the model's own answer
        triggers += facts.trigger_words
        tags += facts.tags
        base_model = base_model or facts.base_model
    return Hints(names=tuple(words), tags=tuple(tags), trigger_words=tuple(triggers), base_model=base_model)


_T = TypeVar("_T")


def _itself(look: Inspection) -> Inspection:
    return look


def inspect_many(
    paths: Sequence[Path], *, with_hashes: bool = False, progress: Progress = SILENT, workers: int = 0
) -> Iterator[Inspection]:
    """Identify many, in order; with several processes when there are enough files to pay for them."""
    return inspect_each(paths, _itself, with_hashes=with_hashes, progress=progress, workers=workers)


def inspect_each(
    paths: Sequence[Path],
    then: Callable[[Inspection], _T],
    *,
    with_hashes: bool = False,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[_T]:
    """As `inspect_many`, with each answer turned by `then` (a function of a module) where it was found.

    A process can hand over a text in a tenth of the time that a whole Inspection takes.
    """
    workers = workers or os.cpu_count() or 1
    with progress.task("identifying", total=len(paths), unit="files") as task:
        for answer in _answers(paths, partial(_one, with_hashes=with_hashes, then=then), workers):
            task.advance(1)
            yield answer


def _answers(paths: Sequence[Path], one: Callable[[Path], _T], workers: int) -> Iterator[_T]:
    if len(paths) < _FILES_FOR_MORE_PROCESSES or workers == 1:
        yield from map(one, paths)
        return
    with ProcessPoolExecutor(workers, initializer=gc.disable) as pool:  # headers make no cycles, only garbage
        yield from pool.map(one, paths, chunksize=max(8, min(64, len(paths) // (8 * workers))))


def _one(path: Path, *, with_hashes: bool, then: Callable[[Inspection], _T]) -> _T:
    try:
        return then(inspect(path, with_hashes=with_hashes))
    except ModelhubError as exc:
        return then(unreadable(path, exc))


def unreadable(path: Path, error: ModelhubError) -> Inspection:
    """The answer about a file that could not be read: an object like any other, with the reason as its problem."""
    from modelhub.domain import Detection

    return Inspection(
        path=path,
        size=0,
        format=Format.UNKNOWN,
        detection=Detection(),
        safety=SafetyReport(Verdict.UNRECOGNISED, (error.message,)),
        problems=(error.message,),
        broken=True,
    )
