"""Plain files of every container, written by the real libraries: what mutations start from."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import warnings
from typing import Any

import numpy
import torch
from safetensors.torch import save


def _weights() -> dict[str, Any]:
    tensors = {f"layer.{n}.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) + n for n in range(2)}
    return {"state_dict": collections.OrderedDict(tensors), "epoch": 3, "half": torch.ones(2, dtype=torch.float16)}


def torch_zip() -> bytes:
    """Return a file as `torch.save` writes it today."""
    buffer = io.BytesIO()
    torch.save(_weights(), buffer)
    return buffer.getvalue()


def torch_zip_rich() -> bytes:
    """Return a torch file with parameters, sparse and quantized tensors, and settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantized tensors are deprecated, but real files have them
        quantized = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    content = {
        "w": torch.nn.Parameter(torch.ones(2)),
        "s": torch.eye(2).to_sparse(),
        "q": quantized,
        "numbers": [1, 2.5, None, True, (1, 2), {"a"}, b"bytes", "text"],
        "size": torch.Size([1, 2]),
        "dtype": torch.bfloat16,
        "array": numpy.float64(1.5),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def torch_legacy() -> bytes:
    """Return a file in torch's format before 1.6."""
    buffer = io.BytesIO()
    torch.save(_weights(), buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def safetensors_file() -> bytes:
    """Return a safetensors file."""
    return save({"a.weight": torch.ones(2, 3), "b": torch.zeros(1)}, metadata={"format": "pt"})


def gguf() -> bytes:
    """Return a GGUF file of one tensor."""

    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text(b"general.architecture") + struct.pack("<I", 8) + text(b"flux")
    head += text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + bytes(32)


def numpy_array(*, objects: bool = False) -> bytes:
    """Return an npy file of numbers, or of Python objects."""
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([{"a": 1}, 2], dtype=object) if objects else numpy.arange(4), allow_pickle=True)
    return buffer.getvalue()


def numpy_archive() -> bytes:
    """Return an npz file."""
    buffer = io.BytesIO()
    numpy.savez(buffer, a=numpy.arange(3), b=numpy.ones(2))
    return buffer.getvalue()


def plain_pickle(protocol: int) -> bytes:
    """Return a pickle of plain values in one protocol."""
    return pickle.dumps({"a": [1, 2.0, None, "text", (1, 2)], "b": {"c": True}, "d": b"bytes", "e": {1, 2}}, protocol)


def all_files() -> dict[str, bytes]:
    """Return every plain file by a name with its usual suffix."""
    return {
        "zip.ckpt": torch_zip(),
        "rich.pt": torch_zip_rich(),
        "legacy.pth": torch_legacy(),
        "a.safetensors": safetensors_file(),
        "a.gguf": gguf(),
        "a.npy": numpy_array(),
        "objects.npy": numpy_array(objects=True),
        "a.npz": numpy_archive(),
        **{f"plain{protocol}.pkl": plain_pickle(protocol) for protocol in range(6)},
    }


def write_all(folder: str) -> list[str]:
    """Write every plain file into a folder and return the paths."""
    paths = []
    for name, content in all_files().items():
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        paths.append(path)
    return paths
