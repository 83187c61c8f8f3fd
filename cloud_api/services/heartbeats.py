"""Hearing workers and answering with their orders: memory only, whatever they say."""

from __future__ import annotations

from cloud_api.board import Board
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.reconcile.passes import Pass
from shared.jobs.states import State
from shared.nodes.heartbeat import Heartbeat, Orders
from shared.nodes.placement import lanes_for


class Heartbeats:
    """The plane's end of the conversation with every worker."""

    def __init__(self, *, presence: Presence, board: Board, work: Pass, reconciler: Reconciler) -> None:
        self._presence = presence
        self._board = board
        self._work = work
        self._reconciler = reconciler
        #: This process's start number, once the ledger gave it one; workers follow the newest.
        self.epoch = 0

    async def hear(self, heartbeat: Heartbeat) -> Orders:
        """Take in a heartbeat; return the worker's lanes and what it should do."""
        if self._presence.hear(heartbeat):
            self._reconciler.poke()
        asked = tuple(job.needs for job in self._board.snapshot().open_jobs if job.state is State.QUEUED)
        held = {report.job_id for report in heartbeat.attempts}
        look = heartbeat.worker in self._work.looks
        self._work.looks.discard(heartbeat.worker)
        return Orders(
            epoch=self.epoch,
            lanes=lanes_for(heartbeat.capabilities, asked),
            look="ledger" if look else None,
            cancel=tuple(sorted(held & self._work.cancels)),
        )
