"""Handlers for the opcodes that name, call and change what a pickle imports, or request something from its loader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelhub.formats.pickles import known_calls, persistent_ids
from modelhub.formats.pickles.machine import PickleMachine
from modelhub.formats.pickles.placeholders import Global, OpaqueObject, Storage, WalkError


def build(machine: PickleMachine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Global):
        machine.report("dangerous", f"it changes {target.module}.{target.name} itself (BUILD on a global)")
        return
    dunder = known_calls.special_name(state)
    if dunder:
        machine.report("dangerous", f"it sets the attribute {dunder!r}, which Python itself calls")
    elif not known_calls.may_set(target, state):
        machine.report("suspicious", f"it sets attributes of {known_calls.describe(target)} that no model has")
    if isinstance(target, OpaqueObject):
        target.state = state


def _call(machine: PickleMachine, callee: Any, arguments: Any) -> None:
    if not isinstance(callee, Global):
        machine.report("suspicious", f"it calls {known_calls.describe(callee)}, not a named function")
        machine.stack.append(OpaqueObject(callee, arguments))
        return
    machine.record_global(callee.module, callee.name, called=True)
    known = known_calls.find(callee)
    if known is None:
        machine.stack.append(OpaqueObject(callee, arguments))
        return
    if not known.fits(arguments):
        machine.report("suspicious", f"it calls {callee.module}.{callee.name} with arguments that no model has")
        machine.stack.append(OpaqueObject(Global("", "an unusual call"), arguments))
        return
    if known.calls_first:  # as a tensor with attributes is made: by its own function, which is the first argument
        _call(machine, arguments[0], arguments[2])
        return
    if known.copies:
        machine.record_copy(known_calls.length_of(arguments))
    for key in known.keys(arguments):
        machine.safe_key(key)
    made = known.makes(arguments)
    machine.stack.append(OpaqueObject(callee, arguments) if made is None else made)


def reduce(machine: PickleMachine) -> None:
    arguments = machine.stack.pop()
    _call(machine, machine.stack.pop(), arguments)


def newobj_ex(machine: PickleMachine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    callee = machine.stack.pop()
    if keywords:
        machine.report("suspicious", f"it calls {known_calls.describe(callee)} with named arguments, as no model does")
    _call(machine, callee, arguments)


def inst(machine: PickleMachine) -> None:
    if not machine.marked:  # before the name, which no machine looks up then
        raise WalkError("A MARK is missing.")
    callee = _named(machine)
    _call(machine, callee, tuple(machine.pop_to_mark()))


def obj(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    _call(machine, items[0], tuple(items[1:]))


def _named(machine: PickleMachine) -> Global:
    module, name = machine.reader.line().decode("utf-8"), machine.reader.line().decode("utf-8")
    return machine.record_global(module, name)


def name_global(machine: PickleMachine) -> None:
    machine.stack.append(_named(machine))


def stack_global(machine: PickleMachine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.record_global(module, name))


def extension(width: int) -> Callable[[PickleMachine], None]:
    def handle(machine: PickleMachine) -> None:
        code = machine.number(width)
        if machine.first:
            raise WalkError(f"It uses extension code {code}, which no loader knows.")
        machine.report("dangerous", f"it uses extension code {code}, which stands for an unnamed function")
        machine.stack.append(Global("copyreg", f"extension {code}"))

    return handle


def persistent_id(machine: PickleMachine) -> None:
    identity = machine.stack.pop()
    _check_answered(machine)
    found = persistent_ids.resolve_id(identity)
    if found is None:
        machine.report("dangerous", "it requests something other than the storage of a tensor")
    elif isinstance(found, Storage):
        before = machine.storages.setdefault(found.key, found)
        if before != found:
            machine.report("suspicious", f"it describes storage {found.key} in two ways")
    elif not known_calls.find(found):
        text = f"it has torch compare the source of {known_calls.describe(found)} with a text of its own"
        machine.report("suspicious", text)
    machine.stack.append(OpaqueObject(Global("", "persistent id"), identity) if found is None else found)


def persistent_line(machine: PickleMachine) -> None:
    _check_answered(machine)
    machine.reader.line()
    machine.report("suspicious", "it requests an object by a name, as no model does")
    machine.stack.append(OpaqueObject(Global("", "persistent id"), None))


def _check_answered(machine: PickleMachine) -> None:
    if machine.first:
        raise WalkError("It asks the loader for an object, and nothing answers.")
