"""The placing step of `add --copy` and `--move`: each file goes to the library's folder for its type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelhub.domain import Inspection, ModelType, Verdict
from modelhub.errors import ModelhubError, UnsafeError
from modelhub.operations.library.identify import IdentifiedFile
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import Sink, sha256_of
from modelhub.storage.model_names import loadable_name
from modelhub.storage.place import copy, move
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecar_names import renamed_sidecar, sidecars_of
from modelhub.storage.staged_copy import StagedCopy
from modelhub.uis.library import LIBRARY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """The place that a file gets. `copying` is set where its bytes are copied; `exists`: a file is there already."""

    target: Path
    exists: bool
    copying: StagedCopy | None


class LibraryImport:
    """A step that copies or moves models into a library, with their sidecars. Nothing in the library is ever replaced.

    A copy is written during the one read of its source and verified by reading the copy; a move within one drive is a
    rename. Dangerous and unknown files are refused: they stay where they are.
    """

    def __init__(self, library: Path, *, copy: bool) -> None:
        self._library = library
        self._keep_source = copy
        self._planned: dict[Path, _Planned] = {}

    def sinks_for(self, inspection: Inspection) -> Sequence[Sink]:
        """Choose the place of a file, and return the copy to be written during the read, if one is needed."""
        source = inspection.path
        _ensure_wanted(inspection)
        if not self._keep_source and source.is_symlink():
            raise ModelhubError(f"{source} is a link and stays where it is.", "Move the file that it leads to.")
        detection = inspection.detection
        folder = self._library / str(LIBRARY.folder_for(detection.type, algorithm=detection.algorithm))
        target = folder / safe_name(loadable_name(source.name, inspection.format, detection.type))
        exists, copying = target.exists(), None
        if exists and not (target.is_file() and target.stat().st_size == inspection.size):
            raise _name_taken(source, target)
        if not exists and (self._keep_source or not _on_one_drive(source, folder)):
            copying = StagedCopy(source, target, within=self._library)
        self._planned[source] = _Planned(target=target, exists=exists, copying=copying)
        return (copying,) if copying else ()

    def place(self, file: IdentifiedFile) -> IdentifiedFile:
        """Put a file that was read, and its sidecars, in their places; return the file as it is there.

        Raise TargetExistsError when another file has its name, or another ModelhubError; the source is then untouched.
        """
        source = file.path
        planned = self._planned.pop(source)
        try:
            # Sidecars first: when the run is interrupted in between, the model has not moved and the next run finds it.
            for sidecar in sidecars_of(source):
                self._transfer(sidecar, renamed_sidecar(sidecar, source, planned.target))
            self._place_model(file, planned)
        finally:
            if planned.copying is not None:
                planned.copying.discard()
        return self.at(planned.target, file)

    def forget(self, source: Path) -> None:
        """Drop the plan for a file that is not placed after all."""
        planned = self._planned.pop(source, None)
        if planned is not None and planned.copying is not None:
            planned.copying.discard()

    @staticmethod
    def at(target: Path, file: IdentifiedFile) -> IdentifiedFile:
        """Return the identified file as it is at `target`, with the time and inode that it has there."""
        status = target.stat()
        return replace(
            file,
            path=target,
            inspection=replace(file.inspection, path=target),
            found=replace(file.found, mtime_ns=status.st_mtime_ns, inode=status.st_ino),
        )

    def discard(self) -> None:
        """Remove the unfinished copies of an interrupted run."""
        for planned in self._planned.values():
            if planned.copying is not None:
                planned.copying.discard()
        self._planned.clear()

    def _place_model(self, file: IdentifiedFile, planned: _Planned) -> None:
        source, target = file.path, planned.target
        found, sha256 = file.found, file.found.hashes.sha256
        try:
            if planned.copying is not None:
                planned.copying.finish(sha256)
                if not self._keep_source:
                    planned.copying.remove_source(sha256, (found.size, found.mtime_ns, found.inode))
            elif planned.exists:
                raise _name_taken(source, target)
            else:
                move(source, target, within=self._library, expected_sha256=sha256)
        except TargetExistsError as exc:
            if not _is_same(target, size=found.size, sha256=sha256):
                raise _name_taken(source, target) from exc

    def _transfer(self, source: Path, target: Path) -> None:
        try:
            (copy if self._keep_source else move)(source, target, within=self._library)
        except TargetExistsError as exc:
            if not _is_same(target, size=source.stat().st_size, sha256=sha256_of(source)):
                raise _name_taken(source, target) from exc


def _ensure_wanted(inspection: Inspection) -> None:
    if inspection.safety.verdict is Verdict.DANGEROUS:
        findings = " ".join(inspection.safety.findings[:3])
        raise UnsafeError(f"{inspection.path} was left where it is. {findings}", "Do not load it.")
    if inspection.detection.type is ModelType.UNKNOWN:
        raise ModelhubError(f"{inspection.path} was left where it is: it is not a model that modelhub recognizes.")


def _name_taken(source: Path, target: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{source.name} was left where it is: {target} exists already and is a different file.",
        "Rename one of the two.",
    )


def _is_same(target: Path, *, size: int, sha256: str) -> bool:
    return target.is_file() and target.stat().st_size == size and sha256_of(target) == sha256


def _on_one_drive(source: Path, folder: Path) -> bool:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return source.stat().st_dev == existing.stat().st_dev
