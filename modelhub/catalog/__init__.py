"""The catalog: every file by its content, every model, and the user's own words about them.

Nothing outside this package knows the database. Names are loaded on first use, so that a start costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelhub.catalog.catalog import Catalog
    from modelhub.catalog.values import (
        Counts,
        DuplicateGroup,
        KnownLocation,
        Lookup,
        ModelQuery,
        ModelRow,
        NewFile,
        NewLocation,
        NewModel,
        NewStep,
        Operation,
        RenderRun,
        Root,
        Step,
        Term,
    )

__all__ = [
    "Catalog",
    "Counts",
    "DuplicateGroup",
    "KnownLocation",
    "Lookup",
    "ModelQuery",
    "ModelRow",
    "NewFile",
    "NewLocation",
    "NewModel",
    "NewStep",
    "Operation",
    "RenderRun",
    "Root",
    "Step",
    "Term",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module("modelhub.catalog.catalog" if name == "Catalog" else "modelhub.catalog.values")
    return getattr(module, name)
