"""The demo's models to render with: the trained miniature family, and copies of it that are broken on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

FAMILY = Path(__file__).resolve().parent.parent / "tests" / "data" / "miniature"
_SOUND = (
    "miniature.safetensors",
    "miniature-vivid.vae.ckpt",
    "miniature-frame-kohya.safetensors",
    "miniature-frame-loha.safetensors",
    "nightgem.pt",
    "miniature-sepia.pt",
)
Array = numpy.ndarray


def shapes(folder: Path) -> Path:
    """Fill a folder with one model of every type that draws colored shapes, and four that do not work."""
    folder.mkdir(parents=True)
    for name in _SOUND:
        shutil.copy(FAMILY / name, folder / name)
    base, lora = FAMILY / "miniature.safetensors", FAMILY / "miniature-frame-kohya.safetensors"
    data = base.read_bytes()
    (folder / "half-downloaded.safetensors").write_bytes(data[: len(data) * 2 // 3])
    _changed(base, folder / "bad-merge.safetensors", "model.diffusion_model.out.", lambda old: old * 0)
    _changed(base, folder / "burnt-vae.safetensors", "first_stage_model.decoder.conv_out.", lambda old: old * 9)
    _changed(lora, folder / "placebo.safetensors", ".lora_up.", lambda old: old * 0, trigger=False)
    return folder


def _changed(source: Path, target: Path, part: str, change: Callable[[Array], Array], *, trigger: bool = True) -> None:
    with safe_open(source, framework="numpy") as file:
        metadata = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    changed = {name: change(value) if part in name else value for name, value in tensors.items()}
    if not trigger:
        metadata = {name: value for name, value in metadata.items() if name in ("ss_network_dim", "ss_network_module")}
    save_file(changed, target, metadata=metadata)
