"""glibc's malloc keeps freed memory and returns it on request; other C libraries are not changed."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from modelhub.render import allocator

FAULTS = """
import ctypes, resource, psutil
from modelhub.render import allocator
library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
def used():
    block = library.malloc(64 << 20)
    ctypes.memset(block, 1, 64 << 20)
    library.free(block)
def faults():
    used()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    used()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
left_alone = faults()
assert allocator.keep_freed_memory()
kept, full = faults(), psutil.Process().memory_info().rss
assert allocator.release_freed()
print(left_alone, kept, (full - psutil.Process().memory_info().rss) >> 20)
"""


def test_memory_that_was_used_once_costs_no_page_faults_again() -> None:
    """A second block of 64 MB lies where the first did; giving back returns it to the system."""
    pytest.importorskip("psutil", reason="needs the extra [render]")
    if allocator._glibc() is None:
        pytest.skip("this system's C library is not glibc")
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    left_alone, kept, returned = map(int, done.stdout.split())
    assert kept < left_alone / 10
    assert returned > 50


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """Neither call does anything there."""
    monkeypatch.setattr(sys, "platform", system)
    assert (allocator.keep_freed_memory(), allocator.release_freed()) == (False, False)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """musl has none of the calls."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert (allocator.keep_freed_memory(), allocator.release_freed()) == (False, False)
