"""The judgement of one file of a folder: by its content first, by its name where a loader goes by names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelhub.domain import Format
from modelhub.errors import ModelhubError
from modelhub.formats.folders import configs
from modelhub.formats.folders.listing import FolderFile
from modelhub.formats.foreign.chat_templates import template_findings
from modelhub.formats.header import Header, PickleGlobal
from modelhub.formats.readings import TAR_HEADER, ZIP_END

Finding = tuple[str, str]
_HEAD = 4096
_MAX_TEXT = 48 << 20  # bytes of a text that is read
# Files that a loader imports, or that Python or the system loads as code.
_CODE = re.compile(r"\.(py|pyw|pyc|pyo|pyd|so(\.\d+)*|dll|dylib|cubin|ptx)$", re.IGNORECASE)
_WEIGHTS = frozenset(
    (
        *(".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".th", ".p"),
        *(".joblib", ".pt2"),
    )
)
_INERT = (Format.SAFETENSORS, Format.GGUF)
_TEMPLATES = (".jinja", ".jinja2", ".j2")
_YAML = (".yaml", ".yml")
_YAML_OBJECT = re.compile(rb"!!python/|tag:yaml\.org,2002:python/")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_OPENVINO = re.compile(rb"\s*(<\?xml[^>]*>\s*)?<net\s")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_UNKNOWN = "It is not a format that modelhub can read."
# Kinds of files without any code, which need no mention.
_HARMLESS = frozenset(f"It is a {kind}." for kind in ("picture", "video or a picture", "sound file", "font")) | {
    "It is a PDF document."
}


@dataclass(frozen=True, slots=True)
class FileReport:
    """The header of a file that was read as a model, and what was found in it, with the file's name in front."""

    header: Header | None = None
    globals: tuple[PickleGlobal, ...] = ()
    findings: tuple[Finding, ...] = ()


def judge_file(file: FolderFile, *, read_file: Callable[[Path], Header], shards: Collection[str] = ()) -> FileReport:
    """Judge a file. `read_file` reads a header; `shards`: relative paths that an index names as weights."""
    name = file.relative
    suffix = PurePosixPath(name).suffix.lower()
    is_weights = suffix in _WEIGHTS or name in shards
    try:
        with file.path.open("rb") as opened:
            head = opened.read(_HEAD)
        if _CODE.search(name) and not is_weights:
            return FileReport(findings=tuple(_code_findings(name)))
        header = read_file(file.path)
        if is_weights or header.format in _INERT or not _is_text(head):
            return _judge_binary(file, header, is_weights=is_weights)
        return _judge_text(file, header)
    except (OSError, ModelhubError) as exc:
        reason = exc.message if isinstance(exc, ModelhubError) else exc.strerror or str(exc)
        return FileReport(findings=(("unrecognised", f"{name} cannot be read: {reason}"),))


def _is_text(head: bytes) -> bool:
    """Return whether bytes are the start of a UTF-8 text; the last character may be cut off."""
    if _CONTROL.search(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as exc:
        return exc.start >= len(head) - 4 and exc.reason == "unexpected end of data"
    return True


def _judge_binary(file: FolderFile, header: Header, *, is_weights: bool) -> FileReport:
    report = _of_pickles(file.relative, header)
    if header.format is not Format.UNKNOWN and header.broken:
        reason = next(problem.text for problem in header.problems if problem.fatal)
        return _with_findings(report, [("unrecognised", f"{file.relative}: {reason}")])
    if header.format is not Format.UNKNOWN:
        return report
    kept = tuple((severity, text) for severity, text in report.findings if severity != "unrecognised")
    text = header.problems[0].text if header.problems else _UNKNOWN
    if text in _HARMLESS or (text == _UNKNOWN and _is_vocabulary(file)):
        return FileReport(header, report.globals, kept)
    if is_weights and not _is_openvino_data(file):
        return FileReport(header, report.globals, (*kept, ("unrecognised", f"{file.relative}: {text}")))
    return FileReport(header, report.globals, (*kept, ("note", f"{file.relative} was not looked into. {text}")))


def _is_vocabulary(file: FolderFile) -> bool:
    """Return whether a file is a vocabulary of SentencePiece: a message of protobuf that starts with a piece."""
    with file.path.open("rb") as opened:
        return file.path.suffix == ".model" and opened.read(1) == b"\n"


def _is_openvino_data(file: FolderFile) -> bool:
    """Return whether raw data stand beside the network of OpenVINO that they belong to."""
    network = file.path.with_suffix(".xml")
    if file.path.suffix.lower() != ".bin" or not network.is_file():
        return False
    with network.open("rb") as opened:
        return _OPENVINO.match(opened.read(_HEAD)) is not None


def _judge_text(file: FolderFile, header: Header) -> FileReport:
    """Judge a text. The first characters of any text may be opcodes: only a whole pickle, or a call, counts as one."""
    report = _of_pickles(file.relative, header)
    is_whole = header.format is not Format.UNKNOWN and not header.broken
    is_pickle = is_whole or any(_is_call(found) for found in report.globals)
    if not is_pickle:  # that it is also an archive counts all the same
        readings = tuple(f"{file.relative}: {text}" for text in (TAR_HEADER, ZIP_END))
        report = FileReport(findings=tuple(found for found in report.findings if found[1] in readings))
    return _with_findings(report, list(_text_findings(file.path, file.relative)))


def _is_call(found: PickleGlobal) -> bool:
    return found.called and all(_NAME.fullmatch(part) for part in (found.module, found.name))


def companion_findings(path: Path, name: str) -> tuple[Finding, ...]:
    """Return what a file beside the weights makes a loader do, by its name and settings. Raise OSError."""
    return (*_code_findings(name), *_text_findings(path, name))


def _code_findings(name: str) -> Iterator[Finding]:
    if _CODE.search(name):
        yield "suspicious", f"{name} is code, which a loader can be made to run."


def _text_findings(path: Path, name: str) -> tuple[Finding, ...]:
    suffix = path.suffix.lower()
    if suffix not in (".json", *_TEMPLATES, *_YAML):
        return ()
    size = path.stat().st_size
    if size > _MAX_TEXT:
        return (("suspicious", f"{name} has {size} bytes, more than any configuration or vocabulary."),)
    data = path.read_bytes()
    if suffix == ".json":
        return configs.scan_config(data, name)
    if suffix in _TEMPLATES:
        return template_findings(data.decode("utf-8", "replace"), name)
    match = _YAML_OBJECT.search(data)
    if match is None:
        return ()
    return (("suspicious", f"{name} describes a Python object (byte {match.start()})."),)


def _of_pickles(name: str, header: Header) -> FileReport:
    """Return what the pickles of a header show, with the file's name in front."""
    if header.pickle is None:
        return FileReport(header)
    found = tuple(
        PickleGlobal(one.module, one.name, f"{name}, {one.place}", one.called) for one in header.pickle.globals
    )
    findings = tuple((severity, f"{name}: {text}") for severity, text in header.pickle.findings)
    return FileReport(header, found, findings)


def _with_findings(report: FileReport, findings: list[Finding]) -> FileReport:
    return FileReport(report.header, report.globals, (*report.findings, *findings))
