"""The header of a model file, as every reader of this package returns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from modelhub.domain import Format

Count = Annotated[int, msgspec.Meta(ge=0)]
NO_SHAPE = (-1,)  # of a tensor whose entry states none

OBJECT = "object: "  # in front of the class, in the text of an entry that is neither a number nor a text


def quote_name(name: str) -> str:
    """Return a name from a file for a message: in quotes, with escapes, and not longer than a line."""
    return repr(name if len(name) <= 80 else f"{name[:79]}…")


class TensorInfo(msgspec.Struct, frozen=True, gc=False):
    """One tensor. `dtype` is spelled as safetensors does (F16, BF16, F8_E4M3, U8 …; GGUF's own names for its types).

    `data_offsets` are bytes relative to the start of the data part, for safetensors; None elsewhere.
    """

    dtype: str = ""
    shape: tuple[Count, ...] = NO_SHAPE
    data_offsets: tuple[Count, Count] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file, as a sentence. `fatal`: a loader would fail or read wrong values."""

    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class PickleGlobal:
    """A (module, name) pair that loading a pickle would look up; `place`: member and byte offset."""

    module: str
    name: str
    place: str
    called: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PickleScan:
    """The result of a symbolic walk over all pickles of a file.

    `findings` are (severity, sentence) pairs with severity "suspicious", "dangerous" or "unrecognised": all that is
    wrong besides the globals themselves (trailing pickles, EXT opcodes, encrypted members, names that differ …). A
    "note" names a part of a folder that was not looked into and no loader of the model needs.
    """

    globals: tuple[PickleGlobal, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Names, shapes, dtypes, metadata and problems of one file or diffusers folder.

    `tensors`: flattened names. A wrapper such as `state_dict` is taken off the names and kept in `root`; other nesting
    is joined with "." (`string_to_param.*`, `320.0.linear.0.weight`). For a diffusers folder the names are prefixed
    with the sub-folder (`unet/conv_in.weight`).
    `entries`: top-level keys of a pickled dict that are not tensors or the root (`optimizer_states`, `global_step` …),
    with a short text of the value where it is a plain scalar or string, else its kind.
    `metadata`: string to string (safetensors `__metadata__`, GGUF keys, diffusers configs as JSON text by file name).
    `data_start`: where the tensor data begins in the file, in bytes (safetensors, GGUF).
    """

    format: Format
    size: int
    tensors: Mapping[str, TensorInfo] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    root: str | None = None
    entries: Mapping[str, str] = field(default_factory=dict)
    pickle: PickleScan | None = None
    problems: tuple[Problem, ...] = ()
    data_start: int | None = None

    @property
    def broken(self) -> bool:
        """Whether a loader would fail on this file."""
        return any(p.fatal for p in self.problems)
