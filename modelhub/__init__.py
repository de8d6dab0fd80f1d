"""Manage Stable Diffusion model files: identify, catalog, pull, convert, render-test and sort them.

The names in `__all__` are the public API; docs/api.md describes them with examples. Everything else may change in any
version. Importing the package loads nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from modelhub.version import __version__

TYPE_CHECKING = False  # as type checkers understand it; the module `typing` takes longer to load than this one
if TYPE_CHECKING:
    from typing import Any

    from modelhub.catalog.database import CatalogError
    from modelhub.catalog.values import Operation, RenderRun
    from modelhub.config import Settings
    from modelhub.config import load as load_settings
    from modelhub.domain import (
        Detection,
        Evidence,
        FileRecord,
        Format,
        Hashes,
        Inspection,
        Location,
        LocationState,
        ModelRecord,
        ModelType,
        SafetyReport,
        Source,
        Style,
        StyleAnswer,
        TriggerWord,
        Variant,
        Verdict,
    )
    from modelhub.errors import (
        AccessError,
        Exit,
        ModelhubError,
        NetworkError,
        NotFoundError,
        Remedy,
        UnsafeError,
        UsageError,
    )
    from modelhub.fetch.choice.criteria import FileCriteria, Precision, Purpose
    from modelhub.library import Library
    from modelhub.operations.convert.convert_file import ConversionResult
    from modelhub.operations.convert.convert_model import ConvertedModel
    from modelhub.operations.convert.options import ConversionOptions
    from modelhub.operations.library.add import AddMode
    from modelhub.operations.library.advice.advice import AdviceLine, AdviceTopic
    from modelhub.operations.library.advice.details import ModelDetails
    from modelhub.operations.library.inspect import inspect, inspect_many
    from modelhub.operations.library.path_results import PathResult, PathStatus
    from modelhub.operations.library.shared_weights import SharedComponent
    from modelhub.operations.library.verify import Health, VerifiedFile
    from modelhub.operations.remote.import_manifest import ImportResult, ImportStatus
    from modelhub.operations.remote.outdated import UpdateState, UpdateStatus
    from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult
    from modelhub.operations.render.options import RenderOptions, RenderSelection
    from modelhub.operations.render.run import RenderTestResult
    from modelhub.operations.sort.enums import SortDuplicates, SortGrouping, SortMode
    from modelhub.operations.sort.plan import SortPlan
    from modelhub.operations.sort.run import SortResult
    from modelhub.operations.sort.undo import UndoResult
    from modelhub.progress import SILENT, Progress, Task
    from modelhub.storage.errors import BusyError, DiskFullError, FileInUseError, TargetExistsError, TrashError

# Public name → its module, and its name there where that differs.
_HOMES = {
    "AccessError": "errors",
    "AdviceLine": "operations.library.advice.advice",
    "AdviceTopic": "operations.library.advice.advice",
    "AddMode": "operations.library.add",
    "BusyError": "storage.errors",
    "CatalogError": "catalog.database",
    "ConversionOptions": "operations.convert.options",
    "ConversionResult": "operations.convert.convert_file",
    "ConvertedModel": "operations.convert.convert_model",
    "Detection": "domain",
    "DiskFullError": "storage.errors",
    "Evidence": "domain",
    "Exit": "errors",
    "FileCriteria": "fetch.choice.criteria",
    "FileInUseError": "storage.errors",
    "FileRecord": "domain",
    "Format": "domain",
    "Hashes": "domain",
    "Health": "operations.library.verify",
    "ImportResult": "operations.remote.import_manifest",
    "ImportStatus": "operations.remote.import_manifest",
    "inspect": "operations.library.inspect",
    "inspect_many": "operations.library.inspect",
    "Inspection": "domain",
    "Library": "library",
    "load_settings": "config:load",
    "Location": "domain",
    "LocationState": "domain",
    "ModelDetails": "operations.library.advice.details",
    "ModelhubError": "errors",
    "ModelRecord": "domain",
    "ModelType": "domain",
    "NetworkError": "errors",
    "NotFoundError": "errors",
    "Operation": "catalog.values",
    "PathResult": "operations.library.path_results",
    "PathStatus": "operations.library.path_results",
    "Precision": "fetch.choice.criteria",
    "Progress": "progress",
    "PullPlan": "operations.remote.pull",
    "PullRequest": "operations.remote.pull",
    "PullResult": "operations.remote.pull",
    "Purpose": "fetch.choice.criteria",
    "Remedy": "errors",
    "RenderOptions": "operations.render.options",
    "RenderRun": "catalog.values",
    "RenderSelection": "operations.render.options",
    "RenderTestResult": "operations.render.run",
    "SafetyReport": "domain",
    "Settings": "config",
    "SharedComponent": "operations.library.shared_weights",
    "SILENT": "progress",
    "SortDuplicates": "operations.sort.enums",
    "SortGrouping": "operations.sort.enums",
    "SortMode": "operations.sort.enums",
    "SortPlan": "operations.sort.plan",
    "SortResult": "operations.sort.run",
    "Source": "domain",
    "Style": "domain",
    "StyleAnswer": "domain",
    "TargetExistsError": "storage.errors",
    "Task": "progress",
    "TrashError": "storage.errors",
    "TriggerWord": "domain",
    "UndoResult": "operations.sort.undo",
    "UnsafeError": "errors",
    "UpdateState": "operations.remote.outdated",
    "UpdateStatus": "operations.remote.outdated",
    "UsageError": "errors",
    "Variant": "domain",
    "Verdict": "domain",
    "VerifiedFile": "operations.library.verify",
}

__all__ = [
    "SILENT",
    "AccessError",
    "AddMode",
    "AdviceLine",
    "AdviceTopic",
    "BusyError",
    "CatalogError",
    "ConversionOptions",
    "ConversionResult",
    "ConvertedModel",
    "Detection",
    "DiskFullError",
    "Evidence",
    "Exit",
    "FileCriteria",
    "FileInUseError",
    "FileRecord",
    "Format",
    "Hashes",
    "Health",
    "ImportResult",
    "ImportStatus",
    "Inspection",
    "Library",
    "Location",
    "LocationState",
    "ModelDetails",
    "ModelRecord",
    "ModelType",
    "ModelhubError",
    "NetworkError",
    "NotFoundError",
    "Operation",
    "PathResult",
    "PathStatus",
    "Precision",
    "Progress",
    "PullPlan",
    "PullRequest",
    "PullResult",
    "Purpose",
    "Remedy",
    "RenderOptions",
    "RenderRun",
    "RenderSelection",
    "RenderTestResult",
    "SafetyReport",
    "Settings",
    "SharedComponent",
    "SortDuplicates",
    "SortGrouping",
    "SortMode",
    "SortPlan",
    "SortResult",
    "Source",
    "Style",
    "StyleAnswer",
    "TargetExistsError",
    "Task",
    "TrashError",
    "TriggerWord",
    "UndoResult",
    "UnsafeError",
    "UpdateState",
    "UpdateStatus",
    "UsageError",
    "Variant",
    "Verdict",
    "VerifiedFile",
    "__version__",
    "inspect",
    "inspect_many",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    """Return a public name, loaded now. Raise AttributeError for other names."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = home.partition(":")
    value = getattr(import_module(f"modelhub.{module}"), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *__all__})
