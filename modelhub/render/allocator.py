"""Make glibc's malloc keep freed memory: a render frees and allocates the same large temporaries all the time.

By default glibc returns every large block to the system at once, and each new one costs a page fault per 4 kB;
`benchmarks/README.md` has the share of the time. Other C libraries are left as they are.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

# Parameters of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1


def keep_freed_memory() -> bool:
    """Allocate from the heap alone and keep freed memory there; return False where that is not possible."""
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(_MMAP_MAX, 0) and library.mallopt(_TRIM_THRESHOLD, _NEVER))


def release_freed() -> bool:
    """Return freed memory to the system, as between two bases; return False where that is not possible."""
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


def _glibc() -> Any:
    """Return the C library if it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        library = ctypes.CDLL(None)
        if library.gnu_get_libc_version and library.mallopt and library.malloc_trim:
            return library
    return None
