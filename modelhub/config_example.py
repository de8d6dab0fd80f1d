"""The text of `config.example.toml`, made from the table of keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelhub.config import all_keys
from modelhub.config_keys import Key


def example_text(source_keys: Iterable[Key]) -> str:
    """Return the text of `config.example.toml`: every key with its default, commented out."""
    lines = [
        "# modelhub configuration. Copy to the place that `modelhub config path` prints, or name it with --config",
        "# or the environment variable MODELHUB_CONFIG.",
        "# Order of precedence: command line, environment, this file, default. Every line below is the default.",
    ]
    section = ""
    for key in all_keys(source_keys):
        if key.section != section:
            section = key.section
            lines += ["", f"[{section}]"]
        choices = f" One of: {', '.join(c or 'empty' for c in key.choices)}." if key.choices else ""
        lines += ["", f"# {key.about}{choices}", f"# Environment: {', '.join(key.variables)}"]
        lines.append(f"# {key.field} = {_toml(key.default)}")
    return "\n".join([*lines, *_LAYOUT_EXAMPLE]) + "\n"


_LAYOUT_EXAMPLE = (
    "",
    "# Layouts of your own for `modelhub sort --layout mine`: a folder for each type, with fields in braces:",
    "# {type} {architecture} {style} {variant} {precision} {name}; with {name} as the last part files are renamed.",
    "# [layout.mine]",
    '# base = "Checkpoints/{architecture}"',
    '# lora = "Loras/{architecture}/{style}"',
    '# vae = "VAE"',
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
