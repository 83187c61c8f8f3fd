"""The lock file of a PostgreSQL data folder: whether it is stale, and clearing it after a crash."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil

#: Seconds that a server left behind by a crash may take to shut down before it is killed.
PATIENCE = 10.0


def clear_stale_lock(data: Path) -> None:
    """Make ``data`` ready for a new server after a crash. The caller must hold the folder for itself.

    PostgreSQL refuses to start when the process id in ``postmaster.pid`` is alive, whoever it belongs to by now. Here
    the file is judged by what really runs: PostgreSQL processes whose working folder is ``data`` are stopped (the
    parent that could have used them is gone), and then the file is stale.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    left_behind = servers_on(data)
    _stop(left_behind)
    lock.unlink(missing_ok=True)


def servers_on(data: Path) -> list[psutil.Process]:
    """Return the PostgreSQL processes that work on ``data``, the server itself and its helpers alike."""
    found = []
    for process in psutil.process_iter(["name", "cwd"]):
        name, folder = process.info["name"] or "", process.info["cwd"]
        if name.startswith("postgres") and folder and Path(folder) == data.resolve():
            found.append(process)
    return found


def _stop(processes: list[psutil.Process]) -> None:
    """End them all: SIGTERM lets helpers finish and makes a server refuse newcomers; what stays is killed."""
    for process in processes:
        _quietly(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE if processes else 0)
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, timeout=PATIENCE)


def _quietly(act: Callable[[], None]) -> None:
    """Signal a process that may be gone by now, which is what the signal is for."""
    with contextlib.suppress(psutil.NoSuchProcess):
        act()
