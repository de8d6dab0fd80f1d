"""The user's table of known components: digests that were given a name, such as "vae-ft-mse-840000"."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from modelhub.detect.weights.fingerprints import VERSION, ComponentDigest
from modelhub.errors import ModelhubError

Level = Literal["exact", "rounded", "signs"]
LEVELS: tuple[Level, ...] = ("exact", "rounded", "signs")


class NamedComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One named component. `version`: the rules by which the digests were made; others are not compared."""

    name: str
    component: str
    exact: str
    rounded: str | None = None
    signs: str
    source: str = ""
    version: int = VERSION


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    components: tuple[NamedComponent, ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentMatch:
    """A component that has a name, and the digest by which it was recognized."""

    component: str
    name: str
    level: Level


def load_named_components(path: Path) -> tuple[NamedComponent, ...]:
    """Return the table; empty without a file. Raise ModelhubError when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Table).components
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError, RecursionError) as exc:
        raise ModelhubError(
            f"The table of known components {path} cannot be read: {exc}.",
            "Correct the file, or move it away to start a new one.",
        ) from exc


def name_components(
    path: Path, name: str, digests: Iterable[ComponentDigest], *, source: str = ""
) -> tuple[NamedComponent, ...]:
    """Add a model's components under `name` to the table at `path`; an equal entry is not repeated.

    Return what was added. The file is replaced as a whole, so that a crash leaves the old or the new one.
    """
    table = load_named_components(path)
    there = {(known.name, known.component, known.exact) for known in table}
    added = tuple(
        NamedComponent(
            name=name,
            component=digest.component,
            exact=digest.exact,
            rounded=digest.rounded,
            signs=digest.signs,
            source=source,
        )
        for digest in digests
        if (name, digest.component, digest.exact) not in there
    )
    if added:
        _write(path, _Table(components=table + added))
    return added


def find_component_names(known: Sequence[NamedComponent], digest: ComponentDigest) -> tuple[ComponentMatch, ...]:
    """Return the names of a component by the strictest digest that matches any; matches of looser ones are left out."""
    for level in LEVELS:
        value = getattr(digest, level)
        names = [row.name for row in known if row.version == VERSION and value and getattr(row, level) == value]
        if names:
            return tuple(ComponentMatch(digest.component, name, level) for name in dict.fromkeys(names))
    return ()


def _write(path: Path, table: _Table) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n")
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise ModelhubError(
            f"The table of known components {path} cannot be written: {exc.strerror or exc}.",
            "Check that the library's folder can be written.",
        ) from exc
