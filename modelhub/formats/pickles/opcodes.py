"""Handlers for the opcodes of pickle protocols 0 to 5 (CPython's `pickletools`): a table with one row per opcode."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from modelhub.formats.pickles import calls, known_calls, literals
from modelhub.formats.pickles.machine import PickleMachine
from modelhub.formats.pickles.placeholders import OpaqueObject, SkippedBytes, WalkError

Handler = Callable[[PickleMachine], None]


def _push(value: Any) -> Handler:
    return lambda machine: machine.stack.append(value)


# Memo


def _remember(machine: PickleMachine, index: int) -> None:
    value = machine.stack[-1]
    if index < 0:
        raise WalkError("It stores a memo entry with a negative number.")
    if index > machine.reader.offset:  # the C machine makes a table as long as the largest index
        machine.report("suspicious", f"it stores memo entry {index}, more than its length allows")
    machine.memo[index] = value


def _put(width: int) -> Handler:
    return lambda machine: _remember(machine, machine.number(width))


def _put_line(machine: PickleMachine) -> None:
    _remember(machine, literals.integer(literals.number_line(machine)))


def _memoize(machine: PickleMachine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _recall(machine: PickleMachine, index: int) -> None:
    if index not in machine.memo:
        raise WalkError(f"It reads memo entry {index}, which it never stored.")
    machine.stack.append(machine.memo[index])


def _get(width: int) -> Handler:
    return lambda machine: _recall(machine, machine.number(width))


# Containers


def _set_items(machine: PickleMachine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if len(items) % 2:
        raise WalkError("A key has no value.")
    if isinstance(target, dict):
        held = target
    elif isinstance(target, OpaqueObject):
        if not known_calls.takes_items(target):
            machine.report("suspicious", f"it sets items of {known_calls.describe(target)}, as no model does")
        held = target.held = {} if target.held is None else target.held
    else:
        machine.report("suspicious", "it sets an item of something that is not a dictionary")
        return
    for index in range(0, len(items), 2):
        held[machine.safe_key(items[index])] = items[index + 1]


def _setitem(machine: PickleMachine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_items(machine, [key, value])


def _extend(machine: PickleMachine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, list):
        target.extend(items)
    else:  # a loader calls the method `extend` or `append` of whatever it is
        machine.report("suspicious", f"it appends to {known_calls.describe(target)}, as no model does")


def _append(machine: PickleMachine) -> None:
    item = machine.stack.pop()
    _extend(machine, [item])


def _add_items(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    _extend(machine, [machine.safe_key(item) for item in items])


def _frozen_set(machine: PickleMachine) -> None:
    items = [machine.safe_key(item) for item in machine.pop_to_mark()]
    machine.stack.append(items)


def _dict(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    machine.stack.append({})
    _set_items(machine, items)


def _collect(make: Callable[[list[Any]], Any]) -> Handler:
    """Put what `make` builds of everything above the last MARK in its place."""

    def handle(machine: PickleMachine) -> None:
        items = machine.pop_to_mark()  # first: it changes which list is the stack
        machine.stack.append(make(items))

    return handle


def _append_all(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    _extend(machine, items)


def _tuple(count: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        items = tuple(machine.stack[-count:])
        if len(items) != count:
            raise WalkError("Its stack is empty too early.")
        del machine.stack[-count:]
        machine.stack.append(items)

    return handle


# Others


def _pop(machine: PickleMachine) -> None:
    if machine.stack or not machine.marked:
        machine.stack.pop()
    else:
        machine.pop_to_mark()


def _proto(machine: PickleMachine) -> None:
    version = machine.number(1)
    if version > pickle.HIGHEST_PROTOCOL:
        raise WalkError(f"Protocol {version} does not exist.")


def _buffer(machine: PickleMachine) -> None:
    machine.report("suspicious", "it takes data from outside the pickle")
    machine.stack.append(SkippedBytes(0))


def _unknown(machine: PickleMachine) -> None:
    raise WalkError("It has an opcode that does not exist.")


_O = pickle
_ROWS: dict[bytes, Handler] = {
    _O.MARK: PickleMachine.mark,
    _O.POP: _pop,
    _O.POP_MARK: lambda machine: machine.pop_to_mark().clear(),
    _O.DUP: lambda machine: machine.stack.append(machine.stack[-1]),
    _O.FLOAT: literals.float_line,
    _O.INT: literals.int_line,
    _O.BININT: lambda machine: machine.stack.append(int.from_bytes(machine.reader.take(4), "little", signed=True)),
    _O.BININT1: lambda machine: machine.stack.append(machine.reader.byte()),
    _O.BININT2: lambda machine: machine.stack.append(machine.number(2)),
    _O.LONG: literals.long_line,
    _O.LONG1: literals.long(1),
    _O.LONG4: literals.long(4),
    _O.NONE: _push(None),
    _O.NEWTRUE: _push(True),
    _O.NEWFALSE: _push(False),
    _O.PERSID: calls.persistent_line,
    _O.BINPERSID: calls.persistent_id,
    _O.REDUCE: calls.reduce,
    _O.STRING: literals.string_line,
    _O.BINSTRING: literals.old_text(4),
    _O.SHORT_BINSTRING: literals.old_text(1),
    _O.UNICODE: literals.unicode_line,
    _O.BINUNICODE: literals.text(4),
    _O.SHORT_BINUNICODE: literals.text(1),
    _O.BINUNICODE8: literals.text(8),
    _O.BINBYTES: literals.content(4),
    _O.SHORT_BINBYTES: literals.content(1),
    _O.BINBYTES8: literals.content(8),
    _O.BYTEARRAY8: literals.content(8),
    _O.BINFLOAT: lambda machine: machine.stack.append(struct.unpack(">d", machine.reader.take(8))[0]),
    _O.APPEND: _append,
    _O.APPENDS: _append_all,
    _O.BUILD: calls.build,
    _O.GLOBAL: calls.name_global,
    _O.STACK_GLOBAL: calls.stack_global,
    _O.DICT: _dict,
    _O.EMPTY_DICT: lambda machine: machine.stack.append({}),
    _O.LIST: _collect(list),
    _O.EMPTY_LIST: lambda machine: machine.stack.append([]),
    _O.TUPLE: _collect(tuple),
    _O.EMPTY_TUPLE: _push(()),
    _O.TUPLE1: _tuple(1),
    _O.TUPLE2: _tuple(2),
    _O.TUPLE3: _tuple(3),
    _O.EMPTY_SET: lambda machine: machine.stack.append([]),
    _O.ADDITEMS: _add_items,
    _O.FROZENSET: _frozen_set,
    _O.SETITEM: _setitem,
    _O.SETITEMS: lambda machine: _set_items(machine, machine.pop_to_mark()),
    _O.GET: lambda machine: _recall(machine, literals.integer(literals.number_line(machine))),
    _O.BINGET: _get(1),
    _O.LONG_BINGET: _get(4),
    _O.PUT: _put_line,
    _O.BINPUT: _put(1),
    _O.LONG_BINPUT: _put(4),
    _O.MEMOIZE: _memoize,
    _O.EXT1: calls.extension(1),
    _O.EXT2: calls.extension(2),
    _O.EXT4: calls.extension(4),
    _O.INST: calls.inst,
    _O.OBJ: calls.obj,
    _O.NEWOBJ: calls.reduce,
    _O.NEWOBJ_EX: calls.newobj_ex,
    _O.PROTO: _proto,
    _O.FRAME: lambda machine: machine.start_frame(machine.number(8)),
    _O.NEXT_BUFFER: _buffer,
    _O.READONLY_BUFFER: lambda machine: None,
}
# By the opcode's number, so that the walk's loop needs no search.
HANDLERS: list[Handler] = [_ROWS.get(bytes([code]), _unknown) for code in range(256)]
