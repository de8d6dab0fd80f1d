"""Files that would run something harmless (`echo`) if a loader executed them. Nothing here is ever loaded."""

from __future__ import annotations

import json
import struct
from collections import OrderedDict
from pathlib import Path

from modelhub.testing.files import torch_file
from modelhub.testing.files.tensors import Tensor

COMMAND = "echo this could have been anything"


def checkpoint(path: Path) -> Path:
    """Write a torch file that looks like an embedding and calls `os.system` on loading."""
    content = {
        "string_to_param": {"*": Tensor("F32", (4, 768))},
        "name": torch_file.Call(torch_file.Global("os", "system"), (COMMAND,)),
    }
    return torch_file.write(path, content)


def bare_pickle(path: Path) -> Path:
    """Write a bare pickle that calls `os.system`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    call = torch_file.Call(torch_file.Global("os", "system"), (COMMAND,))
    path.write_bytes(torch_file.Pickled.of(OrderedDict(weights=call)).data)
    return path


def lying_header(path: Path) -> Path:
    """Write a safetensors file whose header promises more bytes than there are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = json.dumps({"emb_params": {"dtype": "F32", "shape": [8, 768], "data_offsets": [0, 8 * 768 * 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(100))
    return path
