"""When what is known of published text is out of date: a worker says that a job ended, or a job moved on the board."""

from __future__ import annotations

from typing import cast

import pytest
from plane_factories import a_heartbeat, a_job

from cloud_api.board import Board
from cloud_api.dispatch import Dispatch
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.services.heartbeats import Heartbeats
from cloud_api.usage import Usage
from shared.nodes.heartbeat import Orders
from shared.timing import Timing
from tests.unit.plane.asyncio_apart import run_apart


class _Quiet:
    """Takes in what heartbeats lead to, and does nothing."""

    def hear(self, _: object) -> None:
        """Take in what was used."""

    def poke(self) -> None:
        """Take in that something changed."""

    def orders(self, _: str) -> Orders:
        """Return none."""
        return Orders(epoch=1, lanes=())


@pytest.mark.parametrize("ends", [0, 1, 3])
def test_an_end_is_heard_at_once(ends: int) -> None:
    """A heartbeat with ends in it, however many, says once that something may have been published; others do not."""
    quiet, heard = _Quiet(), list[str]()
    heartbeats = Heartbeats(
        presence=Presence(timing=Timing()),
        dispatch=cast(Dispatch, quiet),
        usage=cast(Usage, quiet),
        reconciler=cast(Reconciler, quiet),
        ended=lambda: heard.append("ended"),
    )
    ended = [{"job_id": a_job().id, "attempt": 1, "state": "succeeded"} for _ in range(ends)]

    run_apart(heartbeats.hear(a_heartbeat(ended=ended)))

    assert heard == ["ended"] * bool(ends)


def test_every_move_of_a_job_changes_the_board() -> None:
    """What a search goes by differs after a submit and after a pass that saw an end, and stays while nothing moves."""
    board, job = Board(), a_job()
    versions = [board.snapshot().version]
    for move in (
        lambda: board.note(job),
        lambda: board.load((job,), ()),
        lambda: board.load((), (job,)),
        lambda: board.load((), (job,)),
    ):
        move()
        versions.append(board.snapshot().version)

    assert len(set(versions[:4])) >= 3
    assert versions[3] == versions[4] != versions[1]
