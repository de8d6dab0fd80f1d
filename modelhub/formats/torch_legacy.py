"""The torch format before 1.6: pickles of magic, protocol, system, object and storages' keys, then raw data."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.formats.header import Header, Problem
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import PickleWalk, walk_pickle
from modelhub.formats.scan import PickleScanner, scan_pickles
from modelhub.formats.state_dict import StateDict, read_state_dict
from modelhub.formats.torch_zip import structure_findings, structure_problems

MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_NAMES = ("the magic number", "the protocol", "the system's facts", "the object", "the storages' keys")


@dataclass(frozen=True, slots=True)
class TorchLegacy:
    """A legacy stream taken apart. `storages`: (offset of the first element in the file, elements) by storage key."""

    header: Header
    state_dict: StateDict
    storages: dict[str, tuple[int, int]] = field(default_factory=dict)
    big_endian: bool = False


def has_magic(head: bytes) -> bool:
    """Return whether a file that begins with `head` opens with torch's pickled magic number."""
    return (
        head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        and b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19" in head[:32]
    )


def read(file: BinaryIO, size: int) -> TorchLegacy:
    """Read header and tensor places of a legacy stream."""
    file.seek(0)
    walks: list[PickleWalk] = []
    scanner = PickleScanner()
    reader = PickleReader(file)
    for name in _NAMES:
        found = walk_pickle(reader, name, budget=scanner.budget)
        walks.append(found)
        scanner.add(found)
        if not found.complete:
            break
    whole = len(walks) == len(_NAMES) and walks[-1].complete
    state_dict = read_state_dict(walks[3].root) if len(walks) > 3 else StateDict()
    system = walks[2].root if len(walks) > 2 and isinstance(walks[2].root, dict) else {}
    problems = [] if whole else [Problem("The file breaks off before the tensors' data.", fatal=True)]
    storages: dict[str, tuple[int, int]] = {}
    if whole:
        storages, more = _locate_storages(file, size, walks, scanner)
        problems += more
    scanner.findings += structure_findings(state_dict, "the object")
    header = Header(
        format=Format.TORCH_LEGACY,
        size=size,
        tensors=state_dict.tensors,
        root=state_dict.root,
        entries=state_dict.entries,
        pickle=scanner.result(),
        problems=(*problems, *structure_problems(state_dict)),
    )
    return TorchLegacy(
        header=header, state_dict=state_dict, storages=storages, big_endian=system.get("little_endian") is False
    )


def _locate_storages(
    file: BinaryIO, size: int, walks: list[PickleWalk], scanner: PickleScanner
) -> tuple[dict[str, tuple[int, int]], list[Problem]]:
    """Locate the storages: each is eight bytes of element count, then the elements, in the order of the keys.

    What the file has beyond them is a finding: torch does not read it, other programs may.
    """
    keys, described = walks[4].root, walks[3].storages
    found: dict[str, tuple[int, int]] = {}
    position = walks[4].end
    for key in keys if isinstance(keys, list) else ():
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return found, [Problem(f"Storage {key} is missing: the file is truncated.", fatal=True)]
        count = struct.unpack("<q", head)[0]
        storage = described.get(str(key))
        if storage is None or count != storage.numel:
            text = f"Storage {key} at byte {position} states {count} elements; no tensor belongs to it."
            if storage is not None:
                text = (
                    f"Storage {key} at byte {position} states {count} elements; "
                    f"a tensor of {storage.numel} belongs to it."
                )
            scanner.findings.append(("suspicious", text))
            return found, [Problem(f"Storage {key} states {count} elements.", fatal=True)]
        found[str(key)] = (position + 8, count)
        position += 8 + storage.length
    missing = described.keys() - found.keys()
    if missing:
        return found, [Problem(f"Storage {min(missing)} is missing in the list of storages.", fatal=True)]
    if position > size:
        text = f"The file is truncated: it ends after {size} bytes, its tensors at {position}."
        return found, [Problem(text, fatal=True)]
    if position < size:
        text = f"{size - position} bytes follow the last tensor at byte {position}; torch does not read them."
        scanner.findings.append(("suspicious", text))
    return found, []


def read_bare_pickle(file: BinaryIO, size: int) -> tuple[Header, StateDict]:
    """Read a pickle without torch's container: the tensors that it may still hold, and what it would import."""
    scanner = PickleScanner()
    file.seek(0)
    walks = scan_pickles(file, size, "the pickle", scanner)
    state_dict = read_state_dict(walks[0].root) if walks else StateDict()
    scanner.findings += structure_findings(state_dict, "the pickle")
    problems = structure_problems(state_dict)
    if walks and not walks[0].complete:
        problems.append(Problem("The pickle breaks off.", fatal=True))
    elif walks and walks[0].storages:
        problems.append(Problem("It is only the list of a torch file: the tensors' data are missing.", fatal=True))
    header = Header(
        format=Format.PICKLE,
        size=size,
        tensors=state_dict.tensors,
        root=state_dict.root,
        entries=state_dict.entries,
        pickle=scanner.result(),
        problems=tuple(problems),
    )
    return header, state_dict
