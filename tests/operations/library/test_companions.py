"""Files that are not named as models are judged by their bytes."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.detect.hints import Hints
from modelhub.domain import Format, Inspection, ModelType, Verdict
from modelhub.operations.library.companions import inspect_unnamed
from modelhub.testing.files import adapters, hostile, safetensors_file

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def judge(path: Path, content: bytes) -> Inspection:
    """Write a file and inspect it."""
    path.write_bytes(content)
    return inspect_unnamed(path, hints=Hints())


def zipped(content: bytes) -> bytes:
    """Return a zip archive with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    """Return a tar archive with one member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("readme")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", "# Modell\n\n漢字 é\n".encode()),
        ("config.json", b'{"a": 1}'),
        ("merges.txt", b"#version: 0.2\ni n\nt h\n"),
        ("a.png", PNG),
        ("empty.txt", b""),
        ("130072", b"# only text\n"),
    ],
)
def test_texts_and_pictures_are_safe_companions(tmp_path: Path, name: str, content: bytes) -> None:
    """They hold nothing that a loader of models could run."""
    found = judge(tmp_path / name, content)
    assert (found.safety.verdict, found.format, found.detection.type) == (
        Verdict.SAFE,
        Format.UNKNOWN,
        ModelType.OTHER,
    )


def protocol(number: int) -> Callable[[bytes], bytes]:
    """Return a function that calls `os.system` in a pickle of this protocol, whatever it is given."""

    class Call:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, (hostile.COMMAND,)

    return lambda _: pickle.dumps(Call(), protocol=number)


@pytest.mark.parametrize("name", ["notes.txt", "config.json", "a.png", "130072"])
@pytest.mark.parametrize("make", [protocol(0), protocol(2), protocol(4), lambda _: zipped(protocol(2)(b""))])
def test_a_pickle_is_judged_as_that_under_any_name(tmp_path: Path, name: str, make: Callable[[bytes], bytes]) -> None:
    """The text of protocol 0 is text, and runs."""
    assert judge(tmp_path / name, make(b"")).safety.verdict is Verdict.DANGEROUS


def test_a_picture_that_is_a_pickle_is_judged_as_that(tmp_path: Path) -> None:
    """The head of a GIF is a number to a pickle machine, and opcodes may follow it."""
    assert judge(tmp_path / "a.gif", b"GIF89aww" + b"w" + protocol(2)(b"")).safety.verdict is Verdict.DANGEROUS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spiece.model", b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02" * 100),
        ("LICENSE", b"copyright 2023\nall rights reserved\n"),
        ("requirements.txt", b"click\nnumpy\n"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100)),
        ("run.sh", b"#!/bin/sh\ntrue\n"),
        ("modeling.py", b"import os\n"),
        ("utf16.txt", "text".encode("utf-16")),
    ],
)
def test_what_is_not_proven_to_be_plain_is_unrecognised(tmp_path: Path, name: str, content: bytes) -> None:
    """It is neither safe nor an accusation."""
    found = judge(tmp_path / name, content)
    assert found.safety.verdict is Verdict.UNRECOGNISED
    assert found.safety.findings
    assert not found.broken


def test_a_picture_that_ends_as_an_archive_is_suspicious(tmp_path: Path) -> None:
    """Some programs look for a zip archive at the end of a file."""
    assert judge(tmp_path / "a.png", PNG + zipped(b"")).safety.verdict is Verdict.SUSPICIOUS


def test_a_tar_archive_is_judged_by_its_members(tmp_path: Path) -> None:
    """Torch tries tar before anything else, and unpickles what is in it."""
    assert judge(tmp_path / "a.txt", tarred(b"hello")).safety.verdict is Verdict.UNRECOGNISED
    assert judge(tmp_path / "b.txt", tarred(protocol(2)(b""))).safety.verdict is Verdict.DANGEROUS


def test_a_model_is_identified_under_the_name_of_a_text(tmp_path: Path) -> None:
    """The name does not count."""
    model = safetensors_file.write(tmp_path / "m.safetensors", adapters.lora_sd1(4), seed=1)
    found = judge(tmp_path / "notes.txt", model.read_bytes())
    assert (found.format, found.detection.type) == (Format.SAFETENSORS, ModelType.LORA)
    assert found.safety.verdict is Verdict.SAFE
