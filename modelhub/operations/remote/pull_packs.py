"""Unpack pulled archives of models: each model in them is then checked and published as if it had been pulled alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modelhub.fetch.choice.choice import ModelLayout
from modelhub.formats.packs import Pack
from modelhub.operations.library.packs import pack_at, unpacked
from modelhub.operations.remote.obtain import FileOrigin, ObtainedFile
from modelhub.progress import Progress
from modelhub.storage.hashing import hash_file
from modelhub.storage.model_names import is_model_name


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
def unpack_pulled(
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


def delete_archive(file: ObtainedFile) -> None:
    """Delete a downloaded archive whose models are in the library; one that was on this machine before stays."""
    if file.origin is FileOrigin.DOWNLOADED:
        file.path.unlink(missing_ok=True)
