"""Presence: who is there, who has what, and the one line that says so."""

from __future__ import annotations

from typing import Any

import pytest
from plane_factories import REPOSITORY, a_heartbeat, a_report, a_running_job

from cloud_api.delivery import Delivery
from cloud_api.keepsake import Keepsake
from cloud_api.presence import Presence
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import EndReport
from shared.timing import Timing

DEN, OTHER = "den.0123456789ab", "den.ffffffffffff"


class House:
    """A presence on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.presence = Presence(timing=Timing(), clock=lambda: self.now)

    def hear(self, *, after: float = 0.0, **said: Any) -> bool:
        """Let time go by, then a worker speak."""
        self.now += after
        return self.presence.hear(a_heartbeat(**said))

    def states(self) -> dict[str, str]:
        """Return each worker's state."""
        return {view.worker: view.state for view in self.presence.workers()}

    def holds(self, job: Job, *, since: float, worker: str = DEN) -> bool:
        """Ask whether a worker may have a job that began so long ago."""
        return self.presence.holds(worker, job.id, 1, since=since)


@pytest.fixture
def house() -> House:
    """A presence that has heard nobody."""
    return House()


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


@pytest.mark.parametrize("goodbye", ["stopping", "sleeping"])
def test_goodbye_is_no_loss(house: House, goodbye: str) -> None:
    """A worker that took its leave has left; it never becomes offline, and gets nothing."""
    house.hear(goodbye=goodbye)
    left = house.states()
    house.now += 3600

    assert left == house.states() == {DEN: "left"}
    assert house.presence.status().status == "Offline"
    assert house.presence.capable(Needs(), "ingest") == []
    assert house.presence.free_for(DEN) == 0.0


def test_worker_of_another_version_gets_nothing(house: House) -> None:
    """A worker whose schema differs is shown as too old and given no job."""
    house.hear(schema_version=1)

    assert house.states() == {DEN: "too_old"}
    assert house.presence.capable(Needs(), "ingest") == []


def test_replaced_process_is_forgotten(house: House) -> None:
    """When a node speaks with a new boot id, its process from before is forgotten once it is lost or has left."""
    house.hear(worker=DEN, goodbye="stopping")
    house.hear(worker=OTHER, after=1)

    assert house.states() == {OTHER: "ready"}


def test_last_process_of_a_node_stays_for_a_day(house: House) -> None:
    """A node that sleeps is shown for a day, then no more."""
    attic = Capabilities(node="attic")
    house.hear()
    house.hear(worker="attic.0123456789ab", capabilities=attic, after=80_000)
    before = set(house.states())
    house.hear(worker="attic.0123456789ab", capabilities=attic, after=7_000)

    assert before == {DEN, "attic.0123456789ab"}
    assert set(house.states()) == {"attic.0123456789ab"}


def test_listed_attempt_is_held(house: House) -> None:
    """What a worker lists it has, until it is lost."""
    job = a_running_job()
    house.hear(attempts=(a_report(job),))

    house.now += 60
    held = house.holds(job, since=600)
    house.now += 1

    assert held
    assert not house.holds(job, since=600)


def test_attempt_that_is_listed_no_longer_is_lost(house: House) -> None:
    """A heartbeat that was composed after the start and does not list the attempt ends it at once."""
    job = a_running_job()
    house.hear(after=20, attempts=(a_report(job),))
    house.hear(after=20)

    assert not house.holds(job, since=30)


def test_other_attempt_of_the_same_job_is_another(house: House) -> None:
    """A worker that lists attempt 2 does not have attempt 1."""
    job = a_running_job()
    house.hear()
    house.hear(after=20, attempts=(a_report(job, attempt=2),))

    assert not house.holds(job, since=30)
    assert house.presence.holds(DEN, job.id, 2, since=30)


@pytest.mark.parametrize(("since", "held"), [(0.0, True), (19.9, True), (20.0, True), (20.1, False), (600.0, False)])
def test_heartbeat_under_way_does_not_know_a_new_job(house: House, since: float, held: bool) -> None:
    """However long a heartbeat was under way, it was composed after its predecessor was heard, and proves no more."""
    house.hear()
    house.hear(after=20)

    assert house.holds(a_running_job(), since=since) is held


def test_first_heartbeat_proves_nothing(house: House) -> None:
    """A heartbeat without a predecessor may be from before any start, so an attempt that it does not list is held."""
    house.hear()

    assert house.holds(a_running_job(), since=600)


def test_recalled_heartbeat_is_a_predecessor(house: House) -> None:
    """What a worker told the process before is told before what it tells this one."""
    house.presence.recall(a_heartbeat(), 30.0)
    house.hear()

    assert house.holds(a_running_job(), since=30)
    assert not house.holds(a_running_job(), since=31)


def test_start_after_the_last_heartbeat_is_held(house: House) -> None:
    """A job that began after the worker last spoke is the worker's until its next word."""
    house.hear()
    house.now += 15

    assert house.holds(a_running_job(), since=10)


def test_worker_that_left_holds_what_it_lists_alone(house: House) -> None:
    """After a goodbye only what was listed in it may still be there."""
    listed, other = a_running_job(), a_running_job()
    house.hear(attempts=(a_report(listed),), goodbye="sleeping")

    assert house.holds(listed, since=600)
    assert not house.holds(other, since=0)


def test_unheard_worker_has_a_minute_after_the_planes_start(house: House) -> None:
    """A plane that has just begun believes that a job is held, until every worker could have spoken."""
    job = a_running_job()

    early = house.holds(job, since=600)
    house.now += 60

    assert early
    assert not house.holds(job, since=600)


def test_changes_are_told(house: House) -> None:
    """Coming, taking, ending, slots, the mailbox, a goodbye and a return are changes; progress is none."""
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


class Notes(Delivery):
    """A delivery that keeps notes in memory."""

    def __init__(self) -> None:
        super().__init__(None, pause=1, ttl=1)
        self.kept: list[str] = []

    def keep_note(self, name: str, text: str) -> None:
        """Keep it."""
        self.kept.append(text)

    def read_note(self, name: str) -> str | None:
        """Return the last one."""
        return self.kept[-1] if self.kept else None


def test_keepsake_survives_a_restart(house: House) -> None:
    """The next process shows who was there, with their age, and what is unchanged is not written twice."""
    notes, job = Notes(), a_running_job()
    house.hear(attempts=(a_report(job),))
    house.now += 5
    keepsake = Keepsake(house.presence, notes, now=lambda: 50_000.0)
    keepsake.keep()
    keepsake.keep()
    later = House()

    Keepsake(later.presence, notes, now=lambda: 50_010.0).recall()

    (view,) = later.presence.workers()
    assert len(notes.kept) == 1
    assert (view.worker, view.seen_seconds_ago, view.attempts[0].job_id) == (DEN, 15.0, job.id)


@pytest.mark.parametrize("text", ["", "null", "[]]", '[{"heartbeat": {}, "at": 1}]', "x" * 10_000])
def test_foreign_keepsake_is_dropped(house: House, text: str) -> None:
    """A copy that is not ours leads to nobody."""
    notes = Notes()
    notes.kept.append(text)

    Keepsake(house.presence, notes).recall()

    assert house.presence.workers() == ()
