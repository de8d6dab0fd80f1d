"""Check obtained files: format, safety and detection. A dangerous download goes into quarantine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog
from modelhub.detect.hints import Hints
from modelhub.domain import HARMLESS, Format, Inspection, ModelType, Verdict
from modelhub.errors import ModelhubError, NetworkError, Remedy, UnsafeError
from modelhub.fetch.choice.refusals import ALLOW_PICKLE
from modelhub.fetch.fetcher import RemoteModel
from modelhub.formats import read_header
from modelhub.operations.library.companions import inspect_unnamed
from modelhub.operations.library.identity import keep_identity
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.remote.obtain import FileOrigin, ObtainedFile
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import sha256_of
from modelhub.storage.model_names import is_model_name, states_another_kind
from modelhub.storage.place import move
from modelhub.storage.safe_names import safe_name

PICKLES = (Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE)
_NAME_MAX = 200
_FINDINGS_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """An obtained file and its inspection."""

    file: ObtainedFile
    inspection: Inspection


def check_files(
    remote: RemoteModel,
    files: Sequence[ObtainedFile],
    *,
    library: Path,
    catalog: Catalog,
    is_folder: bool = False,
    accepts_pickle: bool = True,
) -> tuple[CheckedFile, ...]:
    """Inspect every file by its content, whatever it is called.

    `is_folder`: they are a diffusers folder, in which files other than models may be unrecognised. `accepts_pickle`:
    whether a download may turn out to be a pickle. Raise UnsafeError for a file that is not safe to load (a download is
    moved to the library's quarantine), NetworkError for an empty one, ModelhubError for a broken one (a download is
    deleted).
    """
    checked = []
    for file in files:
        inspection = _check_file(remote, file, library, is_folder=is_folder)
        if not accepts_pickle:
            _refuse_pickle(inspection, file)
        inspection = keep_identity(inspection, catalog.file_by_sha256(file.hashes.sha256))
        checked.append(CheckedFile(file=file, inspection=inspection))
    return tuple(checked)


def _check_file(remote: RemoteModel, file: ObtainedFile, library: Path, *, is_folder: bool) -> Inspection:
    is_companion = not is_model_name(file.name) and (is_folder or states_another_kind(file.name))
    if not file.size and not is_companion:
        _delete_download(file)
        raise NetworkError(f"The server sent an empty file for {file.remote.name}.", "Try again later.")
    inspection = _inspect(remote, file)
    verdict = inspection.safety.verdict
    is_damaged = inspection.broken and inspection.format is not Format.UNKNOWN
    may_be_unrecognised = is_companion or is_damaged
    if verdict not in HARMLESS and not (may_be_unrecognised and verdict is Verdict.UNRECOGNISED):
        raise _unsafe_error(inspection, file, library)
    if inspection.broken:
        _delete_download(file)
        raise _broken_error(remote, inspection, file)
    return replace(inspection, hashes=file.hashes)


def _inspect(remote: RemoteModel, file: ObtainedFile) -> Inspection:
    hints = _hints(remote, file)
    if is_model_name(file.name):
        return inspect_header(file.path, read_header(file.path), hints=hints)
    return inspect_unnamed(file.path, hints=hints)


def _refuse_pickle(inspection: Inspection, file: ObtainedFile) -> None:
    """Raise UnsafeError for a downloaded pickle whose name did not say so; the download is kept."""
    if inspection.format in PICKLES and file.origin is FileOrigin.DOWNLOADED:
        raise UnsafeError(
            f"{file.remote.name} is a pickle by its content, which can run code when it is loaded.", ALLOW_PICKLE
        )


def _delete_download(file: ObtainedFile) -> None:
    if file.origin is FileOrigin.DOWNLOADED:
        file.path.unlink(missing_ok=True)


def _broken_error(remote: RemoteModel, inspection: Inspection, file: ObtainedFile) -> ModelhubError:
    if not file.is_size_proven:
        return NetworkError("The download ended early, and the server gave no size.", "Try again.")
    problem = inspection.problems[0]
    return ModelhubError(
        f"{file.remote.name} is broken at its source, {remote.reference}: {problem}",
        Remedy("Choose another file, and report it to its publisher.", "choose-other-file"),
    )


def _unsafe_error(inspection: Inspection, file: ObtainedFile, library: Path) -> UnsafeError:
    findings = [f"- {finding}" for finding in inspection.safety.findings[:_FINDINGS_SHOWN]]
    message = f"{file.remote.name} is {inspection.safety.verdict.value} and was not added to the library:"
    if file.origin is not FileOrigin.DOWNLOADED:
        return UnsafeError(message, f"Do not load {file.path}, and report it to its source.", details=findings)
    return UnsafeError(message, _quarantine_remedy(inspection, _quarantine(file, library)), details=findings)


def _quarantine_remedy(inspection: Inspection, where: Path) -> Remedy:
    """Return what to do about a download that was moved to quarantine."""
    verdict, detection = inspection.safety.verdict, inspection.detection
    if verdict is Verdict.DANGEROUS:
        return Remedy(f"It was quarantined at {where}. Delete it and report it to its source.")
    if verdict is Verdict.UNRECOGNISED:
        return Remedy(f"It was quarantined at {where}. Use it only if you trust its source.")
    has_tensors = detection.precision is not None or detection.type is not ModelType.UNKNOWN
    if inspection.format in PICKLES and has_tensors and not inspection.broken:
        return Remedy(
            f"It was quarantined at {where}. Look for a safetensors version, or save only its tensors.",
            "save-only-tensors",
            {"file": str(where), "name": f"{PurePosixPath(inspection.path.name).stem}.safetensors"},
        )
    return Remedy(f"It was quarantined at {where}. Look for another version, or ask its publisher what this is for.")


def _quarantine(file: ObtainedFile, library: Path) -> Path:
    """Move a download to the library's quarantine and return its path there; what was there before stays."""
    folder = library / ".modelhub" / "quarantine"
    # Cut in bytes: a name may be as long as file systems allow already.
    name = f"{file.hashes.sha256[:10]}-{safe_name(file.name).encode()[:_NAME_MAX].decode(errors='ignore')}"
    for number in itertools.count(1):
        where = folder / (f"{name}.quarantined" if number == 1 else f"{name}.{number}.quarantined")
        try:
            move(file.path, where, within=library)
        except TargetExistsError:
            if where.is_symlink() or not where.is_file() or sha256_of(where) != file.hashes.sha256:
                continue
            file.path.unlink(missing_ok=True)  # the same content was quarantined before
        return where
    raise AssertionError("numbers do not end")


def _hints(remote: RemoteModel, file: ObtainedFile) -> Hints:
    return Hints(
        names=(PurePosixPath(file.remote.name).name, file.remote.name, remote.title),
        repository=remote.repository,
        tags=remote.tags,
        trigger_words=remote.trigger_words,
        base_model=remote.base_model,
        sha256=file.hashes.sha256,
    )
