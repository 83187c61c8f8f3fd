"""The handful: short jobs are started and ended several at a time, and nothing waits behind one that is not short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from edge_twins import WORKER, Clock, Compute, Lanes, Ledger, an_attempt, visible

from edge_worker.attempt.messages import Done, Ended, Progress, RunTask
from edge_worker.attempt.process import ComputeDied
from edge_worker.conditions import Conditions
from edge_worker.handful import SOON, Ran
from edge_worker.relay import Claimant, Relay
from edge_worker.runner import Runner
from edge_worker.settle import Settler
from edge_worker.stops import Stops
from shared.errors import LedgerRefused
from shared.ids import new_job_id
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.publish import Refused
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import AttemptReport, EndReport
from shared.timing import Timing

UNCHANGED = Done(summary={"unchanged": True}, knowledge=None)
FAILED = Ended(signal="permanent", reason="no_files", detail="A sentence.")


class House:
    """A slot's runner over lanes with many jobs, and what a hand would show meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock, self.lease_clock = Clock(), Clock()
        self.ledger, self.compute, self.lanes = Ledger(), Compute(self.clock), Lanes()
        self.paused = False
        self.stops = Stops(paused=lambda: self.paused)
        self.listed: list[str] = []
        self.ends: list[EndReport] = []
        self.aside: list[str] = []
        timing = Timing(grace=5.0, renew=300.0, heartbeat=20.0, lease=600.0)
        self.runner = Runner(
            process=self.compute.process,
            keeper=self.ledger.keeper,
            publisher=self.ledger.publisher,
            settler=Settler(
                keeper=self.ledger.keeper, publisher=self.ledger.publisher, vector_store="lancedb", timing=timing
            ),
            stops=self.stops,
            conditions=Conditions(
                worker=WORKER, work_dir=folder / "scratch", job_timeout=3600.0, most=8, timing=timing
            ),
            report=self._list,
            ended=self._end,
            relay=Relay(
                worker=WORKER,
                capabilities=Capabilities(node="den"),
                lease=600.0,
                turns=self.ledger.turns,
                mailbox=self.lanes.mailbox,
                claimant=Claimant(lanes=lambda: ("ingest",), leave=self.aside.append, lost=lambda _: None),
            ),
            clock=self.clock,
            lease_clock=self.lease_clock,
        )

    def fill(self, count: int) -> list[str]:
        """Let so many ids lie on the lane; return them."""
        ids = [new_job_id() for _ in range(count)]
        self.lanes.ids.extend(ids)
        return ids

    def go(self, *script: Any, times: int = 1, after: Ran | None = None) -> Ran:
        """Run so many jobs one after another, as a slot does; the last one goes by the script."""
        ran = after
        for number in range(times):
            self.compute.script = list(script) if number == times - 1 else [UNCHANGED]
            following = ran.following if ran is not None else None
            job = following.job if following is not None else an_attempt()
            ran = self.runner.run(job, after=following)
            for report in ran.reports:
                self._end(report)
        assert ran is not None
        return ran

    def grown(self) -> Ran:
        """Run short jobs until a hand of four was just started; nothing of it is begun."""
        return self.go(UNCHANGED, times=3)

    def turns(self) -> list[tuple[int, int]]:
        """Return how many jobs each turn ended, and how many were to follow."""
        return [(len(turn["ended"]), len(turn["following"])) for _, turn in self.ledger.named("turn")]

    def back(self) -> list[tuple[list[str], str]]:
        """Return what was given back in each statement, and why."""
        return [(how["job_ids"], how["reason"]) for _, how in self.ledger.named("give_back")]

    def ran(self) -> list[str]:
        """Return the jobs that the compute process was given."""
        return [message.task["job_id"] for message in self.compute.said if isinstance(message, RunTask)]

    def learns(self) -> Done:
        """Return what a compute process says when it has something to publish."""
        path = self.folder / "knowledge.jsonl"
        Knowledge(commit="1" * 40, files=(), edges=(), stats={}).write(path)
        return Done(summary={"files": 0}, knowledge=path)

    def _list(self, report: AttemptReport) -> None:
        if report.job_id not in self.listed:
            self.listed.append(report.job_id)

    def _end(self, report: EndReport) -> None:
        self.listed.remove(report.job_id)
        self.ends.append(report)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A runner that has run nothing."""
    return House(tmp_path)


def test_a_hand_of_short_jobs_grows(house: House) -> None:
    """While jobs are short, twice as many start with each turn, up to the limit, and end with the next one."""
    ids = house.fill(30)

    house.go(UNCHANGED, times=23)

    assert house.turns() == [(1, 2), (2, 4), (4, 8), (8, 8), (8, 8)]
    assert house.ran()[1:] == ids[:22]
    assert house.listed == ids[22:30]


def test_each_job_in_hand_is_listed_until_its_end_is_recorded(house: House) -> None:
    """What was started is listed before anything else is done, and what was done for as long as its end waits."""
    ids = house.fill(6)
    ran = house.grown()
    assert house.listed == ids[2:6]

    house.go(UNCHANGED, times=3, after=ran)

    assert house.listed == ids[2:6]
    assert len(house.ends) == 3


def test_a_hand_falls_due_for_renewal(house: House) -> None:
    """A machine that slept over a hand renews before it claims."""
    house.fill(6)
    house.grown()

    house.lease_clock.now += 301.0

    assert house.runner.overdue


def test_jobs_that_take_a_while_are_started_one_by_one(house: House) -> None:
    """When one job takes about as long as all of a hand should, the next hand has one."""
    house.fill(6)

    def work() -> None:
        house.clock.now += SOON * 0.6 - 0.2

    house.compute.script = []
    house.go(work, UNCHANGED)

    assert house.turns() == [(1, 1)]


def test_a_slow_job_goes_on_alone(house: House) -> None:
    """When a job turns out to be slow, what was done is recorded and what was to follow goes back, while it runs."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    seen: list[Any] = []

    def look() -> None:
        seen.append((list(house.listed), [report.job_id for report in house.ends[3:]]))

    last = house.go(look, look, UNCHANGED, after=ran)

    assert seen[1] == ([ids[3]], [*ids[4:6], ids[2]])
    assert house.back() == [(ids[4:6], "started_ahead")]
    assert [report.state for report in house.ends[3:]] == [State.QUEUED, State.QUEUED, State.SUCCEEDED, State.SUCCEEDED]
    assert (last.following, house.listed, house.ran()[-1]) == (None, [], ids[3])


def test_progress_does_not_keep_a_hand_waiting(house: House) -> None:
    """A slow job that tells how far it is goes on alone, too."""
    ids = house.fill(6)
    ran = house.grown()

    def word() -> None:
        house.clock.now += 0.01

    house.go(
        *[step for _ in range(8) for step in (word, Progress(stage="train", done=1, total=9))], UNCHANGED, after=ran
    )

    assert house.back() == [(ids[3:6], "started_ahead")]


def test_a_silent_ledger_does_not_hold_up_the_job_that_runs(house: House) -> None:
    """What was done stays in hand until the ledger is back; the job beside it hears of its cancel meanwhile."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    house.ledger.away = 2

    house.go(
        lambda: None,
        lambda: house.stops.cancel(ids[3]),
        lambda: None,
        Ended(signal="cancelled", reason="cancel_requested", detail="."),
        after=ran,
    )

    assert house.compute.words()[-1] == "StopTask"
    ends = {report.job_id: report.state for report in house.ends[3:]}
    assert ends == {
        ids[2]: State.SUCCEEDED,
        ids[3]: State.CANCELLED,
        ids[4]: State.QUEUED,
        ids[5]: State.QUEUED,
    }
    assert house.listed == []


@pytest.mark.parametrize("how", ["fails", "dies", "publishes", "breaks", "removes"])
def test_a_job_that_takes_an_end_of_its_own_ends_the_hand(house: House, how: str) -> None:
    """Whatever is not done at once and without a result is settled by itself; the others end or go back first."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    steps: dict[str, Any] = {
        "fails": FAILED,
        "dies": ComputeDied(-9),
        "publishes": house.learns(),
        "breaks": RuntimeError("it broke"),
        "removes": UNCHANGED,
    }
    if how == "removes":
        assert ran.following is not None
        object.__setattr__(ran.following.job, "kind", Kind.REMOVE)

    last = house.go(steps[how], after=ran)

    ends = {report.job_id: report.state for report in house.ends[3:]}
    own = {"fails": State.FAILED, "publishes": State.SUCCEEDED, "removes": State.SUCCEEDED}.get(how, State.QUEUED)
    assert ends == {ids[2]: State.SUCCEEDED, ids[3]: own, ids[4]: State.QUEUED, ids[5]: State.QUEUED}
    assert (last.following, house.listed) == (None, [])


@pytest.mark.parametrize("why", ["worker_stopping", "worker_paused"])
def test_what_is_not_begun_when_the_worker_stops_goes_back(house: House, why: str) -> None:
    """A worker that stops or pauses begins nothing more of its hand; what was done is recorded."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    if why == "worker_stopping":
        house.stops.shut_down()
    else:
        house.paused = True

    house.go(UNCHANGED, after=ran)

    assert ids[3] not in house.ran()
    assert house.back() == [(ids[3:6], why)]
    assert [report.state for report in house.ends[3:]].count(State.SUCCEEDED) == 1
    assert house.listed == []


def test_what_is_cancelled_before_it_is_begun_is_not_run(house: House) -> None:
    """A job of the hand that is cancelled ends as cancelled, unheard of by the compute process; the others run."""
    ids = house.fill(6)
    ran = house.grown()
    house.stops.cancel(ids[2])

    last = house.go(UNCHANGED, times=4, after=ran)

    assert house.ran()[-3:] == ids[3:6]
    ends = {report.job_id: report.state for report in house.ends[3:]}
    assert ends == {ids[2]: State.CANCELLED, **dict.fromkeys(ids[3:6], State.SUCCEEDED)}
    assert (house.back(), last.following, house.listed) == ([], None, [])


def test_the_last_of_a_hand_that_is_cancelled_holds_no_end_up(house: House) -> None:
    """When nothing is left to run, what was done before it is recorded, and more is started."""
    ids = house.fill(8)
    ran = house.go(UNCHANGED, times=3, after=house.grown())
    house.stops.cancel(ids[5])

    last = house.go(UNCHANGED, after=ran)

    ends = {report.job_id: report.state for report in house.ends[3:]}
    assert ends == {**dict.fromkeys(ids[2:5], State.SUCCEEDED), ids[5]: State.CANCELLED}
    assert last.following is not None
    assert house.listed == ids[6:8]


def test_a_cancel_that_comes_between_done_and_recorded_holds(house: House) -> None:
    """A job whose cancel the ledger heard of before its end does not succeed; the others of its hand do."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=3, after=house.grown())
    house.ledger.refused = frozenset({ids[3]})

    def refuse(job: Job, **_: Any) -> None:
        assert job.id == ids[3]
        raise Refused("cancelled")

    house.ledger.succeed = refuse  # type: ignore[method-assign]  # the twin's, for this one job
    last = house.go(UNCHANGED, after=ran)

    ends = {report.job_id: report.state for report in house.ends[3:]}
    assert ends == {ids[2]: State.SUCCEEDED, ids[3]: State.CANCELLED, ids[4]: State.SUCCEEDED, ids[5]: State.SUCCEEDED}
    assert (last.following, house.listed) == (None, [])


def test_a_turn_that_nobody_answered_is_told_one_by_one(house: House) -> None:
    """When the ledger fell silent in a turn, each end is told again by itself, and nothing more is run."""
    house.fill(9)
    ran = house.go(UNCHANGED, times=3, after=house.grown())
    house.ledger.moves.clear()

    house.ledger.away = 1

    last = house.go(UNCHANGED, after=ran)

    assert [name for name, _ in house.ledger.moves] == ["succeed"] * 4
    assert {report.state for report in house.ends} == {State.SUCCEEDED}
    assert (last.following, house.listed) == (None, [])


def test_a_result_that_is_refused_fails_alone(house: House) -> None:
    """A result that the ledger cannot hold ends its own job as failed, and the others of its hand succeed."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=3, after=house.grown())
    house.ledger.publish_error = LedgerRefused()

    def succeed(job: Job, **_: Any) -> None:
        if job.id == ids[3]:
            raise LedgerRefused

    house.ledger.succeed = succeed  # type: ignore[method-assign]  # the twin's, which refuses one of them
    house.go(UNCHANGED, after=ran)

    ends = {report.job_id: report.state for report in house.ends[3:]}
    assert ends == {ids[2]: State.SUCCEEDED, ids[3]: State.FAILED, ids[4]: State.SUCCEEDED, ids[5]: State.SUCCEEDED}


@pytest.mark.parametrize("begun", [0, 1])
def test_an_older_attempt_in_hand_is_given_up(house: House, begun: int) -> None:
    """A job of the hand that this worker was given again is not run a second time; the others are run."""
    ids = house.fill(6)
    ran = house.grown()

    house.runner.yield_to(an_attempt(id=ids[2 + begun], attempt=2))
    ran = house.go(UNCHANGED, times=1 + begun, after=ran)

    assert ids[2 + begun] not in house.ran()
    ends = {report.job_id: report.state for report in house.ends}
    assert ends[ids[2 + begun]] is State.QUEUED
    assert house.back() == []
    assert ran.following is not None
    assert ran.following.job.id == ids[3 + begun]


def test_what_is_visible_reaches_each_job_of_a_hand(house: House) -> None:
    """Each job is told what its turn told of its repository, and the ledger is asked for nothing more."""
    house.fill(6)
    house.ledger.seen = visible(4)
    ran = house.grown()
    house.ledger.moves.clear()

    house.go(UNCHANGED, times=3, after=ran)

    told = [message.task for message in house.compute.said if isinstance(message, RunTask)][-3:]
    assert [task["published"]["generation"] for task in told] == [4, 4, 4]
    assert house.ledger.moves == []


def test_the_mailbox_forgets_a_whole_hand_on_the_way_to_the_next(house: House) -> None:
    """The records of a hand go with the look for the next one, each once."""
    ids = house.fill(6)

    house.go(UNCHANGED, times=4, after=house.grown())

    assert house.lanes.forgotten == ids


def test_a_cold_start_holds_up_no_hand(house: House) -> None:
    """When the compute process died between two jobs, the others go back before it is started again."""
    ids = house.fill(6)
    ran = house.grown()
    house.compute.pid = None
    told: list[Any] = []
    warm = house.compute.warm
    house.compute.warm = lambda: (told.append(house.back()), warm())[1]  # type: ignore[method-assign]  # the twin's

    house.go(UNCHANGED, after=ran)

    assert told == [[(ids[3:6], "started_ahead")]]


def test_a_stop_is_seen_before_a_hand_is_let_go(house: House) -> None:
    """A job that is cancelled while it runs hears of it before the ledger is asked, which may take its time."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    seen: list[tuple[str, int]] = []

    house.go(
        lambda: house.stops.cancel(ids[3]),
        lambda: seen.append((house.compute.words()[-1], len(house.back()))),
        Ended(signal="cancelled", reason="cancel_requested", detail="."),
        after=ran,
    )

    assert seen == [("StopTask", 0)]
    assert house.back() == [(ids[4:6], "started_ahead")]


def test_a_silent_ledger_is_asked_once_and_then_less_and_less(house: House) -> None:
    """A release that nobody answers is not followed by an end; what was done is tried again after longer and longer."""
    house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    house.ledger.away = 1_000
    tried: list[float] = []
    note = house.ledger._note

    def noted(name: str, **given: Any) -> None:
        tried.append(house.clock.now)
        note(name, **given)

    house.ledger._note = noted  # type: ignore[method-assign]  # the twin's

    def back() -> None:
        house.ledger.away = 0

    began = house.clock.now
    house.go(*[lambda: None] * 3000, back, UNCHANGED, after=ran)

    assert [round(at - began) for at in tried[:4]] == [0, 20, 60, 140]


def test_a_cancel_of_what_is_not_in_hand_any_more_is_forgotten(house: House) -> None:
    """A job that was given back, or whose end was recorded, may come again: no old order to stop is left."""
    ids = house.fill(6)
    ran = house.go(UNCHANGED, times=1, after=house.grown())
    for job_id in (ids[2], ids[4]):
        house.stops.cancel(job_id)

    house.go(lambda: None, lambda: None, UNCHANGED, after=ran)

    assert [house.stops.why(job_id) for job_id in (ids[2], ids[4])] == [None, None]


def test_a_hand_grows_by_what_was_started(house: House) -> None:
    """Where one of two may not be started ahead, the next turn takes two off the lane again, and not four."""
    ids = house.fill(12)
    house.ledger.startable = {ids[0], *ids[2:]}

    house.go(UNCHANGED, times=2)

    assert [asked for _, asked in house.turns()] == [2, 2]


def test_what_was_started_is_in_hand_before_it_is_listed(house: House) -> None:
    """Who hears that a job was started finds it in the hand."""
    house.fill(6)
    seen: list[bool] = []
    listed = house._list

    def look(report: AttemptReport) -> None:
        if house.ledger.named("turn"):
            seen.append(any(job.id == report.job_id for job in house.runner._handful.jobs))
        listed(report)

    house.runner._report = look

    house.go(UNCHANGED)

    assert seen == [True, True]
