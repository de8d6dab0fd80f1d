"""Checks of detection rules: the tables have no order, so that two rows which fit one real layout are a defect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from modelhub.detect.rules import registry
from modelhub.detect.rules.architectures import matching_families
from modelhub.detect.rules.header_index import HeaderIndex, index_header
from modelhub.detect.rules.ruleset import Rules
from modelhub.detect.rules.types import matching_types
from modelhub.domain import Format, ModelType
from modelhub.formats import read_header
from modelhub.formats.header import Header, TensorInfo

Layout = Header | Path | Mapping[str, Sequence[int]]
"""A header, a file to read it from, or the shapes of tensors by name."""


def assert_fits_exactly_one_type(layout: Layout, *, rules: Rules | None = None) -> ModelType:
    """Return the type of a layout. Raise AssertionError unless exactly one row of the type table fits it.

    `rules`: by default the rules in use; `BUILT_IN + MINE` for a plug-in that is not installed.
    """
    rows = matching_types(_index(layout, rules))
    if len(rows) == 1:
        return rows[0].type
    fitting = ", ".join(f"{row.type} ({row.why})" for row in rows)
    raise AssertionError(f"{len(rows)} types fit instead of one: {fitting}." if rows else "No type fits.")


def assert_fits_at_most_one_family(layout: Layout, *, rules: Rules | None = None) -> str | None:
    """Return the architecture whose family rows fit, None for none. Raise AssertionError when several fit."""
    families = matching_families(_index(layout, rules))
    if len(families) > 1:
        raise AssertionError(f"{len(families)} families fit instead of one: {', '.join(families)}.")
    return families[0] if families else None


def _index(layout: Layout, rules: Rules | None) -> HeaderIndex:
    return index_header(_header(layout), rules or registry.rules())


def _header(layout: Layout) -> Header:
    if isinstance(layout, Header):
        return layout
    if isinstance(layout, Path):
        return read_header(layout)
    tensors = {name: TensorInfo("F16", tuple(shape)) for name, shape in layout.items()}
    return Header(format=Format.SAFETENSORS, size=0, tensors=tensors)
