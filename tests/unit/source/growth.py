"""How the work on a text grows with its length: a bound on seconds that survives a busy machine, and one on memory."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from edge_worker.source.parse.statement import Parsed
from edge_worker.source.reader import read

# A text four times as long takes four times as long where the work is linear, sixteen where it is quadratic.
_LONGER = 4
_MOST_TIMES = 8
# Seconds below which a figure says more about the machine than about the work.
_FLOOR = 0.05
_TRIES = 3
# Bytes that a reading may take: so many, and so many for each byte of the text.
_READING = 4_000_000
_PER_BYTE = 64


def assert_even(language: str, shape: Callable[[int], bytes], size: int) -> None:
    """Fail unless reading ``shape(size)`` in full costs time and memory in proportion to the text.

    ``size`` is best so large that the text has some 100 kB: a quadratic reading of it then takes a second or more.
    """
    assert_linear(lambda times: read(language, shape(times)), size)
    source = shape(size)
    assert_light(read(language, source), source)


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail if ``work(4 * size)`` takes more than eight times the CPU seconds of ``work(size)``, in the best try."""
    for left in range(_TRIES - 1, -1, -1):
        long = _seconds(work, _LONGER * size)
        if long <= _MOST_TIMES * _FLOOR:
            # Whatever the shorter one took.
            return
        short = _seconds(work, size)
        if long <= _MOST_TIMES * max(short, _FLOOR):
            return
        assert left, f"{size}: {short:.3f} s, {_LONGER * size}: {long:.3f} s"


def assert_light(parsed: Parsed, source: bytes) -> None:
    """Fail if what was read of a text takes memory out of proportion to it."""
    weight, most = weight_of(parsed), _READING + _PER_BYTE * len(source)
    assert weight <= most, f"{weight} bytes for a text of {len(source)}"


def weight_of(parsed: Parsed) -> int:
    """Return the bytes of what was read of a text once it was written down and read back: then nothing is shared."""
    things: list[object] = [parsed.imports, parsed.declares, *parsed.declares]
    for one in parsed.imports:
        things += [one, one.module, one.names, *one.names, one.kinds]
    return sum(map(sys.getsizeof, things))


def _seconds(work: Callable[[int], object], size: int) -> float:
    # A collection would look at all that a whole run of tests has loaded, in whichever work it falls.
    gc.disable()
    try:
        began = time.process_time()
        work(size)
        return time.process_time() - began
    finally:
        gc.enable()
