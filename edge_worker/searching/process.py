"""The supervisor's end of one search process: questions go down, answers come up, and it is ended when it should be."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from edge_worker.attempt import pipe
from edge_worker.searching.messages import Asked, Start, Told
from shared.logs import get_logger
from shared.nodes.search import Question

log = get_logger(__name__)

#: The module that a search process runs.
ENTRY = "edge_worker.searching.child"
#: Seconds until the first word of a process: on a busy machine, its libraries take their time.
_START = 60.0


class Over(Exception):
    """The process has ended, or is about to: nothing was asked."""


class Died(Exception):
    """The process ended over the question."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a process is kept, in seconds."""

    #: Without a question.
    idle: float
    #: Without a word, while it owes an answer. A large index takes its time to be read.
    silence: float = 60.0


class SearchProcess:
    """One process from its start to its end, which comes by itself: idle, silent, or dead. Safe on every thread."""

    def __init__(self, start: Start, *, environment: Mapping[str, str], patience: Patience) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._owed: dict[int, Future[Told]] = {}
        self._asked = 0
        #: When it was asked or heard last.
        self._stirred_at = time.monotonic()
        self._spoke = self._over = False
        self._child: subprocess.Popen[str] | None = None
        self._down: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._down.put(start.model_dump_json())
        # The thread that starts a process has to live as long as that does.
        self._thread(self._live, dict(environment))

    @property
    def pid(self) -> int | None:
        """The process's id while it lives."""
        with self._changed:
            return self._child.pid if self._child is not None and not self._over else None

    def ask(self, question: Question, until: float) -> Told | None:
        """Return what it tells, or ``None`` when ``time.monotonic()`` is ``until`` before that.

        Raises:
            Over: it takes no question any more.
            Died: it ended before it told anything.
        """
        with self._changed:
            if self._over:
                raise Over
            self._asked += 1
            self._stirred_at = self._stirred_at if self._owed else time.monotonic()
            told = self._owed[self._asked] = Future[Told]()
            self._down.put(_worded(self._asked, question, until - time.monotonic()))
            self._changed.notify_all()
        try:
            return told.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            return None

    def _live(self, environment: dict[str, str]) -> None:
        try:
            child = pipe.start(ENTRY, environment)
        except OSError as error:
            log.error("search_not_started", error=f"{type(error).__name__}: {error}")
            self._bury(None)
            return
        with self._changed:
            self._child = child
        for work in (self._speak, self._watch):
            self._thread(work, child)
        try:
            self._listen(child)
        finally:
            self._bury(child)

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                self._heed(Told.model_validate_json(line))
        except (ValueError, OSError) as error:
            # Either the pipe was closed by who ended it, or it said what is no message: it is of no more use.
            log.warning("search_unintelligible", error=type(error).__name__)

    def _heed(self, told: Told) -> None:
        with self._changed:
            self._stirred_at, self._spoke = time.monotonic(), True
            owed = self._owed.pop(told.id, None)
            self._changed.notify_all()
        if owed is not None:
            owed.set_result(told)

    def _speak(self, child: subprocess.Popen[str]) -> None:
        """Write on a thread of its own: a process that stands still reads nothing, and a pipe is soon full."""
        assert child.stdin is not None
        with suppress(OSError, ValueError):  # it is gone, which who listens to it hears as well
            while (line := self._down.get()) is not None:
                child.stdin.write(line + "\n")
                child.stdin.flush()

    def _watch(self, child: subprocess.Popen[str]) -> None:
        with self._changed:
            while not self._over and (left := self._left()) > 0:
                self._changed.wait(left)
            if not self._over and self._owed:
                log.warning("search_silent", questions=len(self._owed))
            self._over = True
            if self._child is None:
                return
        pipe.end(child)

    def _left(self) -> float:
        silence = self._patience.silence if self._spoke else _START
        return self._stirred_at + (silence if self._owed else self._patience.idle) - time.monotonic()

    def _bury(self, child: subprocess.Popen[str] | None) -> None:
        with self._changed:
            by_itself = not self._over
            self._over, self._child = True, None
            owed, self._owed = self._owed, {}
            self._changed.notify_all()
        self._down.put(None)
        if child is not None:
            pipe.end(child)
            if by_itself:
                log.warning("search_died", code=child.returncode, questions=len(owed))
        for one in owed.values():
            one.set_exception(Died())

    @staticmethod
    def _thread(work: Callable[..., None], *given: object) -> None:
        threading.Thread(target=work, args=given, name="search", daemon=True).start()


def _worded(number: int, question: Question, left: float) -> str:
    milliseconds = max(1, int(left * 1000))
    return Asked(id=number, question=question.model_copy(update={"milliseconds": milliseconds})).model_dump_json()
