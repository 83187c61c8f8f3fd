"""The worker: one thread claims, one in each slot works, two talk with the control plane, the main one waits."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_worker.claims import Claims
from edge_worker.duty import OwnDuty
from edge_worker.heartbeats import Heartbeats
from edge_worker.line import Line
from edge_worker.slots import Slots
from edge_worker.stops import Stops
from shared.logs import get_logger
from shared.nodes.heartbeat import Orders
from shared.timing import Timing

log = get_logger(__name__)

#: Seconds beyond twice the grace in which a worker that stops has given everything back.
_LAST = 5.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """All the parts of a worker process."""

    claims: Claims
    slots: Slots
    stops: Stops
    heartbeats: Heartbeats
    line: Line
    timing: Timing
    #: Set by whoever wants the end, and by whoever hears that the machine goes to sleep.
    stopped: threading.Event
    sleeping: threading.Event
    scratch: Path

    def run(self) -> bool:
        """Work until ``stop``; give back what is in hand, say goodbye. Return whether that was on request."""
        threads = [
            _thread("claims", self._claim),
            _thread("heartbeats", self.heartbeats.run),
            _thread("line", self.line.run),
        ]
        self.slots.start()
        for thread in (*threads, _thread("sleep", self._tell_sleep)):
            thread.start()
        # Each ends by itself only when it broke: then the service is better started anew.
        while not self.stopped.wait(1.0) and self.slots.alive and all(thread.is_alive() for thread in threads):
            pass
        asked = self.stopped.is_set()
        # Where one thread broke, the others end like this.
        self.stopped.set()
        self.sleeping.set()
        self._give_back(threads[0])
        self.line.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.heartbeats.stop("stopping")
        log.info("worker_stopped", on_request=asked)
        return asked

    def stop(self) -> None:
        """Ask for the end; safe from any thread."""
        self.stopped.set()

    def _give_back(self, claiming: threading.Thread) -> None:
        """Return once nothing is in hand any more, or when that takes longer than it may."""
        end = time.monotonic() + self.timing.grace * 2 + _LAST
        self.stops.shut_down()
        self.claims.close()
        claiming.join(self.timing.grace)
        left = max(0.0, end - time.monotonic())
        self.slots.close(gently=max(0.0, left - _LAST), within=left)

    def _claim(self) -> None:
        while not self.stopped.is_set() and self.slots.await_free():
            job = self.claims.next(overdue=lambda: self.slots.overdue)
            if job is not None:
                self.slots.give(job)

    def _tell_sleep(self) -> None:
        """Tell the plane that the machine goes to sleep, so that it is not taken for lost; what runs stays in hand."""
        while True:
            self.sleeping.wait()
            if self.stopped.is_set():
                return
            self.sleeping.clear()
            log.info("sleep_announced")
            self.heartbeats.say_goodbye("sleeping")


def _thread(name: str, work: Callable[[], object]) -> threading.Thread:
    return threading.Thread(target=work, name=name, daemon=True)


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """What the orders of the control plane do here."""

    claims: Claims
    stops: Stops
    duty: OwnDuty
    #: Called when the plane should hear of it at once.
    tell: Callable[[], None]

    def __call__(self, orders: Orders) -> None:
        """Follow them."""
        if orders.duty is not None and self.duty.follow(orders.duty):
            self.claims.interrupt()
            self.tell()
        self.claims.refuse(orders.refused)
        self.claims.lanes(orders.lanes)
        for job_id in orders.cancel:
            self.stops.cancel(job_id)
        if orders.look is not None:
            self.claims.look(orders.look)
