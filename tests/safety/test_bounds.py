"""Small files that cost whoever reads them far more than their size: each is answered within seconds and 256 MB."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from modelhub.domain import Verdict

CPU_SECONDS = 5
MEGABYTES = 256
_CODE = """
import resource, sys, time
from pathlib import Path
from modelhub.detect import detect
from modelhub.formats import read_header
from modelhub.safety import assess
before = time.process_time()
header = read_header(Path(sys.argv[1]))
detect(header)
seconds = time.process_time() - before
status = Path("/proc/self/status")  # rusage counts what the test's own process held before it started this one
if status.exists():
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) >> 10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
print(assess(header).verdict, seconds, peak)
"""


def text(value: str) -> bytes:
    """Return the opcode of a text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def archive(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a deflated zip archive."""
    body, directory = b"", b""
    for name, content in members:
        packed = zlib.compress(content, 9)[2:-4]
        fields = (0, 8, 0, 0, zlib.crc32(content), len(packed), len(content), len(name), 0)
        directory += (
            struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *fields[:4], *fields[4:], 0, 0, 0, 0, len(body))
            + name.encode()
        )
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *fields) + name.encode() + packed
    count = min(len(members), 0xFFFF)
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


def nested(members: Sequence[tuple[str, bytes]], depth: int) -> bytes:
    """Return an archive of nine archives of nine archives …, with these members in the innermost."""
    inner = archive(members)
    return inner if depth == 0 else nested([(f"{number}.zip", inner) for number in range(9)], depth - 1)


def tensors(count: int, key: str = "0") -> bytes:
    """Return the opcodes of a dictionary of tensors below a key."""
    made = b"h\0((" + text("storage") + b"h\1" + text("0") + text("cpu") + b"K\1tQK\0K\1\x85K\1\x85\x89}tR"
    names = b"ctorch._utils\n_rebuild_tensor_v2\nq\0ctorch\nFloatStorage\nq\1"
    items = b"".join(b"J" + struct.pack("<i", index) + made for index in range(count))
    return b"\x80\x02" + names + b"00}" + text(key) + b"}(" + items + b"us."


BOMBS: dict[str, Callable[[], bytes]] = {
    "marks": lambda: b"\x80\x02" + b"(" * 1_400_000 + b"l" * 1_400_000 + b".",
    "a list that holds itself": lambda: b"\x80\x04]\x94h\0a.",
    "a text of four gigabytes": lambda: b"\x80\x04\x8d\xff\xff\xff\xff\0\0\0\0abc.",
    "an integer of a gigabyte": lambda: b"\x80\x04\x8b\xff\xff\xff\x3f.",
    "copies of the top of the stack": lambda: b"\x80\x04]" + b"2" * 2_000_000 + b".",
    "numbers on lines": lambda: b"I12345\n" * 900_000 + b".",
    "nothing": lambda: b"\x80\x02" + b"N" * 2_500_000 + b".",
    "nested tuples": lambda: b"\x80\x02N" + b"\x85" * 2_900_000 + b".",
    "nested dictionaries": lambda: b"\x80\x02" + b"}K\1" * 300_000 + b"N" + b"s" * 300_000 + b".",
    "dictionaries": lambda: b"\x80\x02" + b"}" * 2_900_000 + b".",
    "keys that cannot be hashed": lambda: b"\x80\x02}" + b"]Ns" * 600_000 + b".",
    "keys of one hash": lambda: (
        b"\x80\x02}(" + b"".join(pickle.dumps(n * (2**61 - 1), 2)[2:-1] + b"N" for n in range(1, 50_000)) + b"u."
    ),
    "remembered objects": lambda: b"\x80\x04" + b"]\x94" * 1_400_000 + b".",
    "a far memo": lambda: b"\x80\x02Nr\xff\xff\xff\x7f.",
    "names": lambda: b"\x80\x02" + b"".join(b"cmod%d\nname\n" % index for index in range(200_000)) + b".",
    "numbers of many digits": lambda: b"\x80\x02" + (b"L" + b"9" * 4000 + b"L\n") * 20_000 + b".",
    "a number of many bytes": lambda: b"\x80\x02\x8b" + struct.pack("<i", 30_000_000) + b"\1" * 30_000_000 + b".",
    "texts": lambda: b"\x80\x02" + b"".join(text(f"{index:020d}") for index in range(1_000_000)) + b".",
    "long texts": lambda: b"\x80\x02" + text("a" * 65_535) * 1500 + b".",
    "calls": lambda: b"\x80\x02ccollections\nOrderedDict\nq\0" + b"h\0)R" * 600_000 + b".",
    "copies": lambda: (
        b"\x80\x02c__builtin__\nbytearray\nq\0"
        + text("a" * 65_536)
        + text("latin1")
        + b"\x86q\1"
        + b"h\0h\1R" * 300_000
        + b"."
    ),
    "frames": lambda: b"\x80\x04" + b"\x95\0\0\0\0\0\0\0\0" * 500_000 + b"N.",
    "shared lists": lambda: (
        b"\x80\x02]q\0" + b"".join(b"]q%c(" % (n + 1) + b"h%c" % n * 9 + b"e" for n in range(60)) + b"."
    ),
    "shared tuples": lambda: b"\x80\x02)" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(200)) + b".",
    "tensors": lambda: tensors(60_000),
    "long names": lambda: tensors(20_000, "n" * 60_000),
    "zip of zeros": lambda: archive(
        [("a/data.pkl", pickle.dumps({}, 2)), *((f"a/{n}.pkl", bytes(20 << 20)) for n in range(20))]
    ),
    "zip of pickles": lambda: archive(
        [
            ("a/data.pkl", pickle.dumps({}, 2)),
            *((f"a/{n}.pkl", b"\x80\x02" + b"N0" * 200_000 + b"N.") for n in range(40)),
        ]
    ),
    "zips in zips": lambda: archive(
        [
            (f"{n}.zip", archive([(f"{m}.zip", archive([("x.pkl", bytes(5 << 20))])) for m in range(9)]))
            for n in range(9)
        ]
    ),
    "members": lambda: archive([(f"a/{n}", b"") for n in range(60_000)]),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not report the peak of memory of a process")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_seconds_and_little_memory(tmp_path: Path, name: str) -> None:
    """Whatever is built of it, in CPU time and in memory of the whole process."""
    path = tmp_path / "bomb.ckpt"
    path.write_bytes(BOMBS[name]())
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    verdict, seconds, peak = done.stdout.split()
    assert float(seconds) < CPU_SECONDS
    assert int(peak) < MEGABYTES
    assert verdict in (*Verdict,)
    if name not in HARMLESS:
        assert verdict not in (Verdict.SAFE, Verdict.SAFE_LEGACY)


# Large, and nothing a loader would mind.
HARMLESS = ("frames", "a number of many bytes", "a list that holds itself")
