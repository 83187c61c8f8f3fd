"""The machine at this moment: load, GPUs, power and memory, for the heartbeat; nothing here may hold that up."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import psutil

from shared.logs import get_logger
from shared.nodes.heartbeat import Gpu

log = get_logger(__name__)

_ASK = (
    "nvidia-smi",
    "--query-gpu=name,utilization.gpu,memory.used,memory.total",
    "--format=csv,noheader,nounits",
)
#: Seconds: how long the driver may think, how often it is asked, and how long an answer is worth telling.
_PATIENCE, _EVERY, _WORTH = 5.0, 15.0, 60.0
_MOST = 16


class GpuWatch:
    """What the driver said last. It is asked on a thread of its own: a driver that hangs keeps nobody waiting."""

    def __init__(self, *, command: Sequence[str] = _ASK, clock: Callable[[], float] = time.monotonic) -> None:
        self._command = tuple(command)
        self._clock = clock
        self._lock = threading.Lock()
        self._asking = False
        self._asked_at: float | None = None
        self._said: tuple[float, tuple[Gpu, ...]] = (0.0, ())

    def look(self) -> tuple[Gpu, ...]:
        """Return each GPU as it was at the last look, or nothing when that is too old; every 15 s have a new look."""
        now = self._clock()
        with self._lock:
            due = self._asked_at is None or now - self._asked_at >= _EVERY
            if due and not self._asking:
                self._asking, self._asked_at = True, now
                threading.Thread(target=self._ask, name="gpus", daemon=True).start()
            said_at, gpus = self._said
        return gpus if now - said_at <= _WORTH else ()

    def _ask(self) -> None:
        gpus: tuple[Gpu, ...] = ()
        try:
            done = subprocess.run(self._command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
            gpus = read_gpus(done.stdout)
        except (OSError, subprocess.SubprocessError) as error:
            log.debug("gpus_unknown", error=type(error).__name__)
        finally:
            with self._lock:
                self._asking, self._said = False, (self._clock(), gpus)


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """Return what ``nvidia-smi`` wrote: a line for each GPU. What a driver does not know it writes as ``[N/A]``."""
    found = []
    for line in text.splitlines()[:_MOST]:
        name, *figures = (word.strip() for word in line.rsplit(",", 3))
        if len(figures) == 3:
            use, used, total = map(_figure, figures)
            found.append(
                Gpu(
                    name=name[:500],
                    use=None if use is None else min(1.0, use / 100),
                    memory_used_mib=round(used or 0),
                    memory_mib=round(total or 0),
                )
            )
    return tuple(found)


def _figure(word: str) -> float | None:
    try:
        return max(0.0, float(word))
    except ValueError:
        return None


def load() -> float:
    """Return the load of the last minute for each core."""
    return round(max(0.0, psutil.getloadavg()[0]) / (os.cpu_count() or 1), 2)


def power() -> tuple[Literal["mains", "battery"] | None, float | None]:
    """Return ``mains`` or ``battery`` and the charge from 0 to 1; nothing where the machine has no battery."""
    # Some systems have no such call at all.
    ask = getattr(psutil, "sensors_battery", None)
    battery = ask() if ask is not None else None
    if battery is None:
        return None, None
    charge = min(1.0, max(0.0, battery.percent / 100))
    if battery.power_plugged is None:
        return None, charge
    return ("mains" if battery.power_plugged else "battery"), charge


def memory(pids: Iterable[int]) -> int:
    """Return the MiB of main memory that these processes hold."""
    return sum(map(_resident, pids)) // 2**20


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
