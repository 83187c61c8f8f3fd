"""Dispatch: what each worker is to do, kept until it was told, over its line or in the answer to a heartbeat."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from cloud_api.board import Board
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.refusal import refusal
from cloud_api.workers import WorkerView
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.heartbeat import DutyOrder, Orders
from shared.nodes.placement import lanes_for

Where = Literal["mailbox", "ledger"]


class Dispatch:
    """Composes orders from memory. Nothing here waits, and an order that is given twice does no harm."""

    def __init__(
        self, *, presence: Presence, board: Board, lines: Lines, duty: Callable[[str], DutyOrder | None]
    ) -> None:
        """``duty`` returns what somebody wants of a worker and it has not done yet."""
        self._presence = presence
        self._board = board
        self._lines = lines
        self._duty = duty
        self._lock = threading.Lock()
        self._looks: dict[str, Where] = {}
        self._cancels: frozenset[str] = frozenset()
        #: This process's start number, once the ledger gave it one; workers follow the newest.
        self.epoch = 0

    def look(self, workers: Iterable[str]) -> None:
        """Have workers look in the ledger: a lane did not bring them what is theirs."""
        for worker in workers:
            self._note(worker, "ledger")
            self.push(worker)

    def cancel(self, job_ids: frozenset[str]) -> None:
        """Have those stopped that are in a worker's hand; the last call says all of them."""
        fresh = job_ids - self._cancels
        self._cancels = job_ids
        if not fresh:
            return
        for view in self._presence.workers():
            if any(report.job_id in fresh for report in view.attempts):
                self.push(view.worker)

    def ring(self, jobs: Sequence[Job], *, on_lane: bool) -> None:
        """Wake those for new jobs whom nothing else wakes.

        Over REST no lane rings, without Redis there is none, and nobody waits on a lane that nobody asked for before.
        """
        views = [view for view in self._presence.workers() if view.free] if jobs else []
        for view in views:
            mine = [job for job in jobs if job.kind in view.capabilities.kinds and job.needs.met_by(view.capabilities)]
            if not mine:
                continue
            if not on_lane or view.transport is None:
                self._note(view.worker, "ledger")
            elif view.transport == "rest":
                self._note(view.worker, "mailbox")
            elif {job.lane for job in mine} <= set(lanes_for(view.capabilities)):
                continue
            self.push(view.worker)

    def orders(self, worker: str) -> Orders:
        """Return what a worker is to do now; an order to look is given once."""
        view = self._presence.find(worker)
        if view is None:
            return Orders(epoch=self.epoch, lanes=())
        with self._lock:
            where = self._looks.pop(worker, None)
        refused = refusal(view.schema_version)
        held = {report.job_id for report in view.attempts}
        return Orders(
            epoch=self.epoch,
            lanes=() if refused else self._lanes(view),
            look=where,
            cancel=tuple(sorted(held & self._cancels)),
            duty=self._duty(worker),
            refused=refused,
        )

    def push(self, worker: str) -> None:
        """Tell a worker over its line, if it holds one; else its next heartbeat is answered so."""
        if not self._lines.is_open(worker):
            return
        orders = self.orders(worker)
        if not self._lines.tell(worker, orders) and orders.look is not None:
            self._note(worker, orders.look)

    def _note(self, worker: str, where: Where) -> None:
        with self._lock:
            # Who looks in the ledger finds what a lane would have brought, too.
            if self._looks.get(worker) != "ledger":
                self._looks[worker] = where

    def _lanes(self, view: WorkerView) -> tuple[str, ...]:
        asked = tuple(job.needs for job in self._board.snapshot().open_jobs if job.state is State.QUEUED)
        return lanes_for(view.capabilities, asked)
