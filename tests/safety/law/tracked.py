"""Python's own pickle machine, made to record which of the named globals a pickle calls or changes."""

from __future__ import annotations

import pickle
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, ClassVar

from tests.safety.law.audit import Watch

_MAX_KEPT = 10_000


class TrackedUnpickler(pickle._Unpickler):  # type: ignore[name-defined, misc]
    """A pickle machine that checks the object that every calling opcode calls."""

    watch: ClassVar[Watch]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.named: dict[int, tuple[Any, tuple[str, str]]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Look up a global and remember by which name it was found."""
        found = super().find_class(module, name)
        if len(self.named) < _MAX_KEPT:
            self.named[id(found)] = (found, (module, name))
        return found

    def check_call(self, callee: Any) -> None:
        """Check that the list of names that may be called has the name of what is called."""
        _, name = self.named.get(id(callee), (None, None))
        if name is None:
            if type(callee).__name__ != "StorageType":  # torch's own object for the name of a storage type
                self.watch.record_call(f"an object without a name ({type(callee).__name__})")
        elif name not in self.watch.names.called:
            self.watch.record_call(".".join(name))

    def _instantiate(self, klass: Any, args: Any) -> None:
        self.check_call(klass)
        super()._instantiate(klass, args)

    def load_reduce(self) -> None:
        """Check the call of REDUCE."""
        self.check_call(self.stack[-2])
        super().load_reduce()

    def load_newobj(self) -> None:
        """Check the call of NEWOBJ."""
        self.check_call(self.stack[-2])
        super().load_newobj()

    def load_newobj_ex(self) -> None:
        """Check the call of NEWOBJ_EX."""
        self.check_call(self.stack[-3])
        super().load_newobj_ex()

    def load_build(self) -> None:
        """Check that BUILD changes an instance, not a class, function or module."""
        target = self.stack[-2]
        if id(target) in self.named or isinstance(target, (type, FunctionType, BuiltinFunctionType, ModuleType)):
            self.watch.record_call(f"BUILD on {target!r}"[:120])
        super().load_build()

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.BUILD[0]] = load_build


def tracked_module() -> ModuleType:
    """Return a module that `torch.load` takes as `pickle_module`."""

    def load(file: Any, **keywords: Any) -> Any:
        return TrackedUnpickler(file, **keywords).load()

    module = ModuleType("tracked_pickle")
    module.Unpickler = TrackedUnpickler  # type: ignore[attr-defined]
    module.load = load  # type: ignore[attr-defined]
    return module
