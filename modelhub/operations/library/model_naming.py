"""The name that a model gets from its file."""

from __future__ import annotations

from modelhub.catalog import Catalog
from modelhub.storage.copy_marks import without_copy_mark
from modelhub.storage.model_names import model_stem


def name_from_file(file_name: str, catalog: Catalog) -> str:
    """Return a model's name: its file's without suffix, and without the mark of a copy unless another model has that.

    "x (1).safetensors" names the model "x", but remains "x (1)" beside a model "x" of other content.
    """
    stem = model_stem(file_name)
    plain = without_copy_mark(stem)
    if plain == stem:
        return stem
    is_taken = any(record.name == plain for record in catalog.find(plain, exact=True))
    return stem if is_taken else plain
