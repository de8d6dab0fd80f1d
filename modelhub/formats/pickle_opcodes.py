"""What each opcode of protocols 0 to 5 does to the walker's stack; a table, one row an opcode."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from modelhub.formats import rebuild
from modelhub.formats.pickled import MAX_HELD, Walker
from modelhub.formats.stand_ins import MARK, Blob, Global, Made, WalkError

_Handler = Callable[[Walker], None]


def _push(value: Any) -> _Handler:
    return lambda w: w.stack.append(value)


def _build(w: Walker) -> None:
    state = w.stack.pop()
    target = w.stack[-1]
    if isinstance(target, Made):
        target.state = state
    elif isinstance(target, Global):
        w.odd("dangerous", f"it changes {target.module}.{target.name} itself (BUILD on a global)")
    elif isinstance(target, dict) and isinstance(state, dict):
        pass  # attributes on an ordered dictionary, such as a state dict's `_metadata`


def _call(w: Walker, callee: Any, arguments: Any) -> None:
    w.called(callee)
    w.stack.append(rebuild.call(callee, arguments))


def _reduce(w: Walker) -> None:
    arguments = w.stack.pop()
    _call(w, w.stack.pop(), arguments)


def _newobj_ex(w: Walker) -> None:
    keywords, arguments = w.stack.pop(), w.stack.pop()
    callee = w.stack.pop()
    _call(w, callee, arguments if not keywords else (arguments, keywords))


def _inst(w: Walker) -> None:
    module, name = w.line().decode("utf-8"), w.line().decode("utf-8")
    arguments = tuple(w.since_mark())
    _call(w, w.saw(module, name), arguments)


def _obj(w: Walker) -> None:
    items = w.since_mark()
    _call(w, items[0], tuple(items[1:]))


def _global(w: Walker) -> None:
    module, name = w.line().decode("utf-8"), w.line().decode("utf-8")
    w.stack.append(w.saw(module, name))


def _stack_global(w: Walker) -> None:
    name, module = w.stack.pop(), w.stack.pop()
    w.stack.append(w.saw(module, name))


def _extension(width: int) -> _Handler:
    def handle(w: Walker) -> None:
        code = w.number(width)
        w.odd("dangerous", f"it uses extension code {code}, which stands for a function that is not named")
        w.stack.append(Global("copyreg", f"extension {code}"))

    return handle


def _put(width: int) -> _Handler:
    def handle(w: Walker) -> None:
        w.memo[w.number(width)] = w.stack[-1]

    return handle


def _get(width: int) -> _Handler:
    def handle(w: Walker) -> None:
        index = w.number(width)
        if index not in w.memo:
            raise WalkError(f"it fetches number {index}, which it never stored")
        w.stack.append(w.memo[index])

    return handle


def _get_line(w: Walker) -> None:
    index = int(w.line())
    if index not in w.memo:
        raise WalkError(f"it fetches number {index}, which it never stored")
    w.stack.append(w.memo[index])


def _put_line(w: Walker) -> None:
    w.memo[int(w.line())] = w.stack[-1]


def _memoize(w: Walker) -> None:
    w.memo[len(w.memo)] = w.stack[-1]


def _set_item(w: Walker, target: Any, key: Any, value: Any) -> None:
    if isinstance(target, dict):
        target[w.key(key)] = value
    elif isinstance(target, Made):
        if len(target.items) < MAX_HELD:
            target.items[w.key(key)] = value
    else:
        w.odd("suspicious", "it sets an item of something that is no dictionary")


def _setitem(w: Walker) -> None:
    value, key = w.stack.pop(), w.stack.pop()
    _set_item(w, w.stack[-1], key, value)


def _setitems(w: Walker) -> None:
    items = w.since_mark()
    target = w.stack[-1]
    for index in range(0, len(items) - 1, 2):
        _set_item(w, target, items[index], items[index + 1])


def _extend(w: Walker, items: list[Any]) -> None:
    target = w.stack[-1]
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Made):
        w.odd("suspicious", "it appends to something that is no list")


def _append(w: Walker) -> None:
    item = w.stack.pop()
    _extend(w, [item])


def _dict(w: Walker) -> None:
    items = w.since_mark()
    w.stack.append({w.key(items[i]): items[i + 1] for i in range(0, len(items) - 1, 2)})


def _tuple(count: int) -> _Handler:
    def handle(w: Walker) -> None:
        items = tuple(w.stack[-count:])
        if len(items) != count or MARK in items:
            raise WalkError("its stack runs empty")
        del w.stack[-count:]
        w.stack.append(items)

    return handle


def _long(width: int) -> _Handler:
    def handle(w: Walker) -> None:
        data = w.content(w.number(width))
        w.stack.append(data if isinstance(data, Blob) or len(data) > 1024 else pickle.decode_long(data))

    return handle


def _int_line(w: Walker) -> None:
    line = w.line()
    special = {b"00": False, b"01": True}
    w.stack.append(special[line] if line in special else int(line[:100]))


def _string_line(w: Walker) -> None:
    w.stack.append(w.line().strip(b"'\"").decode("latin1"))


def _old_text(w: Walker, width: int) -> str | Blob:
    """A string of Python 2, which is bytes in an encoding nobody states."""
    data = w.content(w.number(width))
    return data if isinstance(data, Blob) else data.decode("latin1")


def _pop(w: Walker) -> None:
    w.stack.pop()


def _float_line(w: Walker) -> None:
    w.stack.append(float(w.line()))


def _binfloat(w: Walker) -> None:
    w.stack.append(struct.unpack(">d", w.exactly(8))[0])


def _proto(w: Walker) -> None:
    version = w.number(1)
    if version > pickle.HIGHEST_PROTOCOL:
        raise WalkError(f"protocol {version} does not exist")


def _frame(w: Walker) -> None:
    w.number(8)


def _buffer(w: Walker) -> None:
    w.odd("suspicious", "it takes data from outside of itself")
    w.stack.append(Blob(0))


def _dup(w: Walker) -> None:
    w.stack.append(w.stack[-1])


_O = pickle
TABLE: dict[bytes, _Handler] = {
    _O.MARK: _push(MARK),
    _O.POP: _pop,
    _O.POP_MARK: lambda w: w.since_mark().clear(),
    _O.DUP: _dup,
    _O.FLOAT: _float_line,
    _O.INT: _int_line,
    _O.BININT: lambda w: w.stack.append(w.number(4, signed=True)),
    _O.BININT1: lambda w: w.stack.append(w.number(1)),
    _O.BININT2: lambda w: w.stack.append(w.number(2)),
    _O.LONG: lambda w: w.stack.append(int(w.line()[:100].rstrip(b"L"))),
    _O.LONG1: _long(1),
    _O.LONG4: _long(4),
    _O.NONE: _push(None),
    _O.NEWTRUE: _push(True),
    _O.NEWFALSE: _push(False),
    _O.PERSID: lambda w: w.stack.append(Made(Global("", "persistent id"), w.line())),
    _O.BINPERSID: lambda w: w.stack.append(rebuild.storage_of(w.stack.pop())),
    _O.REDUCE: _reduce,
    _O.STRING: _string_line,
    _O.BINSTRING: lambda w: w.stack.append(_old_text(w, 4)),
    _O.SHORT_BINSTRING: lambda w: w.stack.append(_old_text(w, 1)),
    _O.UNICODE: lambda w: w.stack.append(w.line().decode("raw-unicode-escape")),
    _O.BINUNICODE: lambda w: w.stack.append(w.text(w.number(4))),
    _O.SHORT_BINUNICODE: lambda w: w.stack.append(w.text(w.number(1))),
    _O.BINUNICODE8: lambda w: w.stack.append(w.text(w.number(8))),
    _O.BINBYTES: lambda w: w.stack.append(w.content(w.number(4))),
    _O.SHORT_BINBYTES: lambda w: w.stack.append(w.content(w.number(1))),
    _O.BINBYTES8: lambda w: w.stack.append(w.content(w.number(8))),
    _O.BYTEARRAY8: lambda w: w.stack.append(w.content(w.number(8))),
    _O.BINFLOAT: _binfloat,
    _O.APPEND: _append,
    _O.APPENDS: lambda w: _extend(w, w.since_mark()),
    _O.BUILD: _build,
    _O.GLOBAL: _global,
    _O.STACK_GLOBAL: _stack_global,
    _O.DICT: _dict,
    _O.EMPTY_DICT: lambda w: w.stack.append({}),
    _O.LIST: lambda w: w.stack.append(w.since_mark()),
    _O.EMPTY_LIST: lambda w: w.stack.append([]),
    _O.TUPLE: lambda w: w.stack.append(tuple(w.since_mark())),
    _O.EMPTY_TUPLE: _push(()),
    _O.TUPLE1: _tuple(1),
    _O.TUPLE2: _tuple(2),
    _O.TUPLE3: _tuple(3),
    _O.EMPTY_SET: lambda w: w.stack.append([]),
    _O.ADDITEMS: lambda w: _extend(w, w.since_mark()),
    _O.FROZENSET: lambda w: w.stack.append(w.since_mark()),
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
    _O.READONLY_BUFFER: lambda w: None,
}
