"""Sort for a UI that registers models: each one that is sure is registered where it is, and nothing is moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.errors import NetworkError
from modelhub.home import expand_home
from modelhub.operations.sort.plan import PASSED_OVER, LeftInPlace
from modelhub.operations.sort.survey import Item, survey
from modelhub.progress import SILENT, Progress
from modelhub.uis.ui import UI, ModelServer, ServerUnreachableError


@dataclass(slots=True)
class RegistrationResult:
    """The models that were registered now, those that the UI had already, and those that it was not given."""

    new: list[Item] = field(default_factory=list)
    known: list[Item] = field(default_factory=list)
    left: list[LeftInPlace] = field(default_factory=list)


def register(
    paths: Sequence[Path],
    ui: UI,
    server: ModelServer,
    *,
    catalog: Catalog | None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> RegistrationResult:
    """Register the models at `paths`; with `dry_run`, `new` holds those that would be sent.

    Raise NotFoundError when a path does not exist, ServerUnreachableError when the UI does not answer.
    """
    assert ui.registration is not None, f"{ui.name} does not register models"
    absolute = [Path(os.path.abspath(expand_home(path))) for path in paths]  # noqa: PTH100 - resolve() would follow links
    found = survey(absolute, catalog=catalog, progress=progress)
    result = RegistrationResult()
    result.left += [LeftInPlace(path=path, reason=PASSED_OVER, message=message) for path, message in found.passed]
    with progress.task("registering", total=len(found.items), unit="models") as task:
        for item in found.items:
            task.advance(1)
            if item.problem is not None:
                problem = item.problem
                left = LeftInPlace(
                    path=item.path,
                    reason=problem.reason,
                    message=problem.message,
                    remedy=problem.remedy,
                    needs_attention=True,
                )
                result.left.append(left)
            elif item.type not in ui.registration.types:
                message = f"{ui.title} accepts no models of type {item.type.value}."
                result.left.append(LeftInPlace(path=item.path, reason="no place", message=message))
            elif dry_run:
                result.new.append(item)
            else:
                _register_one(item, server, result)
    return result


def _register_one(item: Item, server: ModelServer, result: RegistrationResult) -> None:
    try:
        is_new = server.register(item.path)
    except ServerUnreachableError:
        raise
    except NetworkError as exc:
        failed = LeftInPlace(
            path=item.path, reason="failed", message=exc.message, remedy=exc.remedy, needs_attention=True
        )
        result.left.append(failed)
    else:
        (result.new if is_new else result.known).append(item)
