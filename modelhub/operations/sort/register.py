"""Sorting for InvokeAI: every sure model is registered where it is; nothing is moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.errors import NetworkError
from modelhub.operations.sort.plan import Stay
from modelhub.operations.sort.survey import Item, survey
from modelhub.progress import SILENT, Progress
from modelhub.uis.invokeai import INVOKEAI, InvokeAI
from modelhub.uis.ui import ServerUnreachableError

assert INVOKEAI.registration is not None
TYPES = INVOKEAI.registration.types


@dataclass(slots=True)
class Registered:
    """What was registered now, what InvokeAI had already, and what it was not given."""

    new: list[Item] = field(default_factory=list)
    known: list[Item] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)


def register(
    paths: Sequence[Path],
    server: InvokeAI,
    *,
    catalog: Catalog | None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Registered:
    """Register what lies at `paths`. Raises NetworkError when InvokeAI does not answer at all."""
    found = survey([Path(os.path.abspath(path.expanduser())) for path in paths], catalog=catalog, progress=progress)  # noqa: PTH100
    result = Registered()
    with progress.task("registering", total=len(found.items), unit="models") as task:
        for item in found.items:
            task.advance(1)
            if item.trouble is not None:
                result.stays.append(Stay(path=item.path, kind=item.trouble[0], words=item.trouble[1], needs_you=True))
            elif item.type not in TYPES:
                words = f"InvokeAI takes no models of type {item.type.value}"
                result.stays.append(Stay(path=item.path, kind="no place", words=words))
            elif dry_run:
                result.new.append(item)
            else:
                _one(item, server, result)
    return result


def _one(item: Item, server: InvokeAI, result: Registered) -> None:
    try:
        (result.new if server.register(item.path) else result.known).append(item)
    except ServerUnreachableError:
        raise
    except NetworkError as exc:
        result.stays.append(Stay(path=item.path, kind="failed", words=exc.message, needs_you=True))
