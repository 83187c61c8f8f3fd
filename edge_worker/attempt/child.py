"""The compute process: warm models, one attempt at a time, no secret of the ledger.

It is started by the supervisor with a pipe on its standard input and output, and ends when that pipe does.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Literal, Protocol, TextIO

from pydantic import BaseModel

from edge_worker.attempt.ends import broken
from edge_worker.attempt.messages import (
    Done,
    Down,
    Ended,
    Equipment,
    Hello,
    Progress,
    RunTask,
    StopTask,
    Tidied,
    TidyUp,
    read_down,
)
from edge_worker.attempt.tasks import read_task
from edge_worker.handlers.base import Outcome, Reporter, Task
from shared.errors import Cancelled, JobSignal, Permanent, PharosError, Snooze, Unavailable
from shared.faults import arm, fault
from shared.logs import configure_logs, get_logger
from shared.text import plain

log = get_logger(__name__)

Signal = Literal["transient", "permanent", "snooze", "cancelled"]
Handle = Callable[[Task, Reporter], Outcome]

_PR_SET_PDEATHSIG = 1
_KNOWLEDGE = "knowledge.jsonl"


class Bench(Protocol):
    """What a compute process works with."""

    def hello(self) -> Hello:
        """Return what this machine has to compute with."""

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Run one attempt; raise one of the four signals when there is no result."""

    def tidy(self, message: TidyUp) -> None:
        """Delete the vectors that an attempt left behind. Raises ``StoreUnavailable``."""

    def release(self) -> None:
        """Give back what is not needed between attempts."""


Build = Callable[[Equipment], Bench]


class Child:
    """Reads messages on a thread, works on the main one."""

    def __init__(self, lines: TextIO, out: TextIO) -> None:
        self._lines = lines
        self._out = out
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[RunTask | TidyUp] = queue.SimpleQueue()
        self._stop = threading.Event()

    def run(self, build: Build) -> None:
        """Work at what ``build`` returns until the supervisor hangs up."""
        equipment = read_down(self._lines.readline())
        assert isinstance(equipment, Equipment)
        configure_logs(equipment.log_level, [equipment.qdrant_api_key or ""])
        arm(equipment.fault_at)
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            # The heavy libraries load here, once, while the listener already notices a supervisor that went away.
            bench = build(equipment)
        except PharosError as error:
            signal: Signal = "transient" if isinstance(error, Unavailable) else "permanent"
            self._say(Ended(signal=signal, reason=error.code.lower(), detail=plain(error.message)))
            return
        self._say(bench.hello())
        while True:
            message = self._work.get()
            if isinstance(message, TidyUp):
                self._say(_tidy(bench.tidy, message))
            else:
                self._say(self._attempt(bench.handle, message))
                bench.release()

    def _attempt(self, handle: Handle, message: RunTask) -> BaseModel:
        task = read_task(message.task)
        reporter = Reporter(self._progress, self._stop.is_set)
        try:
            done = _done(task, handle(task, reporter))
            # What cannot be told shows here, and ends the attempt alone.
            done.model_dump_json()
            fault("compute.done")
            return done
        except JobSignal as error:
            return Ended(signal=_signal(error), reason=error.reason, detail=plain(error.message))
        except Unavailable as error:
            return Ended(signal="transient", reason=error.code.lower(), detail=plain(error.message))
        except PharosError as error:
            return Ended(signal="permanent", reason=error.code.lower(), detail=plain(error.message))
        except MemoryError:
            return Ended(signal="transient", reason="out_of_memory", detail="The machine ran out of memory.")
        except Exception as error:  # an unknown error is transient until the attempts are spent
            log.exception("attempt_broke", job_id=task.job_id, attempt=task.attempt)
            return broken(error)

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._say(Progress(stage=stage, done=done, total=total))
        fault(f"compute.{stage}")

    def _say(self, message: BaseModel) -> None:
        with self._lock:
            self._out.write(message.model_dump_json() + "\n")
            self._out.flush()

    def _listen(self) -> None:
        try:
            for line in self._lines:
                self._heed(read_down(line))
        except Exception:  # deaf, we would neither stop when asked nor notice the end of the supervisor
            log.exception("supervisor_unintelligible")
        # The supervisor is gone: nobody could use what we do, and nobody else would end us.
        os._exit(3)

    def _heed(self, message: Down) -> None:
        if isinstance(message, StopTask):
            self._stop.set()
        elif isinstance(message, RunTask):
            # A stop that came too late for the attempt before must not end this one: the pipe keeps the order.
            self._stop.clear()
            self._work.put(message)
        elif isinstance(message, TidyUp):
            self._work.put(message)


def _done(task: Task, outcome: Outcome) -> Done:
    if outcome.knowledge is None:
        return Done(summary=outcome.summary, knowledge=None)
    path = task.work_dir / _KNOWLEDGE
    outcome.knowledge.write(path)
    return Done(summary=outcome.summary, knowledge=path)


def _tidy(tidy: Callable[[TidyUp], None], message: TidyUp) -> Tidied:
    try:
        tidy(message)
    except Unavailable as error:
        return Tidied(problem=error.message)
    return Tidied()


def _signal(error: JobSignal) -> Signal:
    if isinstance(error, Permanent):
        return "permanent"
    if isinstance(error, Snooze):
        return "snooze"
    return "cancelled" if isinstance(error, Cancelled) else "transient"


def _die_with(parent: int) -> None:
    """Have the kernel end us when the supervisor dies, even in the middle of a call that holds every lock."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(3)


def serve(build: Build) -> None:
    """Take over the pipe and work at what ``build`` returns. Whatever libraries print goes to standard error."""
    _die_with(int(sys.argv[1]))
    # Ctrl-C reaches the whole terminal; the supervisor decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    Child(lines, out).run(build)


def main() -> None:
    """Work at this product's own handlers."""

    def build(equipment: Equipment) -> Bench:
        from edge_worker.attempt.wiring import build_workbench

        return build_workbench(equipment)

    serve(build)


if __name__ == "__main__":
    main()
