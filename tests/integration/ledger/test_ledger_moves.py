"""Renewing, giving back, ending, cancelling and cleaning up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_world import LEASE, TENANT_A, WORKER, Ledger

from shared.ids import new_job_id, repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.retry import MAX_FAILURES, MAX_RESCUES
from shared.jobs.states import State
from shared.ledger.keeper import Renewal
from shared.ledger.publish import Refused
from shared.ledger.records import DEFAULT_TENANT, Job, OpenJob

Move = Callable[[Ledger, Job, int], object]

#: Every write of a worker, each made for one attempt; all return something false when it is not held any more.
_WRITES: dict[str, Move] = {
    "renew": lambda ledger, job, attempt: ledger.keeper.renew(job.id, attempt=attempt, worker=WORKER, lease=LEASE).held,
    "retry": lambda ledger, job, attempt: ledger.keeper.retry(
        job.id, attempt=attempt, reason="network", detail="", delay=0
    ),
    "snooze": lambda ledger, job, attempt: ledger.keeper.snooze(job.id, attempt=attempt, reason="power", detail=""),
    "rescue": lambda ledger, job, attempt: ledger.keeper.rescue(job.id, attempt=attempt, reason="lost", detail=""),
    "end": lambda ledger, job, attempt: ledger.keeper.end(
        job.id, attempt=attempt, state=State.FAILED, reason="no_files", detail=""
    ),
}


def _open(ledger: Ledger) -> OpenJob:
    (one,) = ledger.keeper.open_jobs()
    return one


@pytest.mark.parametrize("write", _WRITES)
@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_stale_attempt_writes_nothing(ledger: Ledger, write: str, attempt: int) -> None:
    """Of all attempts only the one that runs is heard."""
    job = ledger.running()
    ledger.keeper.snooze(job.id, attempt=1, reason="power", detail="")
    current = ledger.started(job)

    answer = _WRITES[write](ledger, job, attempt)

    assert not answer
    assert ledger.show(job) == current


@pytest.mark.parametrize("write", _WRITES)
@pytest.mark.parametrize("how", ["queued", "succeeded", "failed", "cancelled"])
def test_attempt_that_does_not_run_writes_nothing(ledger: Ledger, write: str, how: str) -> None:
    """What is queued again or has ended stays as it is, whatever a late worker says."""
    job = ledger.running()
    if how == "queued":
        ledger.keeper.snooze(job.id, attempt=1, reason="power", detail="")
    elif how == "succeeded":
        ledger.publish(job)
    else:
        ledger.keeper.end(job.id, attempt=1, state=State(how), reason="x", detail="")
    before = ledger.show(job)

    answer = _WRITES[write](ledger, job, 1)

    assert not answer
    assert ledger.show(job) == before


def test_renewal_revives_a_lease_that_is_over(ledger: Ledger) -> None:
    """A laptop that wakes renews what nobody else was given."""
    job = ledger.running()
    ledger.pass_lease(job)

    renewal = ledger.keeper.renew(job.id, attempt=1, worker=WORKER, lease=LEASE)

    assert renewal == Renewal(held=True, cancel_requested=False)
    assert (_open(ledger).lease_in or 0) > LEASE - 10


def test_renewal_is_the_holders(ledger: Ledger) -> None:
    """Another worker cannot renew an attempt, even when it knows its number."""
    job = ledger.running()

    renewal = ledger.keeper.renew(job.id, attempt=1, worker="den.ffffffffffff", lease=LEASE)

    assert renewal == Renewal(held=False, cancel_requested=False)


def test_renewal_tells_of_cancel(ledger: Ledger) -> None:
    """A worker learns at its next renewal that cancel was asked."""
    job = ledger.running()
    ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    renewal = ledger.keeper.renew(job.id, attempt=1, worker=WORKER, lease=LEASE)

    assert renewal == Renewal(held=True, cancel_requested=True)


def test_failures_end_the_job(ledger: Ledger) -> None:
    """A job is tried MAX_FAILURES times, then it has failed with the last reason."""
    job = ledger.submit()
    states = []
    for attempt in range(1, MAX_FAILURES + 1):
        ledger.started(job)
        states.append(ledger.keeper.retry(job.id, attempt=attempt, reason="network", detail=f"try {attempt}", delay=0))

    shown = ledger.show(job)

    assert states == [State.QUEUED] * (MAX_FAILURES - 1) + [State.FAILED]
    assert (shown.state, shown.failures, shown.rescues) == (State.FAILED, MAX_FAILURES, 0)
    assert (shown.reason, shown.detail) == ("network", f"try {MAX_FAILURES}")
    assert shown.finished_at is not None
    assert ledger.start(job).outcome == "taken"


def test_rescues_are_counted_apart(ledger: Ledger) -> None:
    """A job outlives MAX_RESCUES lost workers without a failure, and the next loss ends it."""
    job = ledger.submit()
    states = []
    for attempt in range(1, MAX_RESCUES + 2):
        ledger.started(job)
        states.append(ledger.keeper.rescue(job.id, attempt=attempt, reason="worker_lost", detail=""))

    shown = ledger.show(job)

    assert states == [State.QUEUED] * MAX_RESCUES + [State.FAILED]
    assert (shown.state, shown.failures, shown.reason) == (State.FAILED, 0, "worker_lost")


def test_snooze_counts_nothing(ledger: Ledger) -> None:
    """A job may be put off more often than it may fail."""
    job = ledger.submit()
    for attempt in range(1, MAX_RESCUES + 5):
        ledger.started(job)
        state = ledger.keeper.snooze(job.id, attempt=attempt, reason="power", detail="")
        assert state is State.QUEUED

    shown = ledger.show(job)

    assert (shown.failures, shown.rescues, shown.finished_at) == (0, 0, None)


def test_released_job_is_nobodys(ledger: Ledger) -> None:
    """A job that was given back has no worker, no lease, and its pause ahead."""
    job = ledger.running()

    ledger.keeper.retry(job.id, attempt=1, reason="network", detail="It broke off.", delay=60)

    one = _open(ledger)
    assert (one.job.worker_id, one.lease_in, one.due) == (None, None, False)
    assert 50 < one.due_in <= 60
    assert (one.job.reason, one.job.detail) == ("network", "It broke off.")


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_end_is_final(ledger: Ledger, state: State) -> None:
    """A worker ends its attempt with a reason, and the repository is free for the next job."""
    job = ledger.running()

    ended = ledger.keeper.end(job.id, attempt=1, state=state, reason="no_files", detail="There are no files.")

    shown = ledger.show(job)
    assert ended is True
    assert (shown.state, shown.reason, shown.detail) == (state, "no_files", "There are no files.")
    assert shown.finished_at is not None
    assert ledger.running().attempt == 1


def test_nobody_cancels_what_nobody_asked_to_cancel(ledger: Ledger) -> None:
    """An attempt that stops for a reason of its own cannot end the job as cancelled on request."""
    job = ledger.running()

    ended = ledger.keeper.end(job.id, attempt=1, state=State.CANCELLED, reason="cancel_requested", detail="It stopped.")

    assert ended is False
    assert ledger.state(job) is State.RUNNING


def test_queued_job_is_cancelled_at_once(ledger: Ledger) -> None:
    """Nobody has a queued job, so cancel ends it."""
    job = ledger.submit()

    cancelled = ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    assert cancelled is not None
    assert (cancelled.state, cancelled.reason) == (State.CANCELLED, "cancel_requested")
    assert cancelled.finished_at is not None
    assert ledger.start(job).outcome == "taken"


def test_running_job_is_asked_to_stop(ledger: Ledger) -> None:
    """Cancel of a running job is a wish that is kept from the first time on."""
    job = ledger.running()

    first = ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)
    second = ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    assert first is not None
    assert first.state is State.RUNNING
    assert first.cancel_requested_at is not None
    assert second == first


def test_ended_job_is_not_cancelled(ledger: Ledger) -> None:
    """Cancel of an ended, unknown or foreign job changes nothing."""
    ledger.add_tenants(TENANT_A)
    job = ledger.published()
    waiting = ledger.submit()
    before = ledger.show(job)

    answers = [
        ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT),
        ledger.keeper.cancel(new_job_id(), tenant=DEFAULT_TENANT),
        ledger.keeper.cancel(waiting.id, tenant=TENANT_A),
    ]

    assert answers == [None, None, None]
    assert ledger.show(job) == before
    assert ledger.state(waiting) is State.QUEUED


@pytest.mark.parametrize("write", ["retry", "snooze", "rescue"])
def test_cancelled_attempt_is_not_queued_again(ledger: Ledger, write: str) -> None:
    """Whatever makes a worker give back a job that cancel was asked for, it ends as cancelled."""
    job = ledger.running()
    ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    state = _WRITES[write](ledger, job, 1)

    shown = ledger.show(job)
    assert state is State.CANCELLED
    assert (shown.state, shown.reason) == (State.CANCELLED, "cancel_requested")
    assert shown.finished_at is not None


def test_cancelled_job_never_succeeds(ledger: Ledger) -> None:
    """However publishing and cancel race, a job that was told to be cancelled did not succeed after."""
    jobs = [ledger.running(f"github.com/acme/r{number}") for number in range(20)]

    def publish(job: Job) -> str:
        try:
            ledger.publish(job)
        except Refused as refused:
            return refused.reason
        return "succeeded"

    with ThreadPoolExecutor(8) as threads:
        told = [threads.submit(ledger.keeper.cancel, job.id, tenant=DEFAULT_TENANT) for job in jobs]
        published = [threads.submit(publish, job) for job in reversed(jobs)]

    outcomes = list(
        zip(jobs, (one.result() for one in told), reversed([one.result() for one in published]), strict=True)
    )
    for job, cancelled, outcome in outcomes:
        assert outcome == ("succeeded" if cancelled is None else "cancelled")
        assert (ledger.state(job) is State.SUCCEEDED) is (cancelled is None)


def test_open_ingests_of_a_repository_are_cancelled(ledger: Ledger) -> None:
    """A removal stops every open ingest of its repository and nothing else."""
    running, queued = ledger.running(epochs=1), ledger.submit(epochs=2)
    removal, other = ledger.submit(kind=Kind.REMOVE, ttl_ms=None), ledger.submit("github.com/acme/other")

    stopped = ledger.keeper.cancel_ingests(running.repository_id, tenant=DEFAULT_TENANT)

    assert {job.id: job.state for job in stopped} == {running.id: State.RUNNING, queued.id: State.CANCELLED}
    assert ledger.state(removal) is ledger.state(other) is State.QUEUED
    assert ledger.keeper.cancel_ingests(repository_id(TENANT_A, "x"), tenant=TENANT_A) == []


def test_hopeless_jobs_end(ledger: Ledger) -> None:
    """Waiting jobs past their deadline are skipped, cancelled ones that nobody renews are cancelled, no others."""
    late, kept = ledger.submit("github.com/acme/late"), ledger.submit("github.com/acme/kept")
    silent, renewed = ledger.running("github.com/acme/silent"), ledger.running("github.com/acme/renewed")
    lost = ledger.running("github.com/acme/lost")
    ledger.pass_deadline(late)
    for job in (silent, renewed):
        ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)
    for job in (silent, lost):
        ledger.pass_lease(job)

    ended = [ledger.keeper.end_hopeless(), ledger.keeper.end_hopeless()]

    assert ended == [2, 0]
    assert ledger.state(late) is State.SKIPPED
    assert ledger.state(silent) is State.CANCELLED
    assert [ledger.state(job) for job in (kept, renewed, lost)] == [State.QUEUED, State.RUNNING, State.RUNNING]


def test_open_jobs_come_most_urgent_first(ledger: Ledger) -> None:
    """Open jobs come by priority and age, and ended ones do not come."""
    low = ledger.submit("github.com/acme/low", priority=Priority.LOW)
    first, second = ledger.submit("github.com/acme/first"), ledger.submit("github.com/acme/second")
    urgent = ledger.submit("github.com/acme/urgent", priority=Priority.URGENT)
    ledger.published(repository="github.com/acme/done")

    found = [one.job.id for one in ledger.keeper.open_jobs()]

    assert found == [urgent.id, first.id, second.id, low.id]
    assert [one.job.id for one in ledger.keeper.open_jobs(limit=1)] == [urgent.id]


def test_old_low_jobs_are_promoted(ledger: Ledger) -> None:
    """A LOW job that waited long becomes NORMAL; younger ones and other priorities stay."""
    old, young = (ledger.submit(f"github.com/acme/{name}", priority=Priority.LOW) for name in ("old", "young"))
    urgent = ledger.submit("github.com/acme/urgent", priority=Priority.URGENT)
    ledger.grow_old(old)
    ledger.grow_old(urgent)

    promoted = ledger.keeper.promote(3600)

    assert promoted == [old.id]
    assert [ledger.show(job).priority for job in (old, young, urgent)] == [
        Priority.NORMAL,
        Priority.LOW,
        Priority.URGENT,
    ]


def test_old_ended_jobs_are_forgotten(ledger: Ledger) -> None:
    """Jobs that ended before the retention go; recent ones and open ones stay, however old."""
    old, recent = ledger.published(repository="github.com/acme/old"), ledger.published(repository="github.com/acme/new")
    waiting = ledger.submit("github.com/acme/waiting")
    ledger.grow_old(old)
    ledger.grow_old(waiting)

    forgotten = ledger.keeper.forget(90 * 86_400)

    assert forgotten == 1
    assert ledger.jobs.show(old.id, tenant=DEFAULT_TENANT) is None
    assert ledger.state(recent) is State.SUCCEEDED
    assert ledger.state(waiting) is State.QUEUED


def test_key_of_a_forgotten_job_is_free(ledger: Ledger) -> None:
    """With a job goes what was kept of its Idempotency-Key."""
    key = (b"k" * 32, b"f" * 32)
    job = ledger.started(ledger.submit(idempotency=key))
    ledger.publish(job)
    ledger.grow_old(job)
    ledger.keeper.forget(1)

    assert ledger.ask(idempotency=key).outcome == "created"


def test_each_plane_takes_the_next_epoch(ledger: Ledger) -> None:
    """Every start of a control plane has a number above all before it, also when two start at once."""
    with ThreadPoolExecutor(8) as threads:
        epochs = list(threads.map(lambda _: ledger.keeper.next_epoch(), range(8)))

    assert sorted(epochs) == list(range(1, 9))


def test_history_is_newest_first(ledger: Ledger) -> None:
    """The jobs that ended last come first."""
    jobs = [ledger.published(repository=f"github.com/acme/r{number}") for number in range(3)]
    ledger.submit()

    found = ledger.jobs.ended(tenant=DEFAULT_TENANT, limit=2)

    assert [job.id for job in found] == [jobs[2].id, jobs[1].id]
    assert all(job.seconds is not None and job.seconds >= 0 for job in found)


def test_what_runs_is_never_left_out(ledger: Ledger) -> None:
    """However many jobs are queued, and however urgent, every one that runs is among the open ones, in order."""
    low = ledger.running(priority=Priority.LOW)
    queued = [ledger.submit(f"github.com/acme/r{number}", priority=Priority.URGENT) for number in range(3)]
    breaths: list[int] = []

    found = ledger.keeper.open_jobs(limit=2, breathe=lambda: breaths.append(1))

    assert [one.job.id for one in found] == [queued[0].id, queued[1].id, low.id]
    assert breaths == [1]
