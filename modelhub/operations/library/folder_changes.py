"""Compare what is in a known folder with what the catalog knows of it, and decide what must be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelhub.catalog import KnownLocation, Root
from modelhub.domain import LocationState
from modelhub.operations.library.model_paths import find_models
from modelhub.operations.library.path_results import PathResult, PathStatus, passed_over, unreadable_place
from modelhub.storage.walk import FoundModel


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContents:
    """The models found in a root, or in the parts of it that were named, and the places that the catalog knows there.

    Keys are paths relative to the root with `/`. `problems` are the parts that could not be read, and files that were
    passed over.
    """

    root: Root
    found: Mapping[str, FoundModel]
    known: Mapping[str, KnownLocation]
    problems: tuple[PathResult, ...] = ()

    def known_place(self, path: Path) -> KnownLocation | None:
        """Return what the catalog knows at this path of the root."""
        return self.known.get(path.relative_to(self.root.path).as_posix())


@dataclass(slots=True)
class FolderChanges:
    """The found models by what is to be done about each.

    `unchanged` and `back` (again where the catalog missed them) are known places; `moved` pairs a found model with the
    known place it was in before. `folders` are diffusers folders; `unread` must be read.
    """

    unchanged: list[KnownLocation] = field(default_factory=list)
    back: list[KnownLocation] = field(default_factory=list)
    moved: list[tuple[FoundModel, KnownLocation]] = field(default_factory=list)
    folders: list[FoundModel] = field(default_factory=list)
    unread: list[FoundModel] = field(default_factory=list)


def contents_of(root: Root, paths: Iterable[Path], known: Mapping[str, KnownLocation]) -> FolderContents:
    """Return the models at or below `paths`, which are in `root`."""
    problems: list[PathResult] = []

    def report(place: Path, reason: str) -> None:
        problems.append(unreadable_place(place, reason))

    def pass_over(path: Path, sentence: str) -> None:
        problems.append(passed_over(path, sentence))

    models = find_models(paths, on_problem=report, on_pass=pass_over)
    found = {model.path.relative_to(root.path).as_posix(): model for model in models}
    return FolderContents(root=root, found=found, known=known, problems=tuple(problems))


def without_other_roots(contents: FolderContents, roots: Iterable[Root]) -> FolderContents:
    """Return the contents without models, and files passed over, of roots below this one.

    In a root of which only single files were added, only known models stay.
    """
    root = contents.root
    inner = [other.path for other in roots if root.path in other.path.parents]

    def belongs(relative: str, model: FoundModel) -> bool:
        if not root.whole and relative not in contents.known:
            return model.kind == "diffusers" and f"{relative}/model_index.json" in contents.known
        return not any(path == model.path or path in model.path.parents for path in inner)

    def concerns(problem: PathResult) -> bool:
        if problem.status is not PathStatus.PASSED_OVER:
            return True
        return root.whole and not any(path in problem.path.parents for path in inner)

    found = {relative: model for relative, model in contents.found.items() if belongs(relative, model)}
    return replace(contents, found=found, problems=tuple(filter(concerns, contents.problems)))


def gone_places(contents: FolderContents) -> dict[int, KnownLocation]:
    """Return the known places, by id, where nothing was found. Files of a diffusers folder that was found are in it."""
    return {
        place.id: place
        for relative, place in contents.known.items()
        if relative not in contents.found and not _in_found_folder(relative, contents)
    }


def _in_found_folder(relative: str, contents: FolderContents) -> bool:
    parts = relative.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(folder in contents.found and contents.found[folder].kind == "diffusers" for folder in above)


def compare(contents: FolderContents, gone: Mapping[int, KnownLocation]) -> FolderChanges:
    """Decide for every found model whether it must be read.

    A new file with the inode, size and time of a place in `gone` is that file, moved.
    """
    by_inode = {(place.inode, place.size, place.mtime_ns): place for place in gone.values() if place.inode}
    changes = FolderChanges()
    for relative, model in contents.found.items():
        place = contents.known.get(relative)
        if model.kind == "diffusers":
            changes.folders.append(model)
        elif place is None:
            former = by_inode.pop((model.inode, model.size, model.mtime_ns), None)
            if former is None:
                changes.unread.append(model)
            else:
                changes.moved.append((model, former))
        elif (place.size, place.mtime_ns) != (model.size, model.mtime_ns) or place.inode not in (None, model.inode):
            changes.unread.append(model)
        elif place.state is LocationState.PRESENT:
            changes.unchanged.append(place)
        else:
            changes.back.append(place)
    return changes
