"""The zip files of torch: `data.pkl` walked symbolically, the tensors' bytes are only located."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.formats import archive
from modelhub.formats.header import Header, PickleScan, Problem
from modelhub.formats.pickles.walk import walk_pickle
from modelhub.formats.scan import PickleScanner, scan_archive
from modelhub.formats.state_dict import StateDict, read_state_dict

MAX_PICKLE = 256 << 20  # bytes of data.pkl; 7.7 GB checkpoints have 0.5 MB


@dataclass(frozen=True, slots=True)
class TorchZip:
    """A torch zip file taken apart. `storages`: where each storage's bytes are, by its key in the pickle."""

    header: Header
    state_dict: StateDict
    storages: dict[str, archive.Member] = field(default_factory=dict)
    big_endian: bool = False


def find_main_pickle(found: archive.Archive) -> archive.Member | None:
    """Return `data.pkl` of the archive's top folder; None when this is not a torch file."""
    named = [m for m in found.members if m.name == "data.pkl" or m.name.endswith("/data.pkl")]
    return min(named, key=lambda member: member.name.count("/"), default=None)


def read(file: BinaryIO, size: int, found: archive.Archive, main: archive.Member) -> TorchZip:
    """Read header and tensor places of a torch file."""
    scanner = PickleScanner()
    data = archive.read_content(file, main, limit=MAX_PICKLE)
    built = walk_pickle(io.BytesIO(data), main.name)
    rest = tuple(member for member in found.members if member is not main)
    scanner.add(built)
    if built.complete and built.end < len(data):
        scanner.findings.append(("suspicious", f"{main.name}: {len(data) - built.end} bytes follow its end."))
    scan_archive(file, archive.Archive(rest, found.findings), scanner)
    state_dict = read_state_dict(built.root)
    folder = main.name[: -len("data.pkl")]
    storages = {m.name[len(folder) + 5 :]: m for m in rest if m.name.startswith(f"{folder}data/")}
    problems = [Problem(text, fatal=True) for text in _missing_data(state_dict, storages, size)]
    if not built.complete:
        problems.append(Problem(f"{main.name} cannot be read to its end.", fatal=True))
    problems += structure_problems(state_dict)
    order = next((m for m in rest if m.name == f"{folder}byteorder"), None)
    header = Header(
        format=Format.TORCH_ZIP,
        size=size,
        tensors=state_dict.tensors,
        root=state_dict.root,
        entries=state_dict.entries,
        pickle=scanner.result(),
        problems=tuple(problems),
    )
    big = order is not None and archive.read_content(file, order, limit=16) == b"big"
    return TorchZip(header=header, state_dict=state_dict, storages=storages, big_endian=big)


def structure_problems(state_dict: StateDict) -> list[Problem]:
    """Return problems with the way in which the tensors were stored."""
    notes = []
    if state_dict.whole_module:
        text = f"It holds a whole pickled module ({state_dict.whole_module}) rather than a state dict."
        notes.append(Problem(text))
    if state_dict.limit_reached:
        notes.append(Problem("It holds more objects, or nests them deeper, than any real model."))
    return notes


def _missing_data(state_dict: StateDict, storages: dict[str, archive.Member], size: int) -> list[str]:
    missing = [name for name, ref in state_dict.refs.items() if ref.storage.key not in storages and ref.storage.numel]
    texts = [f"Tensor {name!r} has no data in the archive." for name in missing[:8]]
    if len(missing) > 8:
        texts.append(f"{len(missing) - 8} more tensors have no data.")
    truncated = [m.name for m in storages.values() if m.start + m.stored > size]
    return texts + [f"Member {name!r} is cut off: the file is truncated." for name in truncated[:8]]


def scan_other_zip(file: BinaryIO, found: archive.Archive) -> PickleScan:
    """Scan every member of a zip archive that is not a torch file."""
    scanner = PickleScanner()
    scan_archive(file, found, scanner)
    return scanner.result()
