"""The calls of Python's own types, and of the settings and bookkeeping that trainers keep beside the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles.call_table import Arguments, KnownCall, Rows, one_of, rows
from modelhub.formats.pickles.placeholders import Global, SkippedBytes


def _dictionary(arguments: Arguments) -> dict[Any, Any]:
    """Read `OrderedDict()` and `OrderedDict([[key, value], …])`."""
    if not arguments:
        return {}
    if type(arguments[0]) is dict:
        return dict(arguments[0])
    return {key: value for key, value in arguments[0] if type(key) in (str, int)}


def _encoded(arguments: Arguments) -> Any:
    """Read `_codecs.encode(text, "latin1")`, the form of bytes in protocol 2."""
    if isinstance(arguments[0], SkippedBytes):
        return arguments[0]
    try:
        return arguments[0].encode(arguments[1] if len(arguments) > 1 else "utf-8")
    except UnicodeEncodeError:
        return None


def _pair_keys(pairs: Any) -> Iterator[Any]:
    """Yield the keys of a list of pairs; those of a dictionary are hashed already."""
    if kinds.is_sequence(pairs):
        yield from (pair[0] for pair in pairs)


_ATTRIBUTES = KnownCall(forms=((),), state=kinds.is_plain_state)


def _converting(kind: type) -> KnownCall:
    """Return the row of a plain type: what it converts from another type has no value here, as nobody computes it."""

    def make(arguments: Arguments) -> Any:
        if not arguments:
            return kind()
        return arguments[0] if type(arguments[0]) is kind else None

    return KnownCall(forms=((), (kinds.is_scalar,)), makes=make, copies=True)


_LIST = KnownCall(
    forms=((), (kinds.is_sequence,)), makes=lambda arguments: list(arguments[0] if arguments else ()), copies=True
)
_TUPLE = KnownCall(
    forms=((), (kinds.is_sequence,)), makes=lambda arguments: tuple(arguments[0] if arguments else ()), copies=True
)
_SET = KnownCall(
    forms=((), (kinds.is_sequence,)),
    makes=lambda arguments: list(arguments[0] if arguments else ()),
    copies=True,
    hashes=lambda items: items,
)
_DICTIONARY = KnownCall(
    forms=((), (kinds.is_pairs,)),
    makes=_dictionary,
    copies=True,
    hashes=_pair_keys,
)


def _bytes(arguments: Arguments) -> Any:
    """Read `bytes(b"…")` and the like; what comes from text or numbers has no value here."""
    if not arguments:
        return b""
    return arguments[0] if isinstance(arguments[0], (bytes, SkippedBytes)) else None


_BYTES = KnownCall(
    forms=((), (kinds.is_bytes,), (kinds.is_small_bytes,), (kinds.is_bytes, kinds.is_latin)),
    makes=_bytes,
    copies=True,
)
_BUILTINS = {
    "set": _SET,
    "frozenset": _SET,
    "list": _LIST,
    "tuple": _TUPLE,
    "dict": _DICTIONARY,
    "int": _converting(int),
    "long": _converting(int),
    "float": _converting(float),
    "bool": _converting(bool),
    "str": _converting(str),
    "unicode": _converting(str),
    "bytes": _BYTES,
    "bytearray": _BYTES,
    "complex": KnownCall(forms=((kinds.is_number,), (kinds.is_number, kinds.is_number))),
    "slice": KnownCall(forms=((one_of(kinds.is_integer, kinds.is_none),) * 3,)),
}
ROWS: Rows = (
    rows("collections", "OrderedDict", _DICTIONARY)
    | rows("collections", "defaultdict", KnownCall(forms=((), (kinds.is_plain_type,)), makes=lambda arguments: {}))
    | rows("collections", "Counter", KnownCall(forms=((), (kinds.is_counter,)), makes=_dictionary, copies=True))
    | {Global(module, name): call for module in ("builtins", "__builtin__") for name, call in _BUILTINS.items()}
    | rows(
        "_codecs",
        "encode",
        KnownCall(forms=((one_of(kinds.is_text, kinds.is_bytes), kinds.is_latin),), makes=_encoded, copies=True),
    )
    # Settings and bookkeeping of trainers
    | rows("argparse", "Namespace", _ATTRIBUTES)
    | rows("types", "SimpleNamespace", _ATTRIBUTES)
    | rows("omegaconf.dictconfig", "DictConfig", _ATTRIBUTES)
    | rows("omegaconf.listconfig", "ListConfig", _ATTRIBUTES)
    | rows("omegaconf.base", "ContainerMetadata Metadata", _ATTRIBUTES)
    | rows("omegaconf.nodes", "AnyNode StringNode IntegerNode FloatNode BooleanNode BytesNode PathNode", _ATTRIBUTES)
    | {
        Global(module, "AttributeDict"): KnownCall(
            forms=((), (kinds.is_pairs,)), items=True, copies=True, hashes=_pair_keys
        )
        for module in (
            "pytorch_lightning.utilities.parsing",
            "lightning_fabric.utilities.data",
            "lightning.fabric.utilities.data",
            "lightning.pytorch.utilities.parsing",
        )
    }
    | rows(
        "pytorch_lightning.utilities.enums",
        "ModelSummaryMode _FaultTolerantMode",
        KnownCall(forms=((kinds.is_scalar,),)),
    )
)
