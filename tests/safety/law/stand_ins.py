"""Stand-ins for libraries that files name and this environment may lack; calling one is recorded as a violation."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from tests.safety.law.audit import Watch
from tests.safety.law.names import AllowedNames, Name


def provide(names: AllowedNames, watch: Watch) -> None:
    """Make every allowed name importable: a name that may not be called records each call of it."""
    for name in sorted(names.all):
        if not _is_installed(name):
            _put_class(name, _plain_class(name) if name in names.called else _recording_class(name, watch))


def _is_installed(name: Name) -> bool:
    try:
        return hasattr(importlib.import_module(name[0]), name[1].split(".")[0])
    except ImportError:
        return False


def _put_class(name: Name, made: type) -> None:
    parts = name[0].split(".")
    for count in range(1, len(parts) + 1):
        path = ".".join(parts[:count])
        module = sys.modules.get(path)
        if module is None:
            module = sys.modules[path] = ModuleType(path)
            if count > 1:
                setattr(sys.modules[".".join(parts[: count - 1])], parts[count - 1], module)
    setattr(sys.modules[name[0]], name[1], made)


def _plain_class(name: Name) -> type:
    """Return a class that takes any arguments, for a helper that may be called."""

    def construct(self: Any, *arguments: Any, **keywords: Any) -> None:
        """Take anything."""

    return type(name[1], (), {"__module__": name[0], "__init__": construct})


def _recording_class(name: Name, watch: Watch) -> type:
    """Return a class that records its calls, whoever makes them."""
    full = ".".join(name)

    class Recording(type):
        """The type of a class that no file may call."""

        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            """Record the call."""
            watch.record_call(full)
            return super().__call__()

    def construct(cls: type, *arguments: Any, **keywords: Any) -> Any:
        watch.record_call(full)
        return object.__new__(cls)

    return Recording(name[1], (), {"__module__": name[0], "__new__": construct})
