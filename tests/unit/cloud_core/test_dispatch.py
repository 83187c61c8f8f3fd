"""What workers are told, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from plane_factories import a_job, a_running_job

from cloud_api.board import Board
from cloud_api.dispatch import Dispatch
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from shared.ledger.migrate import latest_version
from shared.nodes.capabilities import Needs
from shared.nodes.heartbeat import AttemptReport, DutyOrder, Heartbeat, Orders
from shared.timing import Timing

DEN, PI = "den.00000000000a", "pi.00000000000b"


@dataclass
class LinesTwin:
    """Lines that are open for some workers; what was told stays."""

    open: set[str] = field(default_factory=set)
    #: Workers whose line breaks in the moment that something is told.
    broken: set[str] = field(default_factory=set)
    told: list[tuple[str, Orders]] = field(default_factory=list)

    def is_open(self, worker: str) -> bool:
        """Return whether it is open."""
        return worker in self.open

    def tell(self, worker: str, orders: Orders) -> bool:
        """Keep what is told."""
        if worker in self.broken:
            return False
        self.told.append((worker, orders))
        return True


class Desk:
    """Dispatch over a real presence and a real board."""

    def __init__(self) -> None:
        self.presence, self.board, self.lines = Presence(timing=Timing()), Board(), LinesTwin()
        self.duty: dict[str, DutyOrder] = {}
        self.dispatch = Dispatch(
            presence=self.presence, board=self.board, lines=cast(Lines, self.lines), duty=self.duty.get
        )
        self.dispatch.epoch = 7

    def hear(self, worker: str = DEN, *, gpu: bool = False, **said: Any) -> None:
        """A worker speaks."""
        able = {"node": worker.split(".", maxsplit=1)[0], "gpu": gpu, "gpu_memory": 8.0 if gpu else 0.0}
        words = {"worker": worker, "version": "0.1.0", "schema_version": latest_version(), "capabilities": able}
        self.presence.hear(Heartbeat.model_validate({**words, "mailbox": True, "transport": "tcp", **said}))


@pytest.fixture
def desk() -> Desk:
    """A dispatch that knows of nobody."""
    return Desk()


def test_a_stranger_is_given_no_lane(desk: Desk) -> None:
    """A worker that was not heard gets the plane's number and nothing to do."""
    assert desk.dispatch.orders(DEN) == Orders(epoch=7, lanes=())


def test_lanes_follow_what_is_asked_for(desk: Desk) -> None:
    """A worker's lanes name the needs of queued jobs that it meets."""
    desk.hear(gpu=True)
    desk.board.note(a_job(needs=Needs(gpu_memory=6)))
    desk.board.note(a_job(needs=Needs(gpu_memory=40)))

    lanes = desk.dispatch.orders(DEN).lanes

    assert "ingest+gpu6" in lanes
    assert not any("gpu40" in lane for lane in lanes)


def test_an_order_to_look_is_given_once(desk: Desk) -> None:
    """Who holds no line is told in the answer to its next heartbeat, and not again."""
    desk.hear()

    desk.dispatch.look({DEN})

    assert [desk.dispatch.orders(DEN).look for _ in range(2)] == ["ledger", None]


def test_an_open_line_carries_the_order_at_once(desk: Desk) -> None:
    """Who holds a line is told there, and the next heartbeat has nothing new."""
    desk.hear()
    desk.lines.open.add(DEN)

    desk.dispatch.look({DEN})

    assert [(worker, orders.look) for worker, orders in desk.lines.told] == [(DEN, "ledger")]
    assert desk.dispatch.orders(DEN).look is None


def test_a_line_that_breaks_loses_no_order(desk: Desk) -> None:
    """What could not be told over the line is told with the next heartbeat."""
    desk.hear()
    desk.lines.open.add(DEN)
    desk.lines.broken.add(DEN)

    desk.dispatch.look({DEN})

    assert desk.dispatch.orders(DEN).look == "ledger"


@pytest.mark.parametrize(
    ("said", "on_lane", "look"),
    [
        ({"transport": "tcp"}, True, None),
        ({"transport": "unix"}, True, None),
        ({"transport": "rest"}, True, "mailbox"),
        ({"transport": "rest"}, False, "ledger"),
        ({"transport": None, "mailbox": False}, True, "ledger"),
        ({"transport": "tcp"}, False, "ledger"),
        ({"transport": "rest", "duty": {"state": "paused"}}, True, None),
    ],
    ids=["tcp", "unix", "rest", "rest-not-pushed", "no-redis", "tcp-not-pushed", "paused"],
)
def test_a_new_job_rings_those_whom_no_lane_rings(
    desk: Desk, said: dict[str, Any], on_lane: bool, look: str | None
) -> None:
    """A blocking worker is woken by its lane; one over REST or without Redis is told."""
    desk.hear(**said)

    desk.dispatch.ring([a_job()], on_lane=on_lane)

    assert desk.dispatch.orders(DEN).look == look


def test_a_job_rings_only_those_that_can_take_it(desk: Desk) -> None:
    """Who lacks what a job needs, or has no slot free, is left alone."""
    desk.hear(PI, transport="rest")
    report = AttemptReport(job_id=a_running_job().id, attempt=1, repository="github.com/acme/web")
    desk.hear(DEN, gpu=True, transport="rest", attempts=[report.model_dump()])

    desk.dispatch.ring([a_job(needs=Needs(gpu=True))], on_lane=True)

    assert [desk.dispatch.orders(worker).look for worker in (DEN, PI)] == [None, None]


def test_who_is_to_look_in_the_ledger_need_not_look_in_the_mailbox(desk: Desk) -> None:
    """The wider order stays when both are wanted."""
    desk.hear(transport="rest")

    desk.dispatch.look({DEN})
    desk.dispatch.ring([a_job()], on_lane=True)

    assert desk.dispatch.orders(DEN).look == "ledger"


def test_a_cancel_goes_to_who_holds_the_job(desk: Desk) -> None:
    """Who has a cancelled job in its hand is told over its line, once, and in every answer until the end."""
    job = a_running_job()
    report = AttemptReport(job_id=job.id, attempt=1, repository=job.repository)
    desk.hear(attempts=[report.model_dump()])
    desk.hear(PI)
    desk.lines.open |= {DEN, PI}

    desk.dispatch.cancel(frozenset({job.id}))
    desk.dispatch.cancel(frozenset({job.id}))

    assert [(worker, orders.cancel) for worker, orders in desk.lines.told] == [(DEN, (job.id,))]
    assert desk.dispatch.orders(DEN).cancel == (job.id,)
    assert desk.dispatch.orders(PI).cancel == ()


def test_duty_stands_in_the_orders(desk: Desk) -> None:
    """What somebody wants of a worker is in every order until it has followed."""
    desk.hear()
    desk.duty[DEN] = DutyOrder(id="one", state="paused", note="gaming")

    assert desk.dispatch.orders(DEN).duty == desk.duty[DEN]


def test_a_worker_of_another_schema_is_given_nothing(desk: Desk) -> None:
    """It is told what to run, and has no lane."""
    desk.hear(schema_version=latest_version() - 1)

    orders = desk.dispatch.orders(DEN)

    assert orders.lanes == ()
    assert orders.refused is not None
    assert "bootstrap.py" in orders.refused


def test_a_lane_that_nobody_waits_on_yet_is_told(desk: Desk) -> None:
    """A worker that waits on its lanes is given the new one over its line when a job is the first to need it."""
    desk.hear(gpu=True)
    desk.lines.open.add(DEN)
    job = a_job(needs=Needs(gpu_memory=6))
    desk.board.note(job)

    desk.dispatch.ring([job], on_lane=True)

    assert ["ingest+gpu6" in orders.lanes for _, orders in desk.lines.told] == [True]
