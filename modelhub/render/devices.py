"""Torch devices: choosing one, data types, memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import torch

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
SHARE = "MODELHUB_GPU_SHARE"  # of a GPU's memory that a worker may take, such as 0.5 beside a running UI
_SMALL_FILE = 300_000_000  # bytes; below, fp32 costs too little to be worth avoiding
_NO_MEMORY = ("not enough memory", "allocate memory", "out of memory", "_STATUS_ALLOC_FAILED")


def choose_device(requested: str) -> str:
    """Return the torch device for "auto", "cpu", "mps", "cuda" or "cuda:1". Raise ValueError when there is none."""
    if requested == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if requested == "mps" and not torch.backends.mps.is_available():
        raise ValueError("torch finds no Apple GPU (mps)")
    if requested.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ValueError("torch finds no CUDA device")
        number = int(requested.partition(":")[2] or 0)
        if number >= torch.cuda.device_count():
            raise ValueError(f"there is no {requested}: torch finds {torch.cuda.device_count()} CUDA devices")
        return f"cuda:{number}"
    return requested


def limit_memory(device: str) -> None:
    """Limit the process to the share of the GPU's memory in the environment. Raise ValueError for an invalid share."""
    share = os.environ.get(SHARE)
    if share and device.startswith("cuda"):
        if not 0.0 < float(share) <= 1.0:
            raise ValueError(f"{SHARE} is {share}; it must be a number above 0 and at most 1")
        torch.cuda.set_per_process_memory_fraction(float(share), device)


def is_out_of_memory(text: str) -> bool:
    """Return whether a library's message is about too little memory; each has several kinds of errors for it."""
    return any(sign in text for sign in _NO_MEMORY)


def is_lost(text: str) -> bool:
    """Return whether a message means that the process can no longer use its GPU, as after a failed assertion there."""
    return "CUDA error" in text and not is_out_of_memory(text)


def device_name(device: str) -> str:
    """Return the device's name as its maker gives it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def choose_dtype(device: str, path: Path, *, exact: bool, requested: str = "") -> torch.dtype:
    """Return fp16 on a GPU; on a CPU bf16, or fp32 for comparing adapters and for small files, as fp16 is slow there.

    `requested`: a name of `DTYPES` that decides instead.
    """
    if requested:
        return DTYPES[requested]
    if device != "cpu":
        return torch.float16
    files = path.rglob("*") if path.is_dir() else [path]
    small = sum(file.stat().st_size for file in files if file.is_file()) < _SMALL_FILE
    return torch.float32 if exact or small else torch.bfloat16


def empty_cache(device: str) -> None:
    """Release the device's cached memory."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def synchronize(device: str) -> None:
    """Wait until the device has finished its work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> None:
    """Start measuring the peak of used memory."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: str) -> int:
    """Return the peak of used bytes: on a device since `reset_peak`, on a CPU by the process since its start."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
