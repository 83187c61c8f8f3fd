"""Peak memory of running processes, by name."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

#: Seconds between two looks. On Linux a look sees the peak that lies between them, too.
_EVERY = 0.2


class PeakMemory:
    """Watches processes from a thread of its own while its block runs.

    ``processes``: name -> process id. ``families``: names whose descendants count as one with them (a server that
    forks). ``children``: name -> name under which its largest child is counted apart.
    """

    def __init__(
        self, processes: Mapping[str, int], *, families: Iterable[str] = (), children: Mapping[str, str] | None = None
    ) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._families, self._children = frozenset(families), dict(children or {})
        self._peaks: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def peaks(self) -> dict[str, int]:
        """Return bytes by name: the highest resident memory seen; of a family, of all its processes together, with
        memory that they share counted once where the system tells."""
        return dict(self._peaks)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._look()
            self._over.wait(_EVERY)
        self._look()

    def _look(self) -> None:
        for name, process in self._processes.items():
            try:
                self._note(name, process)
            except psutil.Error:  # it has ended; what was seen of it stays
                continue

    def _note(self, name: str, process: psutil.Process) -> None:
        if name in self._families:
            self._raise(name, sum(map(_share, [process, *process.children(recursive=True)])))
            return
        self._raise(name, _peak(process))
        if name in self._children:
            self._raise(self._children[name], max(map(_peak, process.children()), default=0))

    def _raise(self, name: str, seen: int) -> None:
        self._peaks[name] = max(seen, self._peaks.get(name, 0))


def _peak(process: psutil.Process) -> int:
    """The highest resident memory since the process began on Linux (VmHWM of proc_pid_status(5)), else that of now."""
    try:
        if sys.platform == "linux":
            with Path(f"/proc/{process.pid}/status").open(encoding="ascii", errors="replace") as lines:
                found = next((line for line in lines if line.startswith("VmHWM:")), None)
            if found is not None:
                return int(found.split()[1]) * 1024
        return int(process.memory_info().rss)
    except (psutil.Error, OSError):
        return 0


def _share(process: psutil.Process) -> int:
    try:
        whole = process.memory_full_info()
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(whole, "pss", whole.rss))
