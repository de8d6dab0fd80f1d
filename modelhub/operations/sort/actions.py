"""The actions of journaled steps: how each is done, checked after a kill, and undone.

A step is a value (`NewStep`, `Step`). Its `detail` describes the file: `size` and `mtime_ns` as `os.stat` gives them,
`sha256` where it is known, `bundle` (the number of the model that it belongs to), `locations` (of the catalog: [id,
the rest of the path]).
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

# Sidecars that hold absolute paths of their model, and are rewritten when it moves.
SIDECARS_WITH_PATHS = (".metadata.json", ".cm-info.json", ".civitai.info")


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
    """An action as functions of a step.

    `do` changes the disk, or raises ModelhubError with nothing changed. `settle` returns whether it was done, and
    completes what a killed process left unfinished. `inverse` returns the step that undoes it, None if nothing can.
    `obstacle` returns the error that `do` would raise now, None if it can be done.
    """

    do: Callable[[StepLike], None]
    settle: Callable[[StepLike], bool]
    inverse: Callable[[StepLike], NewStep | None]
    obstacle: Callable[[StepLike], ModelhubError | None]


def facts_of(path: Path) -> dict[str, Any]:
    """Return the size and time of change of a file; of a folder the sum and the newest of its files. Raise OSError."""
    status = path.stat()
    if path.is_dir():
        files = [file.stat() for file in path.rglob("*") if file.is_file()]
        return {
            "size": sum(file.st_size for file in files),
            "mtime_ns": max((file.st_mtime_ns for file in files), default=status.st_mtime_ns),
        }
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def is_unchanged(path: Path, detail: Mapping[str, Any]) -> bool:
    """Return whether the file or folder is the one that the step was planned for."""
    try:
        found = facts_of(path)
    except OSError:
        return False
    return all(found[name] == detail[name] for name in found if name in detail)


def _check(step: StepLike) -> None:
    if error := obstacle(step):
        raise error


def obstacle(step: StepLike) -> ModelhubError | None:
    """Return the error that doing the step would raise now, None if it can be done."""
    return ACTIONS[step.action].obstacle(step)


def _file_obstacle(step: StepLike) -> ModelhubError | None:
    source, target = Path(step.source), Path(step.target)
    if changed := _change_of(source, step):
        return changed
    if step.target and os.path.lexists(target) and not _is_same(source, target):
        return TargetExistsError(f"Another file is at {target}.", f"{source} was left where it is.")
    return None


def _change_of(path: Path, step: StepLike) -> FileChangedError | None:
    if not os.path.lexists(path):
        return FileChangedError(f"{path} no longer exists.")
    if not is_unchanged(path, step.detail):
        return FileChangedError(f"{path} has changed in the meantime.", "It was left as it is.")
    return None


def _is_same(source: Path, target: Path) -> bool:
    """Return whether both paths are one file: a move was killed between its two halves, or only the case differs."""
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
    """Return whether the target is this very file, linked or copied, so that the source was about to be removed."""
    if source.is_symlink() or target.is_symlink():
        return False
    if _is_same(source, target):
        # On a file system that ignores case both names may mean one entry, which is not a copy.
        return len([name for name in os.listdir(target.parent) if name == target.name]) == 1 and (  # noqa: PTH208
            source.parent != target.parent or source.name in os.listdir(source.parent)  # noqa: PTH208
        )
    if not is_unchanged(source, step.detail) or target.stat().st_size != source.stat().st_size:
        return False
    return sha256_of(source) == sha256_of(target)


def _new_file(make: Callable[..., Any]) -> Callable[[StepLike], None]:
    def do(step: StepLike) -> None:
        _check(step)
        if os.path.lexists(step.target):
            raise TargetExistsError(f"Another file is at {step.target}.", "Files are never replaced.")
        make(Path(step.source), Path(step.target), within=Path(step.target).parent)

    return do


def _settle_new_file(step: StepLike) -> bool:
    source, target = Path(step.source), Path(step.target)
    place.remove_leftovers(target.parent, older_than=0.0)
    if step.action == "symlink":
        return target.is_symlink()
    if not os.path.lexists(target):
        return False
    return _is_same(source, target) or is_unchanged(target, step.detail)


def _unlink(step: StepLike) -> None:
    _check(step)
    source = Path(step.source)
    try:
        if source.is_dir() and not source.is_symlink():
            raise ModelhubError(f"{source} is a folder, which is never deleted.", "Remove it by hand.")
        source.unlink()
    except OSError as exc:
        raise from_os_error(exc, source, "remove") from exc


def _unlink_obstacle(step: StepLike) -> ModelhubError | None:
    """Delete a copy only if its original still exists and the copy is unchanged; return the error otherwise."""
    copy, original = Path(step.source), Path(step.target)
    if copy.is_symlink():
        if not _is_same(copy, original):
            return FileChangedError(f"{copy} is a link to another file than {original}.", "It was kept.")
    elif changed := _change_of(copy, step):
        return changed
    if not original.exists() or not is_unchanged(original, step.detail):
        return FileChangedError(f"{original}, the original of {copy}, is missing or has changed.", "The copy was kept.")
    return None


def _make_folder(step: StepLike) -> None:
    make_folder(Path(step.target))


def _remove_folder(step: StepLike) -> None:
    with contextlib.suppress(OSError):  # it is not empty: other files are in it by now
        Path(step.target).rmdir()


def _trash(step: StepLike) -> None:
    _check(step)
    move_to_trash([Path(step.source)])


def _rewrite(step: StepLike) -> None:
    _check(step)
    target = Path(step.target)
    status = target.stat()
    temporary = target.with_name(f"{place.TEMPORARY_PREFIX}{os.urandom(6).hex()}{place.TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as stream:  # never through a link that somebody put there
            stream.write(base64.b64decode(step.detail["after"]))
        os.utime(temporary, ns=(status.st_atime_ns, step.detail["mtime_ns"]))
        os.replace(temporary, target)  # noqa: PTH105
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise from_os_error(exc, target, "write") from exc


def _rewrite_obstacle(step: StepLike) -> ModelhubError | None:
    if _has_content(step, "before"):
        return None
    return FileChangedError(f"{step.target} has changed in the meantime.", "It was left as it is.")


def _has_content(step: StepLike, which: str) -> bool:
    try:
        found = hashlib.sha256(Path(step.target).read_bytes()).digest()
    except OSError:
        return False
    return found == hashlib.sha256(base64.b64decode(step.detail[which])).digest()


def _reversed(action: str) -> Callable[[StepLike], NewStep | None]:
    return lambda step: NewStep(action=action, source=step.target, target=step.source, detail=dict(step.detail))


def _deletion(step: StepLike) -> NewStep:
    return NewStep(action="unlink", source=step.target, target=step.source, detail={**step.detail, "made": step.action})


def _recreation(step: StepLike) -> NewStep:
    return NewStep(action=str(step.detail["made"]), source=step.target, target=step.source, detail=dict(step.detail))


def _swapped(step: StepLike) -> NewStep:
    detail = {**step.detail, "before": step.detail["after"], "after": step.detail["before"]}
    return NewStep(action="rewrite", source=step.source, target=step.target, detail=detail)


def _same_place(action: str) -> Callable[[StepLike], NewStep | None]:
    return lambda step: NewStep(action=action, source=step.source, target=step.target, detail=dict(step.detail))


def _no_obstacle(_: StepLike) -> None:
    return None


ACTIONS: dict[str, Action] = {
    "move": Action(_move, _settle_move, _reversed("move"), _file_obstacle),
    "copy": Action(_new_file(place.copy), _settle_new_file, _deletion, _file_obstacle),
    "hardlink": Action(_new_file(place.hard_link), _settle_new_file, _deletion, _file_obstacle),
    "symlink": Action(_new_file(place.symlink), _settle_new_file, _deletion, _file_obstacle),
    "reflink": Action(_new_file(place.reflink), _settle_new_file, _deletion, _file_obstacle),
    "unlink": Action(_unlink, lambda step: not os.path.lexists(step.source), _recreation, _unlink_obstacle),
    "mkdir": Action(_make_folder, lambda step: Path(step.target).is_dir(), _same_place("rmdir"), _no_obstacle),
    "rmdir": Action(_remove_folder, lambda step: not Path(step.target).exists(), _same_place("mkdir"), _no_obstacle),
    "trash": Action(_trash, lambda step: not os.path.lexists(step.source), lambda step: None, _file_obstacle),
    "rewrite": Action(_rewrite, lambda step: _has_content(step, "after"), _swapped, _rewrite_obstacle),
}
# Actions that leave the original, and those about folders or the content of sidecars rather than a file's place.
COPYING = ("copy", "hardlink", "symlink", "reflink")
_INCIDENTAL = ("mkdir", "rmdir", "rewrite")


def is_about_file(step: StepLike) -> bool:
    """Return whether a step moves, copies, links or removes a file, rather than preparing or following that."""
    return step.action not in _INCIDENTAL
