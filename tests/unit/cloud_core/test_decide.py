"""One pass's decision, as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plane_factories import a_job, a_running_job

from cloud_api.reconcile.decide import Plan, Sight, decide
from shared.jobs.kinds import Priority
from shared.ledger.records import Job, OpenJob
from shared.nodes.capabilities import Needs
from shared.timing import Timing

TIMING = Timing()
IDLE = TIMING.reconcile_every
#: What presence says: nobody, a worker free for a minute that reaches the mailbox, one that does not.
NOBODY: tuple[tuple[str, float, bool], ...] = ()
FREE = (("den", 60.0, True),)
DEAF = (("den", 60.0, False),)


def _open(job: Job | None = None, **changes: Any) -> OpenJob:
    """Return a job that has been due for a minute and whose deadline is far."""
    one = OpenJob(job=job or a_job(), due=True, due_in=0.0, deadline_in=None, lease_in=None, running_for=None, age=60.0)
    return replace(one, **changes)


def _runs(job: Job | None = None, **changes: Any) -> OpenJob:
    """Return a job that has run for a minute, with nine left of its lease."""
    given = {"lease_in": 540.0, "running_for": 60.0, **changes}
    return _open(job or a_running_job(), **given)


def _decide(
    *jobs: OpenJob, held: bool = False, free: tuple[tuple[str, float, bool], ...] = NOBODY, mailbox: bool = True
) -> Plan:
    return decide(jobs, lambda _: Sight(held=held, free=free), timing=TIMING, mailbox=mailbox)


def test_nothing_open_is_nothing_to_do() -> None:
    """An idle house is looked at again in six hours."""
    assert _decide() == Plan(rescue=(), deliver=(), look=frozenset(), next_in=IDLE)


@pytest.mark.parametrize("lease_in", [540.0, -60.0])
@pytest.mark.parametrize(
    ("held", "free", "rescued"),
    [(True, FREE, False), (True, NOBODY, False), (False, NOBODY, False), (False, FREE, True)],
)
def test_lost_job_is_rescued_for_a_worker_that_is_there(
    held: bool, free: tuple[tuple[str, float, bool], ...], rescued: bool, lease_in: float
) -> None:
    """A running job is taken only from a worker that lost it, and only when another one can have it now."""
    one = _runs(lease_in=lease_in)

    plan = _decide(one, held=held, free=free)

    assert plan.rescue == ((one.job,) if rescued else ())
    assert plan.deliver == ()
    assert plan.look == frozenset()


def test_due_job_belongs_on_its_lane() -> None:
    """A queued job that is due is delivered."""
    one = _open()

    assert _decide(one).deliver == (one.job,)


def test_job_that_pauses_is_not_delivered() -> None:
    """A job in its back-off waits, and the next pass comes when it is due."""
    plan = _decide(_open(due=False, due_in=42.0, age=-42.0), free=FREE)

    assert (plan.deliver, plan.look, plan.next_in) == ((), frozenset(), 42.0)


def test_repository_that_runs_keeps_its_queue_back() -> None:
    """Jobs of a repository that is running are not delivered, and nobody is sent to look for them."""
    plan = _decide(_runs(), _open(), held=True, free=FREE)

    assert (plan.deliver, plan.look) == ((), frozenset())


def test_one_job_of_a_repository_is_delivered() -> None:
    """Of several queued jobs of one repository the first goes, and other repositories' jobs go beside it."""
    first, second = _open(), _open()
    other = _open(a_job(repository="github.com/acme/other"))

    assert _decide(first, second, other).deliver == (first.job, other.job)


def test_rescued_job_frees_its_repository() -> None:
    """What waits behind a lost job may go on its lane in the same pass."""
    lost, waiting = _runs(), _open()

    plan = _decide(lost, waiting, free=FREE)

    assert (plan.rescue, plan.deliver) == ((lost.job,), (waiting.job,))


def test_new_job_has_a_moment_to_be_taken() -> None:
    """A job that was submitted just now was put on its lane already: it is looked after 2 s later."""
    plan = _decide(_open(age=0.5))

    assert (plan.deliver, plan.next_in) == ((), 0.1 * TIMING.look_after)


def test_job_that_came_back_is_delivered_at_once() -> None:
    """Nobody has put a retried job on its lane yet."""
    one = _open(a_job(attempt=1), age=0.0)

    assert _decide(one).deliver == (one.job,)


@pytest.mark.parametrize(
    ("free", "mailbox", "age", "look", "next_in"),
    [
        (FREE, True, 60.0, True, 20.0),
        (FREE, True, 20.0, True, 20.0),
        (FREE, True, 15.0, False, 5.0),
        ((("den", 12.0, True),), True, 60.0, False, 8.0),
        (DEAF, True, 3.0, True, 20.0),
        (FREE, False, 3.0, True, 20.0),
        ((("den", 0.0, True),), False, 3.0, True, 20.0),
        (NOBODY, True, 60.0, False, IDLE),
        (NOBODY, False, 60.0, False, IDLE),
    ],
)
def test_worker_looks_when_its_lane_brought_nothing(
    free: tuple[tuple[str, float, bool], ...], mailbox: bool, age: float, look: bool, next_in: float
) -> None:
    """A due job and a free worker side by side for 20 s, or at all without a mailbox, end in an order to look."""
    plan = _decide(_open(age=age), free=free, mailbox=mailbox)

    assert plan.look == ({"den"} if look else set())
    assert plan.next_in == pytest.approx(next_in)


def test_every_capable_worker_is_asked_for_itself() -> None:
    """Of two workers the one that has waited long looks, the other one has its time."""
    plan = _decide(_open(), free=(("attic.1", 5.0, True), ("den.1", 30.0, True)))

    assert plan.look == {"den.1"}
    assert plan.next_in == pytest.approx(15.0)


@pytest.mark.parametrize(
    ("one", "next_in"),
    [
        (_runs(lease_in=540.0), 540.0),
        (_runs(lease_in=-1.0), IDLE),
        (_open(deadline_in=90.0), 90.0),
        (_open(deadline_in=-1.0), IDLE),
        (_open(a_running_job(), deadline_in=90.0, lease_in=300.0), 300.0),
        (_open(due=False, due_in=0.01, age=0), 0.05),
        (_open(due=False, due_in=30.0, deadline_in=20.0, age=0), 20.0),
    ],
)
def test_next_pass_comes_when_something_changes_by_itself(one: OpenJob, next_in: float) -> None:
    """The next lease, deadline or end of a pause calls the next pass, and no clock that ticks."""
    assert _decide(one, held=True).next_in == pytest.approx(next_in)


def test_deadline_of_a_retried_job_calls_nobody() -> None:
    """The deadline governs the first start, so it is no time to look at for a job that was started once."""
    retried = a_job(attempt=1, first_started_at=a_running_job().started_at)

    assert _decide(_open(retried, deadline_in=5.0)).next_in == IDLE


def test_decision_repeats_itself() -> None:
    """The same sight leads to the same plan."""
    jobs = [_open(a_job(repository=f"github.com/acme/r{number}")) for number in range(5)]

    assert _decide(*jobs, free=FREE) == _decide(*jobs, free=FREE)


def test_low_job_is_looked_at_when_it_has_waited_an_hour() -> None:
    """A LOW job brings a pass of its own at the moment that it counts as NORMAL."""
    low = _open(a_job(priority=Priority.LOW), age=600.0)

    assert _decide(low).next_in == TIMING.promote_after - 600.0


def test_job_that_nobody_can_run_holds_up_no_other_of_its_repository() -> None:
    """Of two jobs of one repository, the one that a worker could take is delivered though the other comes first."""
    picky, plain = _open(a_job(needs=Needs(gpu_memory=80))), _open(a_job())

    def sight(one: OpenJob) -> Sight:
        return Sight(held=False, free=FREE if one is plain else NOBODY)

    plan = decide([picky, plain], sight, timing=TIMING, mailbox=True)

    assert plan.deliver == (picky.job, plain.job)
    assert plan.look == {"den"}
