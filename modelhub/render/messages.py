"""What the parent process and the render worker say to each other: one JSON object a line."""

from __future__ import annotations

from typing import Any

import msgspec

from modelhub.render.recipes import Recipe


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A model that takes part in a test. `path` may be a diffusers folder; `words` are its trigger words."""

    path: str
    name: str
    type: str = "base"
    sha256: str = ""
    architecture: str | None = None
    prediction: str | None = None
    words: tuple[str, ...] = ()
    native: int | None = None
    damage: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """Test `subject` on `base` (the same part when a base is tested). `pictures` is a folder for the PNGs.

    `exact`: load the base in fp32 on a CPU, since adapters are compared on it. `rescues`: VAEs of the library to try
    when the base has none, or its own seems to be the culprit. `alternatives`: another base fits, so that a
    bad one need not be tested on.
    `dtype`: "fp16", "bf16" or "fp32" for the base; "" lets the device decide.
    """

    id: int
    subject: Part
    base: Part
    recipe: Recipe
    pictures: str
    exact: bool = False
    rescues: tuple[Part, ...] = ()
    alternatives: bool = False
    dtype: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The worker is up: its device, and how many CUDA devices there are."""

    device: str
    device_name: str
    cuda_devices: int
    versions: dict[str, str]


class Stage(msgspec.Struct, frozen=True, kw_only=True, tag="stage"):
    """What the worker begins to do; `about_base` when a failure now would be the base's, not the subject's."""

    id: int
    text: str
    about_base: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """How one job ended. `pictures`: kind ("base", "full", "half", "difference") → file."""

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
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def decode_job(line: bytes) -> Job:
    """A job. Raises msgspec.DecodeError or ValidationError."""
    return msgspec.json.decode(line, type=Job)


def decode_message(line: bytes) -> Message:
    """What the worker said. Raises msgspec.DecodeError or ValidationError."""
    message: Message = msgspec.json.decode(line, type=Message)
    return message
