"""The worker: one thread works, one tells the control plane, and the main one waits to be asked to stop."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.process import ComputeProcess
from edge_worker.claims import Claims
from edge_worker.hand import Hand
from edge_worker.heartbeats import Heartbeats
from edge_worker.runner import Runner, Stops
from shared.logs import get_logger
from shared.nodes.heartbeat import Orders
from shared.timing import Timing

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Worker:
    """All the parts of a worker process."""

    claims: Claims
    runner: Runner
    stops: Stops
    hand: Hand
    heartbeats: Heartbeats
    process: ComputeProcess
    timing: Timing
    stopped: threading.Event
    scratch: Path

    def run(self) -> bool:
        """Work until ``stop``; give back what is in hand, say goodbye. Return whether that was on request."""
        worker = threading.Thread(target=self._work, name="work", daemon=True)
        teller = threading.Thread(target=self.heartbeats.run, name="heartbeats", daemon=True)
        worker.start()
        teller.start()
        # Either thread ends by itself only when it broke: then the service is better started anew.
        while not self.stopped.wait(1.0) and worker.is_alive() and teller.is_alive():
            pass
        asked = self.stopped.is_set()
        # Where one thread broke, the other one ends like this.
        self.stopped.set()
        self.stops.shut_down()
        self.claims.close()
        worker.join(self.timing.grace * 2 + 5)
        self.process.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.heartbeats.stop("stopping")
        log.info("worker_stopped", on_request=asked)
        return asked

    def stop(self) -> None:
        """Ask for the end; safe in a signal handler."""
        self.stopped.set()

    def _work(self) -> None:
        while not self.stopped.is_set():
            job = self.claims.next()
            if job is not None:
                report = self.runner.run(job)
                self.hand.end(report)
                self.runner.tidy(job, report)


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """What the orders of the control plane do here."""

    claims: Claims
    stops: Stops

    def __call__(self, orders: Orders) -> None:
        """Follow them."""
        self.claims.lanes(orders.lanes)
        for job_id in orders.cancel:
            self.stops.cancel(job_id)
        if orders.look is not None:
            self.claims.look()
