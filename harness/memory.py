"""How this process gets its memory."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Tell glibc to hand freed arrays out again rather than back to the kernel; whether that was possible.

    The judge makes and drops arrays of many megabytes. Mapped afresh, each page of them costs a fault, which took half
    of the time on VGG16.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))
