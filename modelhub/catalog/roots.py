"""Named folders under which models lie: everything is kept relative to them, so that a library can move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath

from modelhub.catalog.database import Run
from modelhub.catalog.encoding import absolute_path, decode_text, encode_text, path_key
from modelhub.catalog.values import Root


def roots(run: Run) -> list[Root]:
    """Every known root, deepest first, so that the first that holds a path is the nearest."""
    found = [
        Root(id=key, name=name, path=Path(decode_text(path)), whole=bool(whole))
        for key, name, path, whole in run("SELECT id, name, path, whole FROM root")
    ]
    return sorted(found, key=lambda root: -len(root.path.parts))


def ensure_root(run: Run, path: Path, name: str | None, *, whole: bool = True) -> Root:
    """The root at exactly this folder; made when there is none, under `name` or the folder's own, made unique."""
    text = encode_text(absolute_path(path))
    for root in roots(run):
        if path_key(encode_text(str(root.path))) == path_key(text):
            if whole and not root.whole:
                run("UPDATE root SET whole = :yes WHERE id = :id", {"yes": True, "id": root.id})
            return replace(root, whole=whole or root.whole)
    taken = {root.name for root in roots(run)}
    wanted = encode_text(name or PurePath(text).name or "root")[:200]
    chosen, number = wanted, 1
    while chosen in taken:
        number += 1
        chosen = f"{wanted}-{number}"
    sql = "INSERT INTO root (name, path, whole) VALUES (:name, :path, :whole) RETURNING id"
    key = run(sql, {"name": chosen, "path": text, "whole": whole})[0][0]
    return Root(id=key, name=chosen, path=Path(decode_text(text)), whole=whole)


def locate(run: Run, path: Path) -> tuple[Root, str] | None:
    """The nearest root that holds `path`, and the relative path with `/`; None when no root does."""
    place = Path(absolute_path(path))
    for root in roots(run):
        if root.path == place or root.path in place.parents:
            return root, place.relative_to(root.path).as_posix()
    return None
