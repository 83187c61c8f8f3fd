"""The compute process: warm models, one attempt at a time, no secret of the ledger.

It is started by the supervisor with a pipe on its standard input and output, and ends when that pipe does.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
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
from edge_worker.attempt.pipe import take_over
from edge_worker.attempt.tasks import read_task
from edge_worker.handlers.base import Outcome, Reporter, Task
from shared.errors import Cancelled, JobSignal, Permanent, PharosError, Snooze, Unavailable
from shared.faults import arm, fault
from shared.knowledge import Knowledge
from shared.logs import configure_logs, get_logger
from shared.text import plain
from shared.textual import Textual

log = get_logger(__name__)

Signal = Literal["transient", "permanent", "snooze", "cancelled"]
Handle = Callable[[Task, Reporter], Outcome]

_KNOWLEDGE = "knowledge.jsonl"
_TEXT = "text.jsonl"


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
    return Done(
        summary=outcome.summary,
        knowledge=_written(outcome.knowledge, task.work_dir / _KNOWLEDGE),
        text=_written(outcome.text, task.work_dir / _TEXT),
    )


def _written(learned: Knowledge | Textual | None, path: Path) -> Path | None:
    if learned is None:
        return None
    learned.write(path)
    return path


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


def serve(build: Build) -> None:
    """Take over the pipe and work at what ``build`` returns. Whatever libraries print goes to standard error."""
    lines, out = take_over()
    Child(lines, out).run(build)


def main() -> None:
    """Work at this product's own handlers."""

    def build(equipment: Equipment) -> Bench:
        from edge_worker.attempt.wiring import build_workbench

        return build_workbench(equipment)

    serve(build)


if __name__ == "__main__":
    main()
