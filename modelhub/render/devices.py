"""What a torch device can do, and how much memory a test took."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import torch

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
SHARE = "MODELHUB_GPU_SHARE"  # of a GPU's memory that a worker may take, such as 0.5 beside a running UI
_SMALL_FILE = 300_000_000  # bytes below which fp32 costs nothing worth saving
_NO_MEMORY = ("not enough memory", "allocate memory", "out of memory", "_STATUS_ALLOC_FAILED")


def choose(wanted: str) -> str:
    """The torch device for "auto", "cpu", "mps", "cuda" or "cuda:1". Raises ValueError when it is not there."""
    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise ValueError("torch finds no Apple GPU (mps) here")
    if wanted.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ValueError("torch finds no CUDA device here")
        number = int(wanted.partition(":")[2] or 0)
        if number >= torch.cuda.device_count():
            raise ValueError(f"there is no {wanted}: torch finds {torch.cuda.device_count()} CUDA devices")
        return f"cuda:{number}"
    return wanted


def limit_memory(device: str) -> None:
    """Keep to the share of the GPU's memory that the environment names. Raises ValueError when it names none."""
    share = os.environ.get(SHARE)
    if share and device.startswith("cuda"):
        if not 0.0 < float(share) <= 1.0:
            raise ValueError(f"{SHARE} is {share}: a number over 0 and up to 1 is needed")
        torch.cuda.set_per_process_memory_fraction(float(share), device)


def wants_memory(text: str) -> bool:
    """Whether a library's message says that there is too little memory; they have many kinds of errors for it."""
    return any(sign in text for sign in _NO_MEMORY)


def is_lost(text: str) -> bool:
    """Whether a message says that the process can do no more on its GPU, as after a failed assertion there."""
    return "CUDA error" in text and not wants_memory(text)


def name_of(device: str) -> str:
    """What a person calls the device."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def dtype_for(device: str, path: Path, *, exact: bool, wanted: str = "") -> torch.dtype:
    """fp16 on a GPU. On a CPU bf16, or fp32 for comparing adapters and for small files; fp16 crawls there.

    `wanted`: a name of `DTYPES` that decides instead.
    """
    if wanted:
        return DTYPES[wanted]
    if device != "cpu":
        return torch.float16
    files = path.rglob("*") if path.is_dir() else [path]
    small = sum(file.stat().st_size for file in files if file.is_file()) < _SMALL_FILE
    return torch.float32 if exact or small else torch.bfloat16


def empty_cache(device: str) -> None:
    """Give cached memory of the device back."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def synchronize(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> None:
    """Begin to measure the most memory that is used."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: str) -> int:
    """Most bytes used: of the device since `reset_peak`, on a CPU by the whole process since its start."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
