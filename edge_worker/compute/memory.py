"""Memory: what an attempt freed goes back to the system, so that an idle worker is small."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Have the C library hand its free pages back, where it is one that keeps them until it is asked (glibc)."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
