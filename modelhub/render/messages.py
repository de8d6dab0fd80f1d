"""Messages between the parent process and the render worker: one JSON object per line."""

from __future__ import annotations

from typing import Any

import msgspec

from modelhub.render.recipes import Recipe


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A model that takes part in a test. `path` may be a diffusers folder.

    `native_size`: the side in pixels that it was trained at, where its file states it.
    """

    path: str
    name: str
    type: str = "base"
    sha256: str = ""
    architecture: str | None = None
    prediction: str | None = None
    trigger_words: tuple[str, ...] = ()
    native_size: int | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """A test of `subject` on `base` (the same part when a base is tested). `pictures`: the folder for the PNGs.

    `exact`: load the base in fp32 on a CPU, since adapters are compared on it. `fallback_vaes`: VAEs of the library to
    try when the base has none, or when the base's own VAE fails. `has_alternatives`: another base fits, so a base that
    does not work can be passed over. `dtype`: "fp16", "bf16" or "fp32" for the base; "": the device decides.
    """

    id: int
    subject: Part
    base: Part
    recipe: Recipe
    pictures: str
    exact: bool = False
    fallback_vaes: tuple[Part, ...] = ()
    has_alternatives: bool = False
    dtype: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The first message of a worker: its device, and how many CUDA devices there are."""

    device: str
    device_name: str
    cuda_devices: int
    versions: dict[str, str]


class Stage(msgspec.Struct, frozen=True, kw_only=True, tag="stage"):
    """The start of a step; `about_base`: a failure now would be the base's, not the subject's."""

    id: int
    text: str
    about_base: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """The result of a job. `pictures`: kind ("base", "full", "half", "difference") → file."""

    id: int
    verdict: str
    words: str
    warnings: tuple[str, ...] = ()
    metrics: dict[str, Any] = msgspec.field(default_factory=dict)
    recipe: dict[str, Any] = msgspec.field(default_factory=dict)
    pictures: dict[str, str] = msgspec.field(default_factory=dict)
    seconds: float = 0.0
    base_failed: bool = False


Message = Ready | Stage | Result


def encode(message: Job | Message) -> bytes:
    """Return a message as one line."""
    return msgspec.json.encode(message) + b"\n"


def decode_job(line: bytes) -> Job:
    """Decode a job. Raise msgspec.DecodeError or ValidationError."""
    return msgspec.json.decode(line, type=Job)


def decode_message(line: bytes) -> Message:
    """Decode a message of the worker. Raise msgspec.DecodeError or ValidationError."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
