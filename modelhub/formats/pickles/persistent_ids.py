"""The persistent ids by which torch's pickles name the storages of tensors."""

from __future__ import annotations

import re
from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles.placeholders import STORAGE_DTYPES, Global, Storage

_MAX_LOCATION = 64  # characters
_STORAGE_MODULES = frozenset(("torch", "torch.storage", "torch.cuda"))
_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]*")


def resolve_id(identity: Any) -> Storage | Global | None:
    """Return what torch's loader gives for a persistent id of the forms that torch writes, None for any other.

    `("storage", type, key, location, elements)`, in the old format with a view behind it, or there `("module", class,
    file, source)`: the class itself, whose source torch only compares unless the class requests a patch file.
    """
    if type(identity) is not tuple or len(identity) < 4:
        return None
    if identity[0] == "module" and len(identity) == 4:
        plain = all(part is None or kinds.is_bytes(part) for part in identity[2:])
        return identity[1] if plain and isinstance(identity[1], Global) and _CLASS.fullmatch(identity[1].name) else None
    if identity[0] != "storage" or len(identity) not in (5, 6):
        return None
    _, kind, key, location, numel = identity[:5]
    view = identity[5] if len(identity) == 6 else None
    dtype = STORAGE_DTYPES.get(kind.name) if isinstance(kind, Global) and kind.module in _STORAGE_MODULES else None
    if dtype is None or not isinstance(key, (str, int)) or not kinds.is_count(numel):
        return None
    if not kinds.is_text(location) or len(location) > _MAX_LOCATION or not (view is None or _is_view(view)):
        return None
    return Storage(str(key), dtype, numel)


def _is_view(view: Any) -> bool:
    """Return whether a value is a view's key, offset and length."""
    return (
        type(view) is tuple
        and len(view) == 3
        and type(view[0]) in (str, int)
        and kinds.is_count(view[1])
        and kinds.is_count(view[2])
    )
