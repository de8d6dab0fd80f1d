"""Find models that share all weights or a component such as the VAE, in whatever container they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from modelhub.catalog import Catalog
from modelhub.detect.weights.fingerprints import WHOLE, ComponentDigest
from modelhub.detect.weights.named_components import LEVELS, NamedComponent, find_component_names, load_named_components
from modelhub.domain import ModelRecord

_NAMES_SHOWN = 5
_TABLE = "known-components.json"
_NAMES = {field.name for field in fields(ComponentDigest)}
# The equality of weights that equal digests of each level prove.
_EQUALITY = {
    "exact": "bit for bit",
    "rounded": "after rounding to fp16",
    "signs": "by the signs of all values: another precision, or scaled",
}
_TITLES = {WHOLE: "weights", "unet": "UNet", "vae": "VAE", "text_encoder": "text encoder"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedComponent:
    """A component that another model has too. `level`: the strictest digest that is equal."""

    component: str
    model_id: int
    name: str
    level: str


def component_table_path(library: Path) -> Path:
    """Return the path of the user's own table of named components."""
    return library / _TABLE


def restore_digests(rows: Iterable[dict[str, Any]]) -> tuple[ComponentDigest, ...]:
    """Return component digests from the form in which the catalog keeps them."""
    return tuple(ComponentDigest(**{name: row[name] for name in _NAMES}) for row in rows)


def models_sharing_weights(record: ModelRecord, *, catalog: Catalog) -> tuple[SharedComponent, ...]:
    """Return the components that other models share: first all weights, then the others by name and equality."""
    held = catalog.fingerprints()
    own = {row["component"]: row for key, _, rows in held if key == record.id for row in rows}
    found = []
    for key, name, rows in held:
        if key == record.id:
            continue
        for row in rows:
            mine = own.get(row["component"])
            level = _level(mine, row) if mine else None
            if level is not None:
                found.append(SharedComponent(component=row["component"], model_id=key, name=name, level=level))
    return tuple(
        sorted(found, key=lambda item: (item.component != WHOLE, item.component, LEVELS.index(item.level), item.name))
    )


def _level(mine: dict[str, Any], other: dict[str, Any]) -> str | None:
    return next((level for level in LEVELS if mine.get(level) and mine[level] == other.get(level)), None)


def describe_shared_weights(record: ModelRecord, *, catalog: Catalog, library: Path) -> list[str]:
    """Return lines such as "VAE: the same as in …" and "VAE: known as …". `library`: where named components are."""
    shared = models_sharing_weights(record, catalog=catalog)
    whole = {item.model_id for item in shared if item.component == WHOLE}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in shared:
        if item.component == WHOLE or item.model_id not in whole:
            groups[item.component, item.level].append(item.name)
    lines = [_shared_line(component, level, names) for (component, level), names in groups.items()]
    return lines + _known_lines(
        component_digests_of(record, catalog=catalog), load_named_components(component_table_path(library))
    )


def _shared_line(component: str, level: str, names: Sequence[str]) -> str:
    title, shown, equality, count = _title(component), ", ".join(names[:_NAMES_SHOWN]), _EQUALITY[level], len(names)
    if count > _NAMES_SHOWN:
        return f"{title}: the same as in {count} models, such as {shown} ({equality})"
    return f"{title}: the same as in {shown} ({equality})"


def _known_lines(digests: Sequence[ComponentDigest], table: Sequence[NamedComponent]) -> list[str]:
    matches = [match for digest in digests for match in find_component_names(table, digest)]
    return [f"{_title(match.component)}: known as {match.name} ({_EQUALITY[match.level]})" for match in matches]


def component_digests_of(record: ModelRecord, *, catalog: Catalog) -> tuple[ComponentDigest, ...]:
    """Return the component digests of one model."""
    return next((restore_digests(rows) for key, _, rows in catalog.fingerprints() if key == record.id), ())


def _title(component: str) -> str:
    return _TITLES.get(component, component.replace("_", " "))
