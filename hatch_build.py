"""Compile the gettext catalogs when the package is built or installed, so that the program needs no tool for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # the tools that edit catalogs use the functions below without the build system
    BuildHookInterface = object

LOCALE = Path(__file__).resolve().parent / "modelhub" / "locale"


class CatalogHook(BuildHookInterface):
    """Compile each catalog beside its source, before the files of the package are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile all catalogs."""
        for path in catalogs(Path(self.root) / "modelhub" / "locale"):
            compile_catalog(path)


def catalogs(folder: Path) -> Iterator[Path]:
    """Yield the .po file of each language."""
    yield from sorted(folder.glob("*/LC_MESSAGES/*.po"))


def compile_catalog(path: Path) -> Path:
    """Write the .mo file beside a .po file, in one step, and return its path."""
    with path.open("rb") as stream:
        catalog = read_po(stream, locale=path.parent.parent.name)
    compiled = path.with_suffix(".mo")
    part = compiled.with_name(f"{compiled.name}.{os.getpid()}")
    with part.open("wb") as stream:
        write_mo(stream, catalog)
    part.replace(compiled)
    return compiled
