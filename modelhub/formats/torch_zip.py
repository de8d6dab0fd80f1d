"""The zip files of torch: `data.pkl` walked symbolically, the tensors' bytes are only located."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.formats import archive
from modelhub.formats.header import Header, PickleScan, Problem
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import PickleWalk, walk_pickle
from modelhub.formats.scan import PickleScanner, scan_archive
from modelhub.formats.state_dict import StateDict, read_state_dict


@dataclass(frozen=True, slots=True)
class TorchZip:
    """A torch zip file taken apart. `storages`: where each storage's bytes are, by its key in the pickle."""

    header: Header
    state_dict: StateDict
    storages: dict[str, archive.Member] = field(default_factory=dict)
    big_endian: bool = False


def find_main_pickle(found: archive.Archive) -> archive.Member | None:
    """Return the object's pickle; None when this is not a torch file.

    torch looks for `data.pkl` in the first member's folder, without regard to case.
    """
    named = [member for member in found.members if member.name.rpartition("/")[2].lower() == "data.pkl"]
    first = f"{_top_folder(found)}data.pkl".lower()
    return min(named, key=lambda member: (member.name.lower() != first, member.name.count("/")), default=None)


def _top_folder(found: archive.Archive) -> str:
    name = found.members[0].name if found.members else ""
    return name[: name.find("/") + 1]


def read(file: BinaryIO, size: int, found: archive.Archive, main: archive.Member) -> TorchZip:
    """Read header and tensor places of a torch file."""
    scanner = PickleScanner()
    stream = archive.MemberStream(file, main, scanner.inflation)
    built = walk_pickle(PickleReader(stream), main.name, budget=scanner.budget)
    rest = tuple(member for member in found.members if member is not main)
    scanner.add(built)
    if built.complete and not found.truncated:
        scanner.findings += _main_findings(stream, main, built)
    scan_archive(file, archive.Archive(rest, found.findings, found.truncated), scanner)
    scanner.findings += _folder_findings(found, main)
    state_dict = read_state_dict(built.root)
    folder = main.name[: -len("data.pkl")]
    storages = {m.name[len(folder) + 5 :]: m for m in rest if m.name.startswith(f"{folder}data/")}
    scanner.findings += _storage_findings(built, storages, size, truncated=found.truncated)
    problems = []
    if found.truncated:
        problems.append(Problem("The end of the archive is missing: the file is truncated.", fatal=True))
    problems += [Problem(text, fatal=True) for text in _missing_data(state_dict, storages, size)]
    if not built.complete:
        problems.append(Problem(f"{main.name} cannot be read to its end.", fatal=True))
    problems += structure_problems(state_dict)
    scanner.findings += structure_findings(state_dict, main.name)
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


def _main_findings(stream: archive.MemberStream, main: archive.Member, built: PickleWalk) -> list[tuple[str, str]]:
    """Return findings about the member behind the pickle's end, and its checksum, which torch does not check."""
    while stream.read(1 << 16):
        pass
    findings = []
    if built.end != main.size:
        findings.append(("suspicious", f"{main.name}: {main.size - built.end} bytes follow its end."))
    if stream.checksum != main.checksum and not stream.skipped:
        findings.append(("suspicious", f"{main.name} does not have the checksum that the archive states."))
    return findings


def _folder_findings(found: archive.Archive, main: archive.Member) -> list[tuple[str, str]]:
    """Return findings about members that torch would read in another way than as data of this file."""
    folder = _top_folder(found)
    findings = []
    if main.name.lower() != f"{folder}data.pkl".lower() and not found.truncated:
        findings.append(("suspicious", f"{main.name} is not in the folder of the first member, where torch reads."))
    if any(member.name.lower() == f"{folder}constants.pkl".lower() for member in found.members):
        text = "It is a TorchScript file: a program for torch's own interpreter, not only weights."
        findings.append(("suspicious", text))
    outside = next((m for m in found.members if not m.name.lower().startswith(folder.lower())), None)
    if outside is not None:
        text = f"Member {outside.name!r} is outside the folder {folder!r} that a torch file consists of."
        findings.append(("suspicious", text))
    return findings


def _storage_findings(
    built: PickleWalk, storages: dict[str, archive.Member], size: int, *, truncated: bool
) -> list[tuple[str, str]]:
    """Return findings about storages of another length than the pickle states: torch reads beyond a shorter one.

    torch finds members without regard to case.
    """
    findings = []
    folded = {key.lower(): member for key, member in storages.items()}
    for key, storage in built.storages.items():
        member = storages.get(key)
        other = folded.get(key.lower())
        if member is None and other is not None:
            text = f"The pickle names storage {key!r}, for which torch takes member {other.name!r}."
            findings.append(("suspicious", text))
        elif member is None and storage.numel and not truncated:
            findings.append(("unrecognised", f"Storage {key!r} has no data in the archive."))
        # Without the directory, the size of a member that torch streamed is not known.
        differs = member is not None and member.size != storage.length and not truncated
        if member is not None and differs and member.start + member.stored <= size:
            text = f"Member {member.name!r} has {member.size} bytes, but the pickle states {storage.length}."
            findings.append(("suspicious", text))
    return findings[:8]


def structure_problems(state_dict: StateDict) -> list[Problem]:
    """Return problems with the way in which the tensors were stored."""
    notes = []
    if state_dict.whole_module:
        text = f"It holds an object made by {state_dict.whole_module} rather than a state dict."
        notes.append(Problem(text))
    return notes


def structure_findings(state_dict: StateDict, place: str) -> list[tuple[str, str]]:
    """Return a finding about an object that a program may never finish to go through, such as one shared 2^60 times."""
    if not state_dict.limit_reached:
        return []
    return [("suspicious", f"{place} holds more objects, or nests them deeper, than any real model.")]


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
