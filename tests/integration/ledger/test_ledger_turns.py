"""Turns: one job ends and the next one starts, in one commit."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_world import LEASE, TENANT_A, WORKER, Ledger, capabilities

from shared.errors import LedgerRefused
from shared.jobs.states import State
from shared.ledger.publish import PublishedRow
from shared.ledger.records import Job
from shared.ledger.turns import Turned, Turns

OTHER = "github.com/acme/other"


def _turn(ledger: Ledger, job: Job, following: Job, *, result: dict[str, Any] | None = None, **can: Any) -> Turned:
    return Turns(ledger.app).turn(
        job,
        result={"unchanged": True} if result is None else result,
        following=following.id,
        worker=WORKER,
        capabilities=capabilities(**can),
        lease=LEASE,
    )


def test_a_turn_ends_one_job_and_starts_another(ledger: Ledger) -> None:
    """After a turn the one has succeeded with its result, and the other runs for the same worker."""
    job, other = ledger.running(), ledger.submit(OTHER)

    turned = _turn(ledger, job, other)

    assert turned.ended
    assert turned.started is not None
    assert turned.started.job == ledger.show(other)
    before, after = ledger.show(job), ledger.show(other)
    assert (before.state, before.result, before.worker_id) == (State.SUCCEEDED, {"unchanged": True}, None)
    assert (after.state, after.attempt, after.worker_id, after.node) == (State.RUNNING, 1, WORKER, "den")
    assert (after.generation or 0) > (job.generation or 0)


def test_a_turn_is_one_commit(ledger: Ledger) -> None:
    """Both rows are written by one transaction: nobody ever sees one move without the other."""
    job, other = ledger.running(), ledger.submit(OTHER)

    _turn(ledger, job, other)

    with ledger.keeper_database.connection() as connection:
        rows = connection.execute("select distinct xmin::text from pharos.jobs").fetchall()
    # The start has a subtransaction of its own, whose number comes right after.
    numbers = sorted(int(row["xmin"]) for row in rows)
    assert numbers[-1] - numbers[0] <= 2


def test_a_turn_tells_what_is_visible(ledger: Ledger) -> None:
    """What the next job has to know of its repository comes with it; nothing, where nothing was published."""
    indexed = ledger.published(repository=OTHER)
    job, again, fresh = ledger.running(), ledger.submit(OTHER), ledger.submit("github.com/acme/fresh")

    known = _turn(ledger, job, again)
    unknown = _turn(ledger, ledger.show(again), fresh)

    assert known.visible == ledger.publisher.published(ledger.show(again))
    assert isinstance(known.visible, PublishedRow)
    assert known.visible.generation == indexed.generation
    assert unknown.ended
    assert unknown.visible is None


def test_the_same_repository_may_follow_itself(ledger: Ledger) -> None:
    """A job of the repository that was just done starts in the same turn."""
    job = ledger.running()
    again = ledger.submit(epochs=11)

    turned = _turn(ledger, job, again)

    assert turned.started is not None
    assert turned.started.outcome == "started"


@pytest.mark.parametrize("why", ["cancelled", "stale", "queued", "ended"])
def test_what_may_not_end_starts_nothing(ledger: Ledger, why: str) -> None:
    """When the attempt is not its own any more, or cancel was asked, nothing has happened to either."""
    job, other = ledger.running(), ledger.submit(OTHER)
    if why == "cancelled":
        ledger.keeper.cancel(job.id, tenant=job.tenant_id)
    elif why == "ended":
        ledger.keeper.end(job.id, attempt=1, state=State.FAILED, reason="no_files", detail="")
    else:
        ledger.keeper.snooze(job.id, attempt=1, reason="power", detail="")
    if why == "stale":
        ledger.started(job)
    before = ledger.show(job), ledger.show(other)

    turned = _turn(ledger, job, other)

    assert turned == Turned(ended=False, started=None, visible=None)
    assert (ledger.show(job), ledger.show(other)) == before


@pytest.mark.parametrize("why", ["taken", "cancelled", "skipped", "needs_unmet", "repository_busy", "not_due"])
def test_an_end_stands_also_when_nothing_can_be_started(ledger: Ledger, why: str) -> None:
    """A job that may not start now keeps none from ending, and the answer says why not."""
    job = ledger.running()
    other = ledger.submit(OTHER)
    can: dict[str, Any] = {}
    if why == "taken":
        ledger.started(other)
    elif why == "cancelled":
        ledger.keeper.cancel(other.id, tenant=other.tenant_id)
        why = "taken"
    elif why == "skipped":
        ledger.pass_deadline(other)
    elif why == "needs_unmet":
        can = {"kinds": ("remove",)}
    elif why == "repository_busy":
        ledger.started(ledger.submit(OTHER, epochs=11))
    else:
        ledger.started(other)
        ledger.keeper.snooze(other.id, attempt=1, reason="power", detail="", delay=60.0)

    turned = _turn(ledger, job, other, **can)

    assert turned.ended
    assert turned.started is not None
    assert turned.started.outcome == why
    assert turned.visible is None
    assert ledger.state(job) is State.SUCCEEDED


def test_another_tenants_job_is_out_of_reach(ledger: Ledger) -> None:
    """A turn is made within one tenant: it neither starts nor shows what is another's."""
    ledger.add_tenants(TENANT_A)
    job, foreign = ledger.running(), ledger.submit(OTHER, tenant=TENANT_A)

    turned = _turn(ledger, job, foreign)

    assert turned.ended
    assert turned.started is not None
    assert (turned.started.outcome, turned.started.job) == ("gone", None)
    assert ledger.show(foreign).state is State.QUEUED


def test_a_job_in_somebodys_hands_is_left_alone(ledger: Ledger) -> None:
    """Whoever holds the other job's row is not waited for: the end stands, and nothing was started."""
    job, other = ledger.running(), ledger.submit(OTHER)

    with ledger.keeper_database.connection() as connection, connection.transaction():
        connection.execute("select from pharos.jobs where id = %s for update", (other.id,))
        turned = _turn(ledger, job, other)

    assert turned == Turned(ended=True, started=None, visible=None)
    assert (ledger.state(job), ledger.state(other)) == (State.SUCCEEDED, State.QUEUED)


def test_a_result_that_the_ledger_cannot_hold_changes_nothing(ledger: Ledger) -> None:
    """A turn that is refused as a whole leaves both jobs as they were."""
    job, other = ledger.running(), ledger.submit(OTHER)

    with pytest.raises(LedgerRefused):
        _turn(ledger, job, other, result={"text": "\0"})

    assert (ledger.state(job), ledger.state(other)) == (State.RUNNING, State.QUEUED)
