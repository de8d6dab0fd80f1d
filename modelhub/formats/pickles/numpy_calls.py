"""The calls that the pickles of numpy's arrays, scalars and random generators make (numpy 1.11 to 2.4)."""

from __future__ import annotations

import math
import string
from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles.call_table import Arguments, KnownCall, Rows, named, one_of, rows
from modelhub.formats.pickles.placeholders import Global, OpaqueObject

_PLAIN_FLAGS = 8 | 16 | 128  # items to be initialized, by Python's interface, aligned; the others speak of pointers
_MAX_ITEM = 1 << 24  # bytes of one item
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
        and kinds.is_count(value[0])
        and kinds.is_counts(value[1])
        and kinds.is_numpy_dtype(value[2])
        and kinds.is_flag(value[3])
        and kinds.is_bytes(value[4])
    )


def _is_dtype_state(value: Any) -> bool:
    """Return whether a value is what numpy sets of a data type: order, sub-type, fields, size, alignment, flags.

    numpy believes the numbers: wrong ones make it take bytes for pointers, or read beyond an array.
    """
    if type(value) is not tuple or len(value) not in (8, 9):
        return False
    version, order, inner, names, fields, size, alignment, flags = value[:8]
    if version != len(value) - 5 or not (kinds.is_text(order) and all(map(kinds.is_integer, value[5:8]))):
        return False
    if flags & ~_PLAIN_FLAGS or not -1 <= size < _MAX_ITEM or not -1 <= alignment <= 64:
        return False
    if len(value) == 9 and not _is_time_unit(value[8]):
        return False
    if fields is None:
        return names is None and (inner is None or _fills(inner, size))
    return inner is None and _are_names(names) and type(fields) is dict and _are_fields(fields, names, size)


def _is_time_unit(value: Any) -> bool:
    """Return whether a value is the metadata of a time: nothing, and its unit, such as `(b"s", 1, 1, 1)`."""
    if type(value) is not tuple or len(value) != 2 or value[0] is not None:
        return False
    unit = value[1]
    return (
        type(unit) is tuple and len(unit) == 4 and kinds.is_bytes(unit[0]) and unit[2:] == (1, 1) and _is_size(unit[1])
    )


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value < _MAX_ITEM


def _are_names(value: Any) -> bool:
    return type(value) is tuple and all(map(kinds.is_text, value))


def _are_fields(fields: dict[Any, Any], names: tuple[str, ...], size: int) -> bool:
    """Return whether each field is a data type and its offset within an item of `size` bytes."""
    places = [part for part in fields.values() if type(part) is tuple and len(part) in (2, 3)]
    return (
        len(places) == len(fields)
        and set(names) <= fields.keys()
        and all(
            kinds.is_numpy_dtype(part[0]) and kinds.is_count(part[1]) and part[1] + _item_size(part[0]) <= size
            for part in places
        )
    )


def _fills(inner: Any, size: int) -> bool:
    """Return whether a sub-array's data type and shape make up an item of `size` bytes."""
    if (
        type(inner) is not tuple
        or len(inner) != 2
        or not (kinds.is_numpy_dtype(inner[0]) and kinds.is_counts(inner[1]))
    ):
        return False
    return math.prod(inner[1]) * _item_size(inner[0]) == size


def _item_size(dtype: OpaqueObject) -> int:
    """Return the bytes of one item of a data type, by its state or its name; too many for a name without a number."""
    if dtype.state is not None and dtype.state[5] >= 0:
        return int(dtype.state[5])
    name = dtype.arguments[0].lstrip("<>=|")
    if name in ("bool", "?"):
        return 1
    digits = int(name.lstrip(string.ascii_letters) or _MAX_ITEM)
    return digits * 4 if name[0] == "U" else digits if len(name.rstrip(string.digits)) == 1 else -(-digits // 8)


def _is_state_of_dtype(arguments: Arguments, state: Any) -> bool:
    """Return whether a state belongs to this data type: one of times needs a unit, which no other has."""
    is_time = arguments[0].lstrip("<>=|")[:1] in ("M", "m")
    return is_time == (len(state) == 9)


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
            forms=((kinds.is_numpy_type,), (kinds.is_numpy_type, kinds.is_flag, kinds.is_flag)),
            state=_is_dtype_state,
            belongs=_is_state_of_dtype,
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
