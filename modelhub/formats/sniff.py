"""Which container a file is, by its first bytes; a name is only compared with the answer."""

from __future__ import annotations

from pathlib import Path

from modelhub.domain import Format
from modelhub.errors import ModelhubError
from modelhub.formats import safetensors
from modelhub.formats.header import Header, Problem

_HEAD = 512


def read_header(path: Path) -> Header:
    """The header of a file or diffusers folder, whatever its name says.

    Bad content is an answer (`problems`), never an exception. Raises ModelhubError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
        if safetensors.looks_like(head, size):
            return safetensors.read(path)
    except OSError as exc:
        raise ModelhubError(f"{path} cannot be read: {exc.strerror or exc}.", "Check its permissions.") from exc
    return Header(format=Format.UNKNOWN, size=size, problems=(Problem("not a container that modelhub knows"),))
