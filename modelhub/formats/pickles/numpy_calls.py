"""The calls that the pickles of numpy's arrays, scalars and random generators make (numpy 1.11 to 2.4)."""

from __future__ import annotations

from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles.call_table import KnownCall, Rows, named, one_of, rows
from modelhub.formats.pickles.placeholders import Global

_BIT_GENERATORS = kinds.words("MT19937 PCG64 PCG64DXSM Philox SFC64")


def _numpy(places: str, names: str, call: KnownCall) -> Rows:
    """Return rows for a name of numpy in its old and its new private package."""
    found: Rows = {}
    for core in ("core", "_core"):
        found |= rows(f"numpy.{core}.{places}", names, call)
    return found


def _is_array_state(value: Any) -> bool:
    """Return whether a value is what numpy sets of an array: version, shape, data type, order, bytes."""
    return (
        type(value) is tuple
        and len(value) == 5
        and kinds.is_counts(value[1])
        and kinds.is_numpy_dtype(value[2])
        and kinds.is_bytes(value[4])
    )


def _is_dtype_state(value: Any) -> bool:
    """Return whether a value is what numpy sets of a data type: order, sub-type, names and types of its fields."""
    if type(value) is not tuple or len(value) not in (8, 9):
        return False
    _, order, inner, names, fields, *_ = value
    inner_type = inner[0] if type(inner) is tuple and inner else inner
    types = [part[0] if type(part) is tuple and part else None for part in (fields or {}).values()]
    return (
        kinds.is_text(order)
        and (inner is None or kinds.is_numpy_dtype(inner_type))
        and (names is None or (type(names) is tuple and all(map(kinds.is_text, names))))
        and all(map(kinds.is_numpy_dtype, types))
    )


def _is_generator_name(value: Any) -> bool:
    named = isinstance(value, Global) and value.module.startswith("numpy.random._") and value.name in _BIT_GENERATORS
    return value in _BIT_GENERATORS if type(value) is str else named


def _is_bit_generator(value: Any) -> bool:
    return kinds.made_by(value, Global("numpy.random._pickle", "__bit_generator_ctor"))


def _is_generator_state(value: Any) -> bool:
    seed = Global("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
    parts = value if type(value) is tuple else (value,)
    return all(
        part is None or type(part) is dict or kinds.made_by(part, seed) or _is_bit_generator(part) for part in parts
    )


def _is_seed_state(value: Any) -> bool:
    return type(value) is tuple and all(
        kinds.is_scalar(part) or kinds.is_numpy_array(part) or kinds.is_counts(part) for part in value
    )


ROWS: Rows = (
    _numpy("multiarray", "scalar", KnownCall(forms=((kinds.is_numpy_dtype, kinds.is_bytes),)))
    | _numpy(
        "multiarray",
        "_reconstruct",
        KnownCall(
            forms=((named("numpy", "ndarray"), lambda shape: shape == (0,), kinds.is_bytes),),
            state=_is_array_state,
        ),
    )
    | _numpy(
        "numeric",
        "_frombuffer",
        KnownCall(forms=((kinds.is_bytes, kinds.is_numpy_dtype, kinds.is_counts, kinds.is_text),)),
    )
    | rows(
        "numpy",
        "dtype",
        KnownCall(
            forms=((kinds.is_numpy_type,), (kinds.is_numpy_type, kinds.is_flag, kinds.is_flag)), state=_is_dtype_state
        ),
    )
    | rows(
        "numpy.random._pickle",
        "__bit_generator_ctor",
        KnownCall(forms=((_is_generator_name,),), state=_is_generator_state),
    )
    | rows(
        "numpy.random._pickle",
        "__generator_ctor __randomstate_ctor",
        KnownCall(
            forms=(
                (one_of(_is_generator_name, _is_bit_generator),),
                (
                    one_of(_is_generator_name, _is_bit_generator),
                    named("numpy.random._pickle", "__bit_generator_ctor"),
                ),
            ),
            state=_is_generator_state,
        ),
    )
    | rows(
        "numpy.random.bit_generator",
        "__pyx_unpickle_SeedSequence",
        KnownCall(
            forms=((named("numpy.random.bit_generator", "SeedSequence"), kinds.is_count, kinds.is_none),),
            state=_is_seed_state,
        ),
    )
)
