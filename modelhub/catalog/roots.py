"""The named folders that hold models: everything is stored relative to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath

from modelhub.catalog.database import Run
from modelhub.catalog.encoding import absolute_path, encode_text, path_key
from modelhub.catalog.rows import ROOT
from modelhub.catalog.values import Root


def all_roots(run: Run) -> list[Root]:
    """Return every known root, deepest first, so that the first that holds a path is the nearest."""
    found = ROOT.values(run(f"SELECT {ROOT.sql} FROM root"))
    return sorted(found, key=lambda root: -len(root.path.parts))


def ensure_root(run: Run, path: Path, name: str | None, *, whole: bool = True) -> Root:
    """Return the root at exactly this folder; a new one gets `name` or the folder's own name, made unique."""
    text = absolute_path(path)
    known = all_roots(run)
    for root in known:
        if path_key(str(root.path)) == path_key(text):
            if whole and not root.whole:
                run("UPDATE root SET whole = :yes WHERE id = :id", {"yes": True, "id": root.id})
            return replace(root, whole=whole or root.whole)
    taken = {root.name for root in known}
    wanted = (name or PurePath(text).name or "root")[:200]
    chosen, number = wanted, 1
    while chosen in taken:
        number += 1
        chosen = f"{wanted}-{number}"
    sql = "INSERT INTO root (name, path, whole) VALUES (:name, :path, :whole) RETURNING id"
    key = run(sql, {"name": encode_text(chosen)[:255], "path": encode_text(text), "whole": whole})[0][0]
    return Root(id=key, name=chosen, path=Path(text), whole=whole)


def locate(run: Run, path: Path) -> tuple[Root, str] | None:
    """Return the nearest root that holds `path`, and the relative path with `/`; None when no root does."""
    place = Path(absolute_path(path))
    for root in all_roots(run):
        if root.path == place or root.path in place.parents:
            return root, place.relative_to(root.path).as_posix()
    return None
