"""Unpack pulled archives of models: each model in them is then checked and published as if it had been pulled alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modelhub.domain import ModelRecord
from modelhub.errors import ModelhubError
from modelhub.fetch.choice.choice import ModelLayout
from modelhub.fetch.choice.refusals import ALLOW_PICKLE
from modelhub.formats.packs import Pack
from modelhub.operations.library.packs import pack_at, unpacked
from modelhub.operations.remote.obtain import FileOrigin, ObtainedFile
from modelhub.progress import Progress
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import hash_file
from modelhub.storage.model_names import is_model_name, model_stem


def split_packs(
    files: Sequence[ObtainedFile], layout: ModelLayout
) -> tuple[list[ObtainedFile], list[tuple[ObtainedFile, Pack]]]:
    """Return the files that are models of their own, and the archives of models, each with what is in it."""
    plain: list[ObtainedFile] = []
    packs: list[tuple[ObtainedFile, Pack]] = []
    for file in files:
        pack = None
        if layout is ModelLayout.FILE and not is_model_name(file.name):
            pack = pack_at(file.path)
        if pack is None:
            plain.append(file)
        else:
            packs.append((file, pack))
    return plain, packs


@contextmanager
def _unpack_pulled(
    file: ObtainedFile, pack: Pack, *, library: Path, progress: Progress
) -> Iterator[tuple[ObtainedFile, ...]]:
    """Write the models of a pulled archive into a folder of the library that exists as long as the block runs.

    Each is named at the source by the archive's name with its own behind it. Raise as `unpacked` does.
    """
    with unpacked(pack, library=library, progress=progress) as members:
        yield tuple(
            ObtainedFile(
                remote=replace(file.remote, name=f"{file.remote.name}/{member.member}"),
                path=member.path,
                name=member.path.name,
                hashes=hash_file(member.path),
                size=member.path.stat().st_size,
                origin=FileOrigin.DOWNLOADED,
            )
            for member in members
        )


def publish_pack(
    file: ObtainedFile,
    pack: Pack,
    publish: Callable[[ObtainedFile, str | None], tuple[ModelRecord, ...]],
    refused: list[ModelhubError],
    name: str | None,
    library: Path,
    progress: Progress,
) -> tuple[ModelRecord, ...]:
    """Unpack an archive and publish each of its models; add to `refused` why others are not.

    `publish` takes a model and the name that it gets, None for its own; `name` is the one that the user wants. The
    downloaded archive is deleted, unless a model would be added under another name or if pickles were allowed.
    """
    models: tuple[ModelRecord, ...] = ()
    failed: list[ModelhubError] = [
        ModelhubError(f"{member} in {file.name} was not unpacked. {reason}") for member, reason in pack.refused
    ]
    with _unpack_pulled(file, pack, library=library, progress=progress) as members:
        for member in members:
            own_name = f"{name}-{model_stem(member.name)}" if name and len(members) > 1 else name
            try:
                models += publish(member, own_name)
            except ModelhubError as exc:
                failed.append(exc)
    refused += failed
    is_needed = any(isinstance(error, TargetExistsError) or error.remedy == ALLOW_PICKLE for error in failed)
    if file.origin is FileOrigin.DOWNLOADED and not is_needed:
        file.path.unlink(missing_ok=True)
    return models
