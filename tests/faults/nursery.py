"""Planes, and workers without ML, started in milliseconds: each is forked from one process that has loaded the code.

Each is a process of its own with its own environment, log and group, and runs the product's ``main``; only a worker's
compute process is a test's (``child.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import psutil

from cloud_api.serve import serve as plane
from edge_worker.__main__ import main as worker
from edge_worker.handful import SOON
from pharos.stack.processes import CHECKOUT, PR_SET_PDEATHSIG

_ENTRY = "tests.faults.child"
_HOUSES = {"cloud_api", "edge_worker", "shared"}


@dataclass(frozen=True, kw_only=True)
class Fledgling:
    """A process of the product. Signals never hit another process that got its number."""

    process: psutil.Process
    log: Path

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs or is frozen."""
        return self.process.is_running()

    @property
    def frozen(self) -> bool:
        """Whether it is stopped, or one of its children is."""
        return any(self._stopped(one) for one in (self.process, *self.family()))

    def family(self) -> list[psutil.Process]:
        """Return the processes that it started."""
        try:
            return self.process.children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def send(self, number: int) -> None:
        """Send a signal, if it is still there."""
        try:
            self.process.send_signal(number)
        except psutil.NoSuchProcess:
            return

    def kill(self) -> None:
        """End it as a power cut would, and return when it is gone."""
        # One that was frozen before it tied itself to its worker would never wake to notice.
        frozen = [one for one in self.family() if self._stopped(one)]
        self.send(signal.SIGKILL)
        for one in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.wait()

    def wait(self, within: float = 10.0) -> None:
        """Return when it is gone."""
        _, alive = psutil.wait_procs([self.process], timeout=within)
        assert not alive, f"process {self.pid} lives on"

    @staticmethod
    def _stopped(process: psutil.Process) -> bool:
        try:
            return bool(process.status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False


def _sweep() -> None:
    """End compute processes that were frozen before they tied themselves to a worker that is gone."""
    for one in psutil.process_iter(["cmdline", "ppid", "status"]):
        orphan = one.info["ppid"] == 1 and one.info["status"] == psutil.STATUS_STOPPED
        if orphan and _ENTRY in (one.info["cmdline"] or []):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


class Nursery:
    """Starts processes; what still runs is gone when it is left."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        _sweep()

    def start_plane(self, log: Path, *, ahead: float = 0.0, **settings: str) -> Fledgling:
        """Start a control plane with these settings, whose clock is ``ahead``; what it says goes to ``log``."""
        return self._start("plane", log, {"MODE": "CLOUD", **settings}, ahead)

    def start_worker(self, log: Path, *, ahead: float = 0.0, short: float = SOON, **settings: str) -> Fledgling:
        """Start a worker with these settings, whose clock is ``ahead``, and which takes ``short`` seconds for short."""
        return self._start("worker", log, {"MODE": "EDGE", **settings}, ahead, short)

    def _start(self, what: str, log: Path, settings: dict[str, str], ahead: float, short: float = SOON) -> Fledgling:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"what": what, "log": str(log), "settings": settings, "ahead": ahead, "short": short}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        return Fledgling(process=psutil.Process(pid), log=log)


def _set_clock(ahead: float) -> None:
    """Let this process be wrong about the time of day; what only counts seconds stays right."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + round(ahead * 1e9)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=ahead)

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _HOUSES and getattr(module, "datetime", None) is datetime:
            module.datetime = Wrong  # type: ignore[attr-defined]  # it is there, see above


def _live(what: str, log: str, settings: dict[str, str], ahead: float, short: float, parent: int) -> int:
    """Become a plane or a worker. Runs after the fork."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, wanted in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(given, wanted)
    random.seed()
    if ahead:
        _set_clock(ahead)
    os.environ.update(settings)

    if what == "plane":
        return plane()
    return worker(entry=_ENTRY, short=short)


def _serve() -> None:
    # Nobody waits for them here: who started them looks at them from outside.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    parent = os.getpid()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _live(**order, parent=parent)
            finally:
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
