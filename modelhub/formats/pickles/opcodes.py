"""Handlers for the opcodes of pickle protocols 0 to 5 (CPython's `pickletools`): a table, one row an opcode."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from modelhub.formats.pickles import known_calls
from modelhub.formats.pickles.machine import MAX_HELD, PickleMachine
from modelhub.formats.pickles.placeholders import MARK, Global, OpaqueObject, SkippedBytes, WalkError

Handler = Callable[[PickleMachine], None]


def _push(value: Any) -> Handler:
    return lambda machine: machine.stack.append(value)


def _build(machine: PickleMachine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, OpaqueObject):
        target.state = state
    elif isinstance(target, Global):
        machine.report("dangerous", f"it changes {target.module}.{target.name} itself (BUILD on a global)")
    elif isinstance(target, dict) and isinstance(state, dict):
        pass  # attributes on an ordered dictionary, such as a state dict's `_metadata`


def _call(machine: PickleMachine, callee: Any, arguments: Any) -> None:
    machine.record_call(callee)
    machine.stack.append(known_calls.call_result(callee, arguments))


def _reduce(machine: PickleMachine) -> None:
    arguments = machine.stack.pop()
    _call(machine, machine.stack.pop(), arguments)


def _newobj_ex(machine: PickleMachine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    callee = machine.stack.pop()
    _call(machine, callee, arguments if not keywords else (arguments, keywords))


def _inst(machine: PickleMachine) -> None:
    module, name = machine.read_line().decode("utf-8"), machine.read_line().decode("utf-8")
    arguments = tuple(machine.pop_to_mark())
    _call(machine, machine.record_global(module, name), arguments)


def _obj(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    _call(machine, items[0], tuple(items[1:]))


def _global(machine: PickleMachine) -> None:
    module, name = machine.read_line().decode("utf-8"), machine.read_line().decode("utf-8")
    machine.stack.append(machine.record_global(module, name))


def _stack_global(machine: PickleMachine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.record_global(module, name))


def _extension(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        code = machine.read_number(width)
        machine.report("dangerous", f"it uses extension code {code}, which stands for an unnamed function")
        machine.stack.append(Global("copyreg", f"extension {code}"))

    return handle


def _put(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        machine.memo[machine.read_number(width)] = machine.stack[-1]

    return handle


def _get(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        index = machine.read_number(width)
        if index not in machine.memo:
            raise WalkError(f"It reads memo entry {index}, which it never stored.")
        machine.stack.append(machine.memo[index])

    return handle


def _get_line(machine: PickleMachine) -> None:
    index = int(machine.read_line())
    if index not in machine.memo:
        raise WalkError(f"It reads memo entry {index}, which it never stored.")
    machine.stack.append(machine.memo[index])


def _put_line(machine: PickleMachine) -> None:
    machine.memo[int(machine.read_line())] = machine.stack[-1]


def _memoize(machine: PickleMachine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _set_item(machine: PickleMachine, target: Any, key: Any, value: Any) -> None:
    if isinstance(target, dict):
        target[machine.safe_key(key)] = value
    elif isinstance(target, OpaqueObject):
        if len(target.items) < MAX_HELD:
            target.items[machine.safe_key(key)] = value
    else:
        machine.report("suspicious", "it sets an item of something that is not a dictionary")


def _setitem(machine: PickleMachine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_item(machine, machine.stack[-1], key, value)


def _setitems(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    target = machine.stack[-1]
    for index in range(0, len(items) - 1, 2):
        _set_item(machine, target, items[index], items[index + 1])


def _extend(machine: PickleMachine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, OpaqueObject):
        machine.report("suspicious", "it appends to something that is not a list")


def _append(machine: PickleMachine) -> None:
    item = machine.stack.pop()
    _extend(machine, [item])


def _dict(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    machine.stack.append({machine.safe_key(items[i]): items[i + 1] for i in range(0, len(items) - 1, 2)})


def _tuple(count: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        items = tuple(machine.stack[-count:])
        if len(items) != count or MARK in items:
            raise WalkError("Its stack is empty too early.")
        del machine.stack[-count:]
        machine.stack.append(items)

    return handle


def _long(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        data = machine.read_content(machine.read_number(width))
        machine.stack.append(data if isinstance(data, SkippedBytes) or len(data) > 1024 else pickle.decode_long(data))

    return handle


def _int_line(machine: PickleMachine) -> None:
    line = machine.read_line()
    special = {b"00": False, b"01": True}
    machine.stack.append(special[line] if line in special else int(line[:100]))


def _string_line(machine: PickleMachine) -> None:
    machine.stack.append(machine.read_line().strip(b"'\"").decode("latin1"))


def _old_text(machine: PickleMachine, width: int) -> str | SkippedBytes:
    """Read a string of Python 2, which is bytes in an unstated encoding."""
    data = machine.read_content(machine.read_number(width))
    return data if isinstance(data, SkippedBytes) else data.decode("latin1")


def _pop(machine: PickleMachine) -> None:
    machine.stack.pop()


def _float_line(machine: PickleMachine) -> None:
    machine.stack.append(float(machine.read_line()))


def _binfloat(machine: PickleMachine) -> None:
    machine.stack.append(struct.unpack(">d", machine.read_exactly(8))[0])


def _proto(machine: PickleMachine) -> None:
    version = machine.read_number(1)
    if version > pickle.HIGHEST_PROTOCOL:
        raise WalkError(f"Protocol {version} does not exist.")


def _frame(machine: PickleMachine) -> None:
    machine.read_number(8)


def _buffer(machine: PickleMachine) -> None:
    machine.report("suspicious", "it takes data from outside the pickle")
    machine.stack.append(SkippedBytes(0))


def _dup(machine: PickleMachine) -> None:
    machine.stack.append(machine.stack[-1])


_O = pickle
HANDLERS: dict[bytes, Handler] = {
    _O.MARK: _push(MARK),
    _O.POP: _pop,
    _O.POP_MARK: lambda machine: machine.pop_to_mark().clear(),
    _O.DUP: _dup,
    _O.FLOAT: _float_line,
    _O.INT: _int_line,
    _O.BININT: lambda machine: machine.stack.append(machine.read_number(4, signed=True)),
    _O.BININT1: lambda machine: machine.stack.append(machine.read_number(1)),
    _O.BININT2: lambda machine: machine.stack.append(machine.read_number(2)),
    _O.LONG: lambda machine: machine.stack.append(int(machine.read_line()[:100].rstrip(b"L"))),
    _O.LONG1: _long(1),
    _O.LONG4: _long(4),
    _O.NONE: _push(None),
    _O.NEWTRUE: _push(True),
    _O.NEWFALSE: _push(False),
    _O.PERSID: lambda machine: machine.stack.append(OpaqueObject(Global("", "persistent id"), machine.read_line())),
    _O.BINPERSID: lambda machine: machine.stack.append(known_calls.storage_from_id(machine.stack.pop())),
    _O.REDUCE: _reduce,
    _O.STRING: _string_line,
    _O.BINSTRING: lambda machine: machine.stack.append(_old_text(machine, 4)),
    _O.SHORT_BINSTRING: lambda machine: machine.stack.append(_old_text(machine, 1)),
    _O.UNICODE: lambda machine: machine.stack.append(machine.read_line().decode("raw-unicode-escape")),
    _O.BINUNICODE: lambda machine: machine.stack.append(machine.read_text(machine.read_number(4))),
    _O.SHORT_BINUNICODE: lambda machine: machine.stack.append(machine.read_text(machine.read_number(1))),
    _O.BINUNICODE8: lambda machine: machine.stack.append(machine.read_text(machine.read_number(8))),
    _O.BINBYTES: lambda machine: machine.stack.append(machine.read_content(machine.read_number(4))),
    _O.SHORT_BINBYTES: lambda machine: machine.stack.append(machine.read_content(machine.read_number(1))),
    _O.BINBYTES8: lambda machine: machine.stack.append(machine.read_content(machine.read_number(8))),
    _O.BYTEARRAY8: lambda machine: machine.stack.append(machine.read_content(machine.read_number(8))),
    _O.BINFLOAT: _binfloat,
    _O.APPEND: _append,
    _O.APPENDS: lambda machine: _extend(machine, machine.pop_to_mark()),
    _O.BUILD: _build,
    _O.GLOBAL: _global,
    _O.STACK_GLOBAL: _stack_global,
    _O.DICT: _dict,
    _O.EMPTY_DICT: lambda machine: machine.stack.append({}),
    _O.LIST: lambda machine: machine.stack.append(machine.pop_to_mark()),
    _O.EMPTY_LIST: lambda machine: machine.stack.append([]),
    _O.TUPLE: lambda machine: machine.stack.append(tuple(machine.pop_to_mark())),
    _O.EMPTY_TUPLE: _push(()),
    _O.TUPLE1: _tuple(1),
    _O.TUPLE2: _tuple(2),
    _O.TUPLE3: _tuple(3),
    _O.EMPTY_SET: lambda machine: machine.stack.append([]),
    _O.ADDITEMS: lambda machine: _extend(machine, machine.pop_to_mark()),
    _O.FROZENSET: lambda machine: machine.stack.append(machine.pop_to_mark()),
    _O.SETITEM: _setitem,
    _O.SETITEMS: _setitems,
    _O.GET: _get_line,
    _O.BINGET: _get(1),
    _O.LONG_BINGET: _get(4),
    _O.PUT: _put_line,
    _O.BINPUT: _put(1),
    _O.LONG_BINPUT: _put(4),
    _O.MEMOIZE: _memoize,
    _O.EXT1: _extension(1),
    _O.EXT2: _extension(2),
    _O.EXT4: _extension(4),
    _O.INST: _inst,
    _O.OBJ: _obj,
    _O.NEWOBJ: _reduce,
    _O.NEWOBJ_EX: _newobj_ex,
    _O.PROTO: _proto,
    _O.FRAME: _frame,
    _O.NEXT_BUFFER: _buffer,
    _O.READONLY_BUFFER: lambda machine: None,
}
