"""The fields of a model that users can set: which there are, and what each accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelhub.catalog import Catalog
from modelhub.choices import invalid_word, nearest
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


def set_fields(record: ModelRecord, fields: Mapping[str, str], *, catalog: Catalog) -> ModelRecord:
    """Set fields of a model, all or none, and return its new record; "" restores the detected value.

    Raise UsageError for an unknown field, with the nearest one, and for a value that a field does not accept.
    """
    for field, value in fields.items():
        _check(field, value)
    with catalog.batch():
        for field, value in fields.items():
            if value:
                catalog.set_override(record.id, field, value)
            else:
                catalog.clear_override(record.id, field)
    return catalog.get(record.id)


def set_user_fields(record: ModelRecord, assignments: Iterable[str], *, catalog: Catalog) -> ModelRecord:
    """Set fields from texts of the form KEY=VALUE, as `set_fields` does."""
    return set_fields(record, parse_assignments(assignments), catalog=catalog)


def parse_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Return the fields of texts of the form KEY=VALUE. Raise UsageError as `set_fields` does."""
    fields = {}
    for text in assignments:
        field, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"`{text}` is not of the form KEY=VALUE.", f"The keys are {', '.join(FIELDS)}.")
        fields[field.strip().lower()] = value.strip()
    for field, value in fields.items():
        _check(field, value)
    return fields


def _check(field: str, value: str) -> None:
    if field not in FIELDS:
        raise UsageError(f"There is no field `{field}` to set.", nearest(field, FIELDS))
    if not isinstance(value, str):
        raise UsageError(f"The value of `{field}` is a text, not a {type(value).__name__}.")
    if value and FIELDS[field] and value not in FIELDS[field]:
        raise invalid_word(value, field, FIELDS[field])
