"""Peak memory of processes."""

from __future__ import annotations

import os
import subprocess
import sys

from pharos.memory import PeakMemory

#: Takes memory, gives it back, says so, and waits to be told to end.
PROGRAM = "x = bytearray(b'x') * (96 << 20); del x; print('done', flush=True); input()"


def test_peak_outlives_its_moment() -> None:
    """What a process held and gave back is in its peak, and that stays after its end."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        with PeakMemory({"one": process.pid}) as memory:
            assert process.stdout is not None
            process.stdout.readline()
        process.communicate("\n")

    expected = 96 << 20 if sys.platform == "linux" else 1
    assert expected <= memory.peaks()["one"] < expected + (64 << 20)


def test_family_counts_together() -> None:
    """A family's figure is at least that of the process that started it, with its descendants added."""
    with PeakMemory({"us": os.getpid()}, families=["us"]) as memory:
        pass

    assert memory.peaks()["us"] > 1 << 20
