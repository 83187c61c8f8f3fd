"""The hand: what runs, what ended, and when the plane is to hear of it."""

from __future__ import annotations

import pytest
from edge_twins import Clock, an_attempt
from plane_factories import a_report

from edge_worker.hand import Hand
from shared.jobs.states import State
from shared.nodes.heartbeat import AttemptReport, EndReport, Heartbeat


class House:
    """A hand that counts how often it asked for a heartbeat."""

    def __init__(self) -> None:
        self.clock, self.tellings = Clock(), 0
        self.hand = Hand(tell=self._tell, every=2.0, clock=self.clock)
        self.job = an_attempt()

    def report(self, stage: str, done: int) -> AttemptReport:
        """Let the attempt be so far."""
        report = a_report(self.job, stage=stage, done=done)
        self.hand.report(report)
        return report

    def end(self, attempt: int = 1) -> EndReport:
        """Let an attempt be over."""
        report = EndReport(job_id=self.job.id, attempt=attempt, state=State.SUCCEEDED)
        self.hand.end(report)
        return report

    def _tell(self) -> None:
        self.tellings += 1


@pytest.fixture
def house() -> House:
    """An empty hand."""
    return House()


def test_a_start_is_told_at_once(house: House) -> None:
    """The first word of an attempt asks for a heartbeat."""
    report = house.report("start", 0)

    assert house.tellings == 1
    assert house.hand.show() == ((report,), ())


def test_a_new_stage_is_told_at_once(house: House) -> None:
    """Every stage asks for a heartbeat, however soon it follows the last."""
    for stage in ("start", "fetch", "parse"):
        house.report(stage, 0)

    assert house.tellings == 3


def test_progress_is_told_now_and_then(house: House) -> None:
    """Progress within a stage asks for a heartbeat once in two seconds, and the last of it is what is shown."""
    house.report("train", 0)

    for done in range(1, 101):
        house.clock.now += 0.1
        last = house.report("train", done)

    assert house.tellings in {5, 6}
    assert house.hand.show()[0] == (last,)


def test_an_end_is_told_at_once(house: House) -> None:
    """An attempt that is over is in the hand no more, and its end waits to be told."""
    house.report("train", 3)

    end = house.end()

    assert house.tellings == 2
    assert house.hand.show() == ((), (end,))


def test_an_end_waits_until_it_was_heard(house: House) -> None:
    """Only those ends are forgotten that the plane heard of."""
    first = house.end(1)
    _, told = house.hand.show()
    second = house.end(2)

    house.hand.heard(told)

    assert told == (first,)
    assert house.hand.show() == ((), (second,))


def test_ends_are_told_as_many_as_a_heartbeat_holds(house: House) -> None:
    """After a long silence the ends come in portions that the plane accepts, oldest first, and none is lost."""
    ends = [house.end(attempt) for attempt in range(1, 301)]
    most = Heartbeat.model_fields["ended"].metadata[0].max_length

    first = house.hand.show()[1]
    house.hand.heard(first)
    rest = house.hand.show()[1]

    assert len(first) == most
    assert [*first, *rest] == ends


def test_two_attempts_of_one_job_are_two_things_in_hand(house: House) -> None:
    """A worker that was given its own job again still lists the new attempt when the old one ends."""
    house.report("train", 1)
    again = a_report(house.job, stage="start", done=0).model_copy(update={"attempt": 2})
    house.hand.report(again)

    house.end(attempt=1)

    assert house.hand.show()[0] == (again,)
