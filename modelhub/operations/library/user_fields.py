"""The fields of a model that users can set: which there are, and what each accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelhub.catalog import Catalog
from modelhub.choices import chosen, nearest
from modelhub.domain import ModelRecord, ModelType, Style, Variant
from modelhub.errors import UsageError
from modelhub.words import WordKind, canonical

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


# The kinds of words that the values are; an architecture of a plug-in has no row there, and is taken as it is.
_WORDS = {
    "type": WordKind.TYPE,
    "architecture": WordKind.ARCHITECTURE,
    "style": WordKind.STYLE,
    "variant": WordKind.VARIANT,
    "prediction": WordKind.PREDICTION,
}


def set_fields(record: ModelRecord, fields: Mapping[str, str], *, catalog: Catalog) -> ModelRecord:
    """Set fields of a model, all or none, and return its new record; "" restores the detected value.

    Raise UsageError for an unknown field, with the nearest one, and for a value that a field does not accept.
    """
    checked = [_checked(field, value) for field, value in fields.items()]
    with catalog.batch():
        for field, value in checked:
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
        field, equals, value = text.replace("＝", "=", 1).partition("=")
        if not equals:
            raise UsageError(f"`{text}` is not of the form KEY=VALUE.", f"The keys are {', '.join(FIELDS)}.")
        name, checked = _checked(field.strip(), value.strip())
        fields[name] = checked
    return fields


def _checked(field: str, value: str) -> tuple[str, str]:
    """Return a field and its value as the catalog names them. Raise UsageError as `set_fields` does."""
    name = canonical(WordKind.USER_FIELD, field)
    if name is None:
        raise UsageError(f"There is no field `{field}` to set.", nearest(field, FIELDS, words=WordKind.USER_FIELD))
    if not isinstance(value, str):
        raise UsageError(f"The value of `{name}` is a text, not a {type(value).__name__}.")
    words = _WORDS.get(name)
    if not value or words is None:
        return name, value
    if not FIELDS[name]:
        return name, canonical(words, value) or value
    return name, chosen(value, FIELDS[name], words, name=name)
