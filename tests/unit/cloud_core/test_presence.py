"""Presence: who is there, who has what, and the one line that says so."""

from __future__ import annotations

import itertools

import pytest
from plane_factories import REPOSITORY, a_heartbeat, a_report, a_running_job
from presence_house import ATTIC, DEN, OTHER, House

from cloud_api.presence import Presence
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import Duty, EndReport
from shared.timing import Timing


def _failed(detail: str | None) -> EndReport:
    return EndReport(job_id=a_running_job().id, attempt=1, state=State.FAILED, detail=detail)


def test_nobody_is_offline(house: House) -> None:
    """Without any worker the line is Offline."""
    status = house.presence.status()

    assert (status.status, status.node, status.seen_seconds_ago) == ("Offline", None, None)
    assert house.presence.next_loss() is None


def test_idle_worker_is_idle(house: House) -> None:
    """A worker without a job is Idle."""
    house.hear()

    status = house.presence.status()

    assert (status.status, status.node, status.worker) == ("Idle", "den", DEN)
    assert house.states() == {DEN: "ready"}


def test_busy_worker_is_training(house: House) -> None:
    """A worker with a job names its repository and how far it is, and goes before an idle one."""
    job = a_running_job()
    house.hear(worker=OTHER)
    house.hear(worker=DEN, attempts=(a_report(job),))

    status = house.presence.status()

    assert status.status == f"Training Graph on {REPOSITORY}"
    assert (status.worker, status.repository, status.stage, status.done, status.total) == (
        DEN,
        REPOSITORY,
        "train",
        3,
        10,
    )
    assert house.presence.progress(job.id) == a_report(job)
    assert house.presence.progress(a_running_job().id) is None


def test_busy_worker_is_removing(house: House) -> None:
    """A worker that deletes a removed repository's vectors says so, and claims no training."""
    house.hear(attempts=(a_report(a_running_job(), kind=Kind.REMOVE),))

    assert house.presence.status().status == f"Removing {REPOSITORY}"


@pytest.mark.parametrize(
    ("detail", "line"), [("Disk full.", "Error: Disk full."), (None, "Error: the last job failed")]
)
def test_failure_stays_until_something_better(house: House, detail: str | None, line: str) -> None:
    """A failed job is shown as Error until the worker starts or ends another one."""
    house.hear()
    house.hear(after=20, ended=(_failed(detail),))
    house.hear(after=20)

    shown = house.presence.status().status
    house.hear(after=20, attempts=(a_report(a_running_job()),))
    house.hear(after=20)

    assert shown == line
    assert house.presence.status().status == "Idle"


def test_success_clears_the_error(house: House) -> None:
    """A job that ended well leaves nothing to complain of."""
    house.hear(ended=(_failed("x"),))
    house.hear(after=20, ended=(EndReport(job_id=a_running_job().id, attempt=1, state=State.SUCCEEDED),))

    assert house.presence.status().status == "Idle"


def test_silent_worker_is_lost_after_60_seconds(house: House) -> None:
    """A worker is there for 60 s after its last word, then it is offline and its progress is gone."""
    job = a_running_job()
    house.hear(attempts=(a_report(job),))

    house.now += 60
    there = house.states(), house.presence.next_loss()
    house.now += 0.1

    assert there == ({DEN: "working"}, 0.0)
    assert house.states() == {DEN: "offline"}
    assert house.presence.progress(job.id) is None
    status = house.presence.status()
    assert status.status == "Offline"
    assert status.seen_seconds_ago == pytest.approx(60.1)


def test_replaced_process_is_forgotten(house: House) -> None:
    """When a node speaks with a new boot id, its process from before is forgotten once it is lost or has left."""
    house.hear(worker=DEN, goodbye="stopping")
    house.hear(worker=OTHER, after=1)

    assert house.states() == {OTHER: "ready"}


def test_goodbye_does_not_forget_who_says_it(house: House) -> None:
    """A worker that left is known after its goodbye, though time goes by while that is taken in."""
    moments = itertools.count()
    presence = Presence(timing=Timing(), clock=lambda: float(next(moments)))

    presence.hear(a_heartbeat(goodbye="sleeping"))

    assert [view.state for view in presence.workers()] == ["left"]


def test_workers_of_one_node_go_to_sleep_together(house: House) -> None:
    """A lid that closes over two workers leaves both of them asleep."""
    house.hear(worker=DEN)
    house.hear(worker=OTHER, after=1)
    house.hear(worker=DEN, after=1, goodbye="sleeping")
    house.hear(worker=OTHER, after=1, goodbye="sleeping")

    assert house.states() == {DEN: "left", OTHER: "left"}


def test_last_process_of_a_node_stays_for_a_day(house: House) -> None:
    """A node that sleeps is shown for a day, then no more."""
    attic = Capabilities(node="attic")
    house.hear()
    house.hear(worker=ATTIC, capabilities=attic, after=80_000)
    before = set(house.states())
    house.hear(worker=ATTIC, capabilities=attic, after=7_000)

    assert before == {DEN, ATTIC}
    assert set(house.states()) == {ATTIC}


def test_changes_are_told(house: House) -> None:
    """Coming, taking, ending, slots, duty, abilities, the mailbox, a goodbye, a return are news; progress is none."""
    job = a_running_job()
    report = a_report(job)

    assert house.hear() is True
    assert house.hear(after=20) is False
    assert house.hear(after=20, attempts=(report,)) is True
    assert house.hear(after=20, attempts=(a_report(job, done=9),)) is False
    assert house.hear(after=20, attempts=(report,), slots=2) is True
    assert house.hear(after=20, attempts=(report,), slots=2, mailbox=True) is True
    assert house.hear(after=20, slots=2, mailbox=True) is True
    assert house.hear(after=20, slots=2, mailbox=True, ended=(_failed("x"),)) is True
    assert house.hear(after=20, slots=2, mailbox=True, goodbye="sleeping") is True
    assert house.hear(after=20, slots=2, mailbox=True) is True
    assert house.hear(after=61, slots=2, mailbox=True) is True
    paused = {"slots": 2, "mailbox": True, "duty": Duty(state="paused", seconds_left=90)}
    assert house.hear(after=20, **paused) is True
    assert house.hear(after=20, **paused | {"duty": Duty(state="paused", seconds_left=70)}) is False
    assert house.hear(after=20, **paused, capabilities=Capabilities(node="den", gpu=True)) is True


def test_free_time_counts_from_the_first_free_slot(house: House) -> None:
    """A worker is free from the moment that it said so, as long as it has a slot."""
    one, two = a_report(a_running_job()), a_report(a_running_job())
    house.hear(slots=2)
    house.hear(after=10, slots=2, attempts=(one,))
    partly = house.presence.free_for(DEN)
    house.hear(after=10, slots=2, attempts=(one, two))
    full = house.presence.free_for(DEN)
    house.hear(after=10, slots=2, attempts=(one,))
    house.now += 5

    assert (partly, full, house.presence.free_for(DEN)) == (10.0, 0.0, 5.0)
    assert house.presence.free_for(OTHER) == 0.0


def test_a_hand_full_of_short_jobs_takes_one_slot(house: House) -> None:
    """A worker that says how many slots have work is free as long as one has none, however many attempts it lists."""
    reports = tuple(a_report(a_running_job()) for _ in range(8))
    house.hear(slots=2, attempts=reports, at_work=1)
    house.now += 5
    (partly,) = house.presence.workers()
    free_for = house.presence.free_for(DEN)
    house.hear(slots=2, attempts=reports, at_work=2)
    (full,) = house.presence.workers()

    assert (partly.free, free_for, full.free, house.presence.free_for(DEN)) == (True, 5.0, False, 0.0)


def test_a_slot_that_has_nothing_in_hand_is_free(house: House) -> None:
    """A worker that tells of its last end a moment before its slot is free is not taken for busy until then."""
    house.hear(slots=1, attempts=(), at_work=1)

    (view,) = house.presence.workers()

    assert view.free


def test_free_time_begins_anew_after_a_loss(house: House) -> None:
    """Time that a worker was away was no time that it was free."""
    house.hear()
    house.hear(after=100)
    house.now += 3

    assert house.presence.free_for(DEN) == 3.0


def test_capable_workers_meet_the_needs(house: House) -> None:
    """A worker is capable of what its kinds and its machine allow, busy or not."""
    house.hear(
        attempts=(a_report(a_running_job()),), capabilities=Capabilities(node="den", kinds=(Kind.INGEST,), gpu=True)
    )

    def capable(needs: Needs, kind: str = "ingest") -> list[bool]:
        return [view.free for view in house.presence.capable(needs, kind)]

    assert capable(Needs()) == capable(Needs(gpu=True)) == capable(Needs(node="den")) == [False]
    assert capable(Needs(), "remove") == capable(Needs(gpu_memory=1)) == capable(Needs(node="attic")) == []


def test_recalled_workers_age_and_are_spoken_over(house: House) -> None:
    """What the process before knew is shown with its age until the worker speaks itself."""
    house.presence.recall(a_heartbeat(worker=OTHER), 30.0)
    house.hear()
    house.presence.recall(a_heartbeat(attempts=(a_report(a_running_job()),)), 30.0)

    views = {view.worker: view for view in house.presence.workers()}

    assert views[OTHER].seen_seconds_ago == 30.0
    assert views[DEN].attempts == ()


def test_so_many_workers_are_remembered_and_no_more() -> None:
    """Whoever has a worker's token cannot fill the memory with names: the longest silent are forgotten."""
    moments = itertools.count()
    presence = Presence(timing=Timing(), clock=lambda: next(moments) / 1000)

    for number in range(250):
        presence.hear(a_heartbeat(worker=f"n{number}.{number:012x}", capabilities={"node": f"n{number}"}))

    assert len(presence.workers()) == 200
    assert presence.find(f"n249.{249:012x}") is not None
    assert presence.find(f"n0.{0:012x}") is None
