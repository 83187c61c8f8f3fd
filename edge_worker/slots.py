"""Slots: so many jobs side by side, each with a compute process and a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from edge_worker.hand import Hand
from edge_worker.runner import Runner
from shared.faults import fault
from shared.ledger.records import Job
from shared.ledger.turns import Following


class Slots:
    """Runs what it is given. A slot's compute process is started when the slot is first needed.

    A slot keeps its thread for as long as it lives: the kernel ends a compute process with the thread that started it.
    """

    def __init__(self, runners: Sequence[Runner], *, hand: Hand, freed: Callable[[], None]) -> None:
        """``freed`` is called when a slot is free again."""
        self._runners = tuple(runners)
        self._hand = hand
        self._freed = freed
        self._desks: tuple[SimpleQueue[Job | None], ...] = tuple(SimpleQueue() for _ in self._runners)
        self._free = set(range(len(self._runners)))
        self._change = threading.Condition()
        self._over = False
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"slot-{number}", daemon=True)
            for number in range(len(self._runners))
        ]

    def start(self) -> None:
        """Open for work."""
        for thread in self._threads:
            thread.start()

    def await_free(self) -> bool:
        """Return once a slot is free; ``False`` when it is over."""
        with self._change:
            self._change.wait_for(lambda: self._free or self._over)
            return not self._over

    def give(self, job: Job) -> None:
        """Run a started job in a free slot; the first one, whose compute process is most likely warm."""
        self._yield_to(job)
        with self._change:
            number = min(self._free)
            self._free.discard(number)
        self._desks[number].put(job)

    @property
    def busy(self) -> int:
        """How many slots have work."""
        with self._change:
            return len(self._runners) - len(self._free)

    @property
    def overdue(self) -> bool:
        """Whether an attempt in hand should have been renewed by now."""
        return any(runner.overdue for runner in self._runners)

    @property
    def pids(self) -> tuple[int, ...]:
        """The compute processes that live."""
        return tuple(pid for runner in self._runners if (pid := runner.pid) is not None)

    @property
    def alive(self) -> bool:
        """Whether every slot works; a thread ends by itself only when it broke."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self, *, gently: float, within: float) -> None:
        """Return when every slot has ended, or after ``within`` s; after ``gently`` s its compute process is killed."""
        end = time.monotonic() + within
        with self._change:
            self._over = True
            self._change.notify_all()
        for desk in self._desks:
            desk.put(None)
        self._join(end - within + gently)
        for runner in self._runners:
            runner.kill()
        self._join(end)
        for runner in self._runners:
            runner.kill()

    def _join(self, end: float) -> None:
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))

    def _work(self, number: int) -> None:
        runner, desk = self._runners[number], self._desks[number]
        while (job := desk.get()) is not None:
            following = self._one(runner, job)
            while following is not None:
                following = self._one(runner, following.job, after=following)
            with self._change:
                self._free.add(number)
                self._change.notify_all()
            self._freed()

    def _one(self, runner: Runner, job: Job, *, after: Following | None = None) -> Following | None:
        """Run one attempt; return the one that was started as it ended."""
        ran = runner.run(job, after=after)
        if ran.reports:
            fault("worker.ended")
        for report in ran.reports:
            self._hand.end(report)
        if ran.following is None:
            runner.tidy(job, ran.reports[-1])
        else:
            self._yield_to(ran.following.job)
        return ran.following

    def _yield_to(self, job: Job) -> None:
        for runner in self._runners:
            runner.yield_to(job)
