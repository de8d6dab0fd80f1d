"""The UIs that can be pointed at the library: what each calls its folders, in a settings file or as flags.

Sources, 2025: ComfyUI's `utils/extra_config.py`, SD.Next's `modules/shared.py`, Fooocus' `modules/config.py`,
A1111's and Forge's `modules/cmd_args.py`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.domain import ModelType
from modelhub.errors import UsageError
from modelhub.uis.layouts import LIBRARY, layout_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A UI with a settings file. `keys`: type → its key there; `marks`: what its own folder holds, one at least.

    `own`: where a key means several folders, the UI's own folder per key, relative to its root. `title` is also the
    folder inside the packages for Windows.
    """

    title: str
    file: str
    keys: Mapping[ModelType, str] = field(default_factory=dict)
    own: Mapping[str, str] | None = None
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


INTERFACES: Mapping[str, Interface] = {
    "comfyui": Interface(
        title="ComfyUI",
        file="extra_model_paths.yaml",
        keys=dict(layout_named("comfyui").folders),
        marks=(
            "main.py",
            "folder_paths.py",
            "custom_nodes",
            "extra_model_paths.yaml.example",
            "extra_model_paths.yaml",
        ),
        notes=("Restart ComfyUI; it lists the library's models beside its own.",),
    ),
    "sdnext": Interface(
        title="SD.Next",
        file="config.json",
        keys={
            ModelType.BASE: "ckpt_dir",
            ModelType.UNET: "unet_dir",
            ModelType.TEXT_ENCODER: "te_dir",
            ModelType.VAE: "vae_dir",
            ModelType.LORA: "lora_dir",
            ModelType.EMBEDDING: "embeddings_dir",
        },
        marks=("webui.py", "webui.sh", "launch.py", "config.json"),
        notes=(
            "SD.Next must not run meanwhile: it writes its settings when it ends. Start it now.",
            "SD.Next has one folder for each of these types: models in its own folders show again after --remove.",
        ),
    ),
    "fooocus": Interface(
        title="Fooocus",
        file="config.txt",
        keys={ModelType.BASE: "path_checkpoints", ModelType.LORA: "path_loras"},
        own={"path_checkpoints": "models/checkpoints", "path_loras": "models/loras"},
        marks=("launch.py", "entry_with_update.py", "fooocus_version.py", "config.txt"),
        notes=(
            "Restart Fooocus; it lists the library's models beside its own.",
            "Fooocus has one folder only for every other type; those settings stay as they are.",
        ),
    ),
}
# Where files cannot stay outside: what to do instead.
INSTEAD = {
    "stability-matrix": (
        "Stability Matrix shares its own Models folder with its packages and takes no second one.",
        "Link the files into it: `modelhub sort LIBRARY --layout stability-matrix --into … --mode hardlink`; "
        "or link each UI below Packages by itself.",
    ),
    "invokeai": (
        "InvokeAI has no folder settings: it registers each model where it lies.",
        "While it runs: `modelhub sort LIBRARY --layout invokeai`.",
    ),
}


_A1111_FLAGS = {
    ModelType.BASE: "--ckpt-dir",
    ModelType.VAE: "--vae-dir",
    ModelType.LORA: "--lora-dir",
    ModelType.EMBEDDING: "--embeddings-dir",
    ModelType.HYPERNETWORK: "--hypernetwork-dir",
    ModelType.UPSCALER: "--esrgan-models-path",
}
FLAGS: Mapping[str, Mapping[ModelType, str]] = {
    "a1111": _A1111_FLAGS,
    "forge": _A1111_FLAGS | {ModelType.TEXT_ENCODER: "--text-encoder-dir", ModelType.CONTROLNET: "--controlnet-dir"},
}
FLAG_NOTES = (
    "--lora-dir, --embeddings-dir and --hypernetwork-dir take the place of the UI's own folders; the others add.",
)


def interface_named(layout: str) -> Interface:
    """The UI of that name. Raises UsageError: for one that cannot be pointed elsewhere with what to do instead."""
    name = layout.lower()
    if name in INSTEAD:
        raise UsageError(*INSTEAD[name])
    if name not in INTERFACES:
        raise UsageError(f"There is no UI called {layout!r} to link.", f"Choose one of: {', '.join(linkable())}.")
    return INTERFACES[name]


def linkable() -> tuple[str, ...]:
    """The names that `link` knows."""
    return ("comfyui", "a1111", "forge", "sdnext", "fooocus")


def library_folders(keys: Mapping[ModelType, str], library: Path) -> dict[str, tuple[Path, ...]]:
    """The UI's words → the library's folders for them, those that exist or can be made."""
    found: dict[str, list[Path]] = {}
    rows = layout_named(LIBRARY).folders
    for kind, key in keys.items():
        folder = library / rows[kind]
        if _usable(folder) and folder not in found.setdefault(key, []):
            found[key].append(folder)
    return {key: tuple(folders) for key, folders in found.items() if folders}


def _usable(folder: Path) -> bool:
    if os.path.lexists(folder):
        return folder.is_dir()
    above = next((place for place in folder.parents if place.exists()), None)
    return above is not None and above.is_dir() and os.access(above, os.W_OK)


def flags_for(layout: str, library: Path) -> tuple[tuple[str, Path], ...]:
    """The flags of A1111 or Forge, each with its folder of the library."""
    return tuple((flag, folders[0]) for flag, folders in library_folders(FLAGS[layout], library).items())


def shell_line(flags: Sequence[tuple[str, Path]]) -> str:
    """The line for webui-user.sh. The UI takes the variable apart as a shell does, so the paths are quoted twice."""
    words = " ".join(f"{flag} {shlex.quote(str(folder))}" for flag, folder in flags)
    return f'export COMMANDLINE_ARGS="$COMMANDLINE_ARGS "{shlex.quote(words)}'


def batch_line(flags: Sequence[tuple[str, Path]]) -> str:
    """The line for webui-user.bat. Paths with `/`, because the UI would take `\\` for an escape; `%` is doubled."""
    words = (f'{flag} "{folder.as_posix()}"' for flag, folder in flags)
    return "set COMMANDLINE_ARGS=%COMMANDLINE_ARGS% " + " ".join(words).replace("%", "%%")
