"""glibc's malloc, told to keep what is freed: a render frees and takes the same large temporaries all the time.

Left alone, glibc gives every large block back to the system at once, and each new one costs a page fault per 4 kB: a
share of the time that `benchmarks/README.md` states. Other C libraries are left as they are.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1


def keep_freed() -> bool:
    """Take memory from the heap alone, and keep there what is freed; False where that cannot be asked for."""
    library = _library()
    if library is None:
        return False
    return bool(library.mallopt(_MMAP_MAX, 0) and library.mallopt(_TRIM_THRESHOLD, _NEVER))


def give_back() -> bool:
    """Return to the system what is kept free, as between two bases; False where that cannot be asked for."""
    library = _library()
    return library is not None and bool(library.malloc_trim(0))


def _library() -> Any:
    """The C library when it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        library = ctypes.CDLL(None)
        if library.gnu_get_libc_version and library.mallopt and library.malloc_trim:
            return library
    return None
