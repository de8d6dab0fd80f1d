"""The user's own words about a model: which there are, and what each accepts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from modelhub.catalog import Catalog
from modelhub.domain import ModelRecord, ModelType, Style, Variant
from modelhub.errors import UsageError

# Field → the values it accepts; an empty tuple accepts any text.
FIELDS: dict[str, tuple[str, ...]] = {
    "name": (),
    "type": tuple(ModelType),
    "architecture": (),
    "subtype": (),
    "style": tuple(Style),
    "triggers": (),
    "notes": (),
    "variant": tuple(Variant),
    "prediction": ("epsilon", "v", "flow", "edm-v"),
}


def parse_assignments(assignments: Iterable[str]) -> list[tuple[str, str]]:
    """`key=value` texts as pairs. Raises UsageError naming the field and the nearest or the allowed values."""
    pairs = []
    for text in assignments:
        field, equals, value = text.partition("=")
        field, value = field.strip().lower(), value.strip()
        if not equals:
            raise UsageError(f"`{text}` is not of the form key=value.", f"Keys: {', '.join(FIELDS)}.")
        if field not in FIELDS:
            near = difflib.get_close_matches(field, FIELDS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Keys: {', '.join(FIELDS)}."
            raise UsageError(f"There is no field `{field}` to set.", hint)
        if value and FIELDS[field] and value not in FIELDS[field]:
            raise UsageError(f"`{value}` is no {field}.", f"One of: {', '.join(FIELDS[field])}.")
        pairs.append((field, value))
    return pairs


def set_user_fields(record: ModelRecord, assignments: Sequence[str], *, catalog: Catalog) -> ModelRecord:
    """Set each pair, all of them checked first; an empty value gives the detected one back."""
    for field, value in parse_assignments(assignments):
        if value:
            catalog.set_override(record.id, field, value)
        else:
            catalog.clear_override(record.id, field)
    return catalog.get(record.id)
