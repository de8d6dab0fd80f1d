"""A grammar of pickles made of the names that modelhub accepts: weights, settings, and calls with odd arguments."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.safety.law.generators.opcodes import Opcodes
from tests.safety.law.generators.vocabulary import ATTRIBUTES, CALLED, CODECS, FILLED, NAMED, STORAGES, WIDTHS


class Expressions:
    """A generator of random values. `odd`: the share of unusual arguments, targets and spellings.

    `storages`: the bytes of every storage that the pickle refers to, by key. `legacy`: persistent ids of six parts.
    """

    def __init__(self, random: Random, *, odd: float, legacy: bool = False) -> None:
        self.random = random
        self.odd = odd
        self.legacy = legacy
        self.op = Opcodes(random, odd / 2)
        self.storages: dict[str, tuple[str, bytes]] = {}
        self.stored = 0

    def is_odd(self) -> bool:
        """Return whether the next choice is an unusual one."""
        return self.random.random() < self.odd

    def pickle(self) -> bytes:
        """Write a whole pickle of protocol 2, most often of weights."""
        root = self.weights() if self.random.random() < 0.7 else self.value(4)
        protocol = b"" if self.is_odd() else b"\x80" + bytes([self.random.randrange(6) if self.is_odd() else 2])
        return protocol + root + b"."

    def weights(self) -> bytes:
        """Write a dictionary of tensors with a few other entries."""
        op = self.op
        items = [(op.text(f"layer.{n}.weight"), self.tensor()) for n in range(self.random.randrange(1, 4))]
        state = op.pairs(self.ordered(), items)
        if self.random.random() < 0.3:
            state = op.build(state, op.dict_([(op.text("_metadata"), self.value(2))]))
        entries = [(op.text("state_dict"), state)]
        entries += [(self.key(), self.value(3)) for _ in range(self.random.randrange(4))]
        if self.random.random() < 0.2:
            key = op.global_(*self.random.choice(NAMED))
            entries.append((op.text("callbacks"), op.dict_([(key, self.value(2))])))
        return op.dict_(entries)

    def ordered(self) -> bytes:
        """Write an empty ordered dictionary."""
        return self.op.call(self.op.global_("collections", "OrderedDict"))

    def key(self) -> bytes:
        """Write a dictionary key."""
        if self.is_odd():
            return self.value(1)
        return self.op.text(self.random.choice(["epoch", "lr", "args", "name", "a.b", "__class__", "optimizer"]))

    def storage(self, dtype: str | None = None) -> tuple[bytes, int]:
        """Write a storage by persistent id and return it with the number of its elements."""
        random, op = self.random, self.op
        dtype = dtype or (random.choice(STORAGES) if self.is_odd() else "FloatStorage")
        key = str(len(self.storages))
        count = random.randrange(1, 9)
        width = WIDTHS.get(dtype, 1)
        self.storages[key] = (dtype, bytes(random.randrange(256) for _ in range(count * width)))
        module = "torch.storage" if dtype == "UntypedStorage" else "torch"
        stated = random.choice([0, count + 1, count * 1000, 1 << 31, 1 << 40, -1]) if self.is_odd() else count
        parts = [op.text("storage"), op.global_(module, dtype), op.text(key), op.text("cpu"), op.integer(stated)]
        if self.legacy:
            view = op.tuple_(op.text("v" + key), op.integer(0), op.integer(stated)) if self.is_odd() else b"N"
            parts.append(view)
        if self.is_odd():
            parts = self.odd_identity(parts)
        return op.persistent(b"(" + b"".join(parts) + b"t"), count

    def odd_identity(self, parts: list[bytes]) -> list[bytes]:
        """Change the parts of a persistent id."""
        place = self.random.randrange(len(parts))
        choice = self.random.randrange(5)
        if choice == 0:
            parts[place] = self.value(2)
        elif choice == 1:
            del parts[place]
        elif choice == 2:
            parts.insert(place, self.value(1))
        elif choice == 3:
            parts[0] = self.op.text(self.random.choice(["module", "Storage", "storage ", ""]))
        else:
            parts = [self.op.text("module"), self.op.global_(*self.random.choice(CALLED)), self.op.text(""), b"N"]
        return parts

    def tensor(self) -> bytes:
        """Write a tensor."""
        random, op = self.random, self.op
        storage, count = self.storage()
        shape = [count] if random.random() < 0.6 else [1, count]
        stride, offset = [1] * len(shape), 0
        if self.is_odd():
            shape = [random.choice([count + 1, count * 1000, 1 << 40, 0, -1, 2]) for _ in range(random.randrange(5))]
            stride = [random.choice([0, 1, 1 << 40, -1]) for _ in shape]
            offset = random.choice([0, 1, 1 << 20, 1 << 60, -1])
        size = op.tuple_(*map(op.integer, shape))
        if random.random() < 0.1:
            size = op.call(op.global_("torch", "Size"), size)
        parts = [
            storage,
            op.integer(offset),
            size,
            op.tuple_(*map(op.integer, stride)),
            op.truth(False),
            self.ordered(),
        ]
        if self.is_odd():
            parts[random.randrange(len(parts))] = self.value(2)
        made = op.call(op.global_("torch._utils", "_rebuild_tensor_v2"), *parts)
        if random.random() < 0.15:
            made = op.call(op.global_("torch._utils", "_rebuild_parameter"), made, op.truth(True), self.ordered())
        elif self.is_odd():
            made = self.around_tensor(made)
        return made

    def around_tensor(self, tensor: bytes) -> bytes:
        """Write a call of another rebuilding function around a tensor, with its usual or with other arguments."""
        op, random = self.op, self.random
        state = self.attributes()
        make = op.global_("torch._utils", "_rebuild_tensor_v2")
        forms: list[Callable[[], bytes]] = [
            lambda: op.call(
                op.global_("torch._utils", "_rebuild_parameter_with_state"), tensor, b"\x88", self.ordered(), state
            ),
            lambda: op.call(
                op.global_("torch._tensor", "_rebuild_from_type_v2"),
                random.choice([make, op.global_(*random.choice(CALLED + NAMED))]),
                op.global_(*random.choice((("torch", "Tensor"), random.choice(CALLED + NAMED)))),
                random.choice([op.tuple_(tensor), op.tuple_(self.value(2)), self.value(1)]),
                state,
            ),
            lambda: op.build(tensor, random.choice([state, self.value(2)])),
        ]
        return random.choice(forms)()

    def value(self, depth: int) -> bytes:
        """Write any value."""
        random = self.random
        if depth <= 0 or random.random() < 0.4:
            return self.plain()
        if self.is_odd():
            return random.choice((self.odd_call, self.odd_target, self.named, self.memo, self.inline))(depth - 1)
        choice = random.randrange(8)
        items = [self.value(depth - 1) for _ in range(random.randrange(4))]
        if choice == 0:
            return self.op.tuple_(*items)
        if choice == 1:
            return self.op.list_(*items)
        if choice == 2:
            return self.op.set_(*(self.plain() for _ in items))
        if choice == 3:
            return self.memo(depth - 1)
        if choice == 4:
            return self.tensor() if random.random() < 0.5 else self.usual_call(depth - 1)
        return self.op.dict_([(self.key(), item) for item in items])

    def plain(self) -> bytes:
        """Write a value that is not a container."""
        random, op = self.random, self.op
        numbers = [0, 1, 2, 255, 256, 65536, -1, 1 << 31, 1 << 40, (1 << 61) - 1]
        choice = random.randrange(7)
        if choice == 0:
            return b"N"
        if choice == 1:
            return op.truth(random.random() < 0.5)
        if choice == 2:
            return op.number(random.choice([0.0, 1.5, -1e300, float("nan"), float("inf")]))
        if choice == 3:
            return op.data(bytes(random.randrange(256) for _ in range(random.randrange(12))))
        if choice <= 5:
            return op.integer(random.choice(numbers[:5] if not self.is_odd() else numbers))
        return op.text(random.choice(["a", "", "latin1", "état", "cos\nsystem\n", "x" * 300, "…"]))

    def usual_call(self, depth: int) -> bytes:
        """Write a call that real files hold."""
        op, random = self.op, self.random
        number = op.call(op.global_("_codecs", "encode"), op.text("\x00\x00\x80?"), op.text("latin1"))
        dtype = op.build(
            op.call(op.global_("numpy", "dtype"), op.text("f4"), b"\x89", b"\x88"),
            op.tuple_(op.integer(3), op.text("<"), b"N", b"N", b"N", op.integer(-1), op.integer(-1), op.integer(0)),
        )
        module = random.choice([name[0] for name in CALLED if name[1] == "scalar"] or ["numpy"])
        forms = [
            op.call(op.global_(module, "scalar"), dtype, number),
            op.call(op.global_("collections", "defaultdict"), op.global_("builtins", "dict")),
            op.call(op.global_("collections", "Counter"), op.dict_([(op.text("a"), op.integer(2))])),
            op.call(op.global_("builtins", "set"), op.list_(op.integer(1))),
            op.call(op.global_("builtins", "complex"), op.number(1.0), op.number(2.0)),
            op.call(op.global_("torch", "device"), op.text("cpu")),
            op.call(op.global_("torch", "Size"), op.tuple_(op.integer(2), op.integer(3))),
            op.global_("torch", random.choice(["float32", "int64", "bfloat16"])),
            op.call(op.global_("builtins", "bytearray"), op.data(b"abc")),
        ]
        return random.choice(forms)

    def named(self, depth: int) -> bytes:
        """Write a name as a value."""
        return self.op.global_(*self.random.choice(self.random.choice((CALLED, NAMED))))

    def odd_call(self, depth: int) -> bytes:
        """Write a call of an allowed name with arguments that no writer gives it."""
        random, op = self.random, self.op
        name = random.choice(random.choice((CALLED, CALLED, CALLED, NAMED)))
        arguments = [self.argument(depth) for _ in range(random.choice([0, 1, 1, 1, 2, 2, 3, 4, 5, 7]))]
        if random.random() < 0.1:
            return op.instance(*name, *arguments)
        if random.random() < 0.1:
            keywords = op.dict_([(op.text(random.choice(["dtype", "shape", "data", "a"])), self.argument(depth))])
            return op.global_(*name) + op.tuple_(*arguments) + keywords + b"\x92"
        return op.call(op.global_(*name), *arguments)

    def argument(self, depth: int) -> bytes:
        """Write an argument of an odd call."""
        op, random = self.op, self.random
        choice = random.randrange(8)
        if choice == 0 or (choice == 7 and self.is_odd()):
            return op.integer(random.choice([1 << 20, 1 << 31, 1 << 36, 1 << 40, 1 << 62, -1]))
        if choice == 1:
            return self.named(depth)
        if choice == 2:
            return op.text(random.choice((*CODECS, "O", "O8", "object", "V8", "i8,O", "cuda:0", "meta")))
        if choice == 3:
            return op.tuple_(
                *(op.integer(random.choice([0, 1, 3, 1 << 20, 1 << 40])) for _ in range(random.randrange(4)))
            )
        if choice == 4:
            return self.odd_target(depth - 1) if depth > 0 else self.plain()
        if choice == 5:
            return self.tensor()
        return self.value(depth)

    def attributes(self) -> bytes:
        """Write a dictionary of attributes whose values are names."""
        random, op = self.random, self.op
        names = random.sample(ATTRIBUTES, random.randrange(1, 4))
        values = [self.named(0) if random.random() < 0.8 else self.argument(0) for _ in names]
        return op.dict_([(op.text(name), value) for name, value in zip(names, values, strict=True)])

    def odd_target(self, depth: int) -> bytes:
        """Write BUILD with attributes, then an opcode that may use them as methods."""
        random, op = self.random, self.op
        maker = random.choice([name for name in CALLED if name[1] in FILLED])
        target = op.call(op.global_(*(maker if random.random() < 0.8 else random.choice(CALLED))))
        state = self.attributes()
        if random.random() < 0.1:
            state = op.tuple_(b"N", state)
        target = op.build(target, state)
        use = random.randrange(7)
        item = self.argument(depth - 1) if depth > 0 else self.plain()
        if use == 0:
            return target + item + b"a"
        if use == 1:
            return target + b"(" + item + item + b"e"
        if use == 2:
            return target + b"(" + item + b"\x90"
        if use == 3:
            return op.build(target, item)
        if use == 4:
            return op.pairs(target, [(item, item)])
        if use == 5:
            return op.call(op.global_(*random.choice(CALLED)), target, *([item] if random.random() < 0.5 else []))
        return op.call(target, item)

    def memo(self, depth: int) -> bytes:
        """Write a value that is stored in the memo and read again, perhaps after something else took its place."""
        random, op = self.random, self.op
        index = self.stored if random.random() < 0.9 else random.randrange(4)
        self.stored += 1
        made = self.value(depth) + op.store(index)
        if self.is_odd():
            made += b"0" + self.value(depth) + op.store(index)
        if self.is_odd():
            made += random.choice([b"20", b"(1", b"(N1", b"\x94"])
        return made + b"0" + op.recall(index)

    def inline(self, depth: int) -> bytes:
        """Write opcodes that ordinary pickles do not have in the middle."""
        random = self.random
        inside = self.value(depth)
        return random.choice(
            [b"\x80\x04" + inside, b"N0" + inside, inside + b"20", b"(" + inside + b"1" + inside, inside + b"\x94"]
        )
