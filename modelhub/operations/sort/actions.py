"""What a journaled step can do to the disk, and how each is finished, found out about and taken back.

A step is a value (`NewStep`, `Step`); its `detail` holds what the file was like: `size` and `mtime_ns` as `os.stat`
gives them, `sha256` where it is known, `bundle` (steps of one model), `locations` (of the catalog: [id, what follows
the path]).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from modelhub.catalog import NewStep
from modelhub.errors import ModelhubError
from modelhub.storage import place
from modelhub.storage.containment import make_folder
from modelhub.storage.errors import FileChangedError, TargetExistsError, from_os_error
from modelhub.storage.hashing import sha256_of
from modelhub.storage.trash import move_to_trash


class StepLike(Protocol):
    """A step, planned or stored."""

    @property
    def action(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Action:
    """`do` changes the disk or raises ModelhubError with nothing changed. `settle` says whether it was done, finishing
    what a killed process left half-way. `inverse` is the step that takes it back, or None. `obstacle`: why it cannot be
    done now ("" when it can)."""

    do: Callable[[StepLike], None]
    settle: Callable[[StepLike], bool]
    inverse: Callable[[StepLike], NewStep | None]
    obstacle: Callable[[StepLike], str]


def facts_of(path: Path) -> dict[str, Any]:
    """What a step remembers of a file or folder: size and time of change; of a folder the newest of its files."""
    status = path.stat()
    if path.is_dir():
        files = [file.stat() for file in path.rglob("*") if file.is_file()]
        return {
            "size": sum(file.st_size for file in files),
            "mtime_ns": max((file.st_mtime_ns for file in files), default=status.st_mtime_ns),
        }
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def unchanged(path: Path, detail: Mapping[str, Any]) -> bool:
    """Whether what lies there is what the step was planned for."""
    try:
        found = facts_of(path)
    except OSError:
        return False
    return all(found[name] == detail[name] for name in found if name in detail)


def _check(step: StepLike) -> None:
    if text := obstacle(step):
        error = TargetExistsError if "is at" in text else FileChangedError
        raise error(f"{step.source}: {text}.", "It was left where it is; run the command again to look anew.")


def obstacle(step: StepLike) -> str:
    """Why the step cannot be done now; "" when nothing is in its way."""
    return ACTIONS[step.action].obstacle(step)


def _file_obstacle(step: StepLike) -> str:
    source, target = Path(step.source), Path(step.target)
    if not os.path.lexists(source):
        return "it is not there any more"
    if not unchanged(source, step.detail):
        return "it has changed since"
    if step.target and os.path.lexists(target) and not _same(source, target):
        return f"something else is at {target}"
    return ""


def _same(source: Path, target: Path) -> bool:
    """One file under both names: a move that was killed between its two halves, or only the spelling differs."""
    with contextlib.suppress(OSError):
        return source.samefile(target)
    return False


def _move(step: StepLike) -> None:
    _check(step)
    target = Path(step.target)
    sha256 = step.detail.get("sha256")
    place.move(Path(step.source), target, within=target.parent, expected_sha256=sha256, sync=False)


def _settle_move(step: StepLike) -> bool:
    source, target = Path(step.source), Path(step.target)
    place.remove_leftovers(target.parent, older_than=0.0)
    here, there = os.path.lexists(source), os.path.lexists(target)
    if here and there and not source.is_dir() and _is_the_copy(source, target, step):
        source.unlink()
        return True
    return there and not here


def _is_the_copy(source: Path, target: Path, step: StepLike) -> bool:
    """Whether the target is this very file, linked or copied; then the source was about to be removed."""
    if source.is_symlink() or target.is_symlink():
        return False
    if _same(source, target):
        # On a file system that ignores case both names may mean one entry: that is no copy.
        return len([name for name in os.listdir(target.parent) if name == target.name]) == 1 and (  # noqa: PTH208
            source.parent != target.parent or source.name in os.listdir(source.parent)  # noqa: PTH208
        )
    if not unchanged(source, step.detail) or target.stat().st_size != source.stat().st_size:
        return False
    return sha256_of(source) == sha256_of(target)


def _new_file(make: Callable[..., Any]) -> Callable[[StepLike], None]:
    def do(step: StepLike) -> None:
        _check(step)
        if os.path.lexists(step.target):
            raise TargetExistsError(f"Something is at {step.target}.", "Nothing is ever replaced.")
        make(Path(step.source), Path(step.target), within=Path(step.target).parent)

    return do


def _settle_new_file(step: StepLike) -> bool:
    source, target = Path(step.source), Path(step.target)
    place.remove_leftovers(target.parent, older_than=0.0)
    if step.action == "symlink":
        return target.is_symlink()
    if not os.path.lexists(target):
        return False
    return _same(source, target) or unchanged(target, step.detail)


def _unlink(step: StepLike) -> None:
    _check(step)
    source = Path(step.source)
    try:
        if source.is_dir() and not source.is_symlink():
            raise ModelhubError(f"{source} is a folder; remove it by hand if you do not want the copy.")
        source.unlink()
    except OSError as exc:
        raise from_os_error(exc, source, "remove") from exc


def _unlink_obstacle(step: StepLike) -> str:
    """A copy is removed only while what it was made from is still there and it has not changed itself."""
    copy, original = Path(step.source), Path(step.target)
    if not os.path.lexists(copy):
        return "it is not there any more"
    if not copy.is_symlink() and not unchanged(copy, step.detail):
        return "it has changed since"
    if not original.exists() or not unchanged(original, step.detail):
        return f"{original}, of which it is a copy, is gone or has changed"
    return ""


def _make_folder(step: StepLike) -> None:
    make_folder(Path(step.target))


def _remove_folder(step: StepLike) -> None:
    with contextlib.suppress(OSError):  # not empty: somebody uses it by now
        Path(step.target).rmdir()


def _trash(step: StepLike) -> None:
    _check(step)
    move_to_trash([Path(step.source)])


def _rewrite(step: StepLike) -> None:
    if text := _rewrite_obstacle(step):
        raise FileChangedError(f"{step.target}: {text}.", "It was left as it is.")
    target = Path(step.target)
    status = target.stat()
    temporary = target.with_name(f"{place.TEMPORARY_PREFIX}{os.urandom(6).hex()}{place.TEMPORARY_SUFFIX}")
    try:
        temporary.write_bytes(base64.b64decode(step.detail["after"]))
        os.utime(temporary, ns=(status.st_atime_ns, step.detail["mtime_ns"]))
        os.replace(temporary, target)  # noqa: PTH105
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise from_os_error(exc, target, "write") from exc


def _rewrite_obstacle(step: StepLike) -> str:
    return "" if _holds(step, "before") else "it has changed since"


def _holds(step: StepLike, which: str) -> bool:
    try:
        found = hashlib.sha256(Path(step.target).read_bytes()).digest()
    except OSError:
        return False
    return found == hashlib.sha256(base64.b64decode(step.detail[which])).digest()


def _back(action: str) -> Callable[[StepLike], NewStep | None]:
    return lambda step: NewStep(action=action, source=step.target, target=step.source, detail=dict(step.detail))


def _unmake(step: StepLike) -> NewStep:
    return NewStep(action="unlink", source=step.target, target=step.source, detail={**step.detail, "made": step.action})


def _remake(step: StepLike) -> NewStep:
    return NewStep(action=str(step.detail["made"]), source=step.target, target=step.source, detail=dict(step.detail))


def _swapped(step: StepLike) -> NewStep:
    detail = {**step.detail, "before": step.detail["after"], "after": step.detail["before"]}
    return NewStep(action="rewrite", source=step.source, target=step.target, detail=detail)


def _same_place(action: str) -> Callable[[StepLike], NewStep | None]:
    return lambda step: NewStep(action=action, source=step.source, target=step.target, detail=dict(step.detail))


def _free(_: StepLike) -> str:
    return ""


ACTIONS: dict[str, Action] = {
    "move": Action(_move, _settle_move, _back("move"), _file_obstacle),
    "copy": Action(_new_file(place.copy), _settle_new_file, _unmake, _file_obstacle),
    "hardlink": Action(_new_file(place.hard_link), _settle_new_file, _unmake, _file_obstacle),
    "symlink": Action(_new_file(place.symlink), _settle_new_file, _unmake, _file_obstacle),
    "reflink": Action(_new_file(place.reflink), _settle_new_file, _unmake, _file_obstacle),
    "unlink": Action(_unlink, lambda step: not os.path.lexists(step.source), _remake, _unlink_obstacle),
    "mkdir": Action(_make_folder, lambda step: Path(step.target).is_dir(), _same_place("rmdir"), _free),
    "rmdir": Action(_remove_folder, lambda step: not Path(step.target).exists(), _same_place("mkdir"), _free),
    "trash": Action(_trash, lambda step: not os.path.lexists(step.source), lambda step: None, _file_obstacle),
    "rewrite": Action(_rewrite, lambda step: _holds(step, "after"), _swapped, _rewrite_obstacle),
}
MODES = ("move", "copy", "hardlink", "symlink", "reflink")
