"""Turns: jobs end and the next ones start, in one commit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from ledger_world import LEASE, TENANT_A, WORKER, Ledger, capabilities

from shared.errors import LedgerRefused
from shared.jobs.states import State
from shared.ledger.publish import PublishedRow
from shared.ledger.records import Job
from shared.ledger.turns import Finished, Turned, Turns
from shared.nodes.capabilities import Needs

OTHER = "github.com/acme/other"
DONE = {"unchanged": True}
NOTHING = Turned(ended=frozenset(), outcome=None, started=())


def _turn(ledger: Ledger, job: Job, *following: Job, result: dict[str, Any] | None = None, **can: Any) -> Turned:
    return _turns(ledger, [job], *following, result=result, **can)


def _turns(
    ledger: Ledger, jobs: list[Job], *following: Job, result: dict[str, Any] | None = None, **can: Any
) -> Turned:
    return Turns(ledger.app).turn(
        [Finished(job=job, result=DONE if result is None else result) for job in jobs],
        following=[one.id for one in following],
        worker=WORKER,
        capabilities=capabilities(**can),
        lease=LEASE,
    )


def _repositories(ledger: Ledger, count: int) -> list[Job]:
    return [ledger.submit(f"github.com/acme/r{number}") for number in range(count)]


def _ids(jobs: list[Job]) -> frozenset[str]:
    return frozenset(job.id for job in jobs)


def test_a_turn_ends_one_job_and_starts_another(ledger: Ledger) -> None:
    """After a turn the one has succeeded with its result, and the other runs for the same worker."""
    job, other = ledger.running(), ledger.submit(OTHER)

    turned = _turn(ledger, job, other)

    assert (turned.ended, turned.outcome) == ({job.id}, "started")
    assert [one.job for one in turned.started] == [ledger.show(other)]
    before, after = ledger.show(job), ledger.show(other)
    assert (before.state, before.result, before.worker_id) == (State.SUCCEEDED, DONE, None)
    assert (after.state, after.attempt, after.worker_id, after.node) == (State.RUNNING, 1, WORKER, "den")
    assert (after.generation or 0) > (job.generation or 0)


def test_a_turn_of_several_ends_and_starts_each(ledger: Ledger) -> None:
    """What a slot has done ends with its own result, and each that follows runs under a generation of its own."""
    jobs = [ledger.started(job) for job in _repositories(ledger, 3)]
    others = [ledger.submit(f"github.com/acme/other{number}") for number in range(4)]

    turned = Turns(ledger.app).turn(
        [Finished(job=job, result={"number": number}) for number, job in enumerate(jobs)],
        following=[one.id for one in others],
        worker=WORKER,
        capabilities=capabilities(),
        lease=LEASE,
    )

    assert turned.ended == _ids(jobs)
    assert [(ledger.show(job).state, ledger.show(job).result) for job in jobs] == [
        (State.SUCCEEDED, {"number": number}) for number in range(3)
    ]
    assert [one.job for one in turned.started] == [ledger.show(one) for one in others]
    assert {(one.job.state, one.job.attempt, one.job.worker_id) for one in turned.started} == {
        (State.RUNNING, 1, WORKER)
    }
    assert len({one.job.generation for one in turned.started}) == 4


def test_a_turn_is_one_commit(ledger: Ledger) -> None:
    """All rows are written by one transaction: nobody ever sees one move without the others."""
    jobs = [ledger.started(job) for job in _repositories(ledger, 2)]
    others = [ledger.submit(f"github.com/acme/other{number}") for number in range(3)]

    _turns(ledger, jobs, *others)

    with ledger.keeper_database.connection() as connection:
        rows = connection.execute("select distinct xmin::text from pharos.jobs").fetchall()
    # The starts have subtransactions of their own, whose numbers come right after.
    numbers = sorted(int(row["xmin"]) for row in rows)
    assert numbers[-1] - numbers[0] <= 3


def test_a_turn_may_end_alone(ledger: Ledger) -> None:
    """With nothing to follow, what was done ends all the same."""
    jobs = [ledger.started(job) for job in _repositories(ledger, 2)]

    turned = _turns(ledger, jobs)

    assert turned == Turned(ended=_ids(jobs), outcome=None, started=())
    assert {ledger.state(job) for job in jobs} == {State.SUCCEEDED}


def test_a_turn_tells_what_is_visible(ledger: Ledger) -> None:
    """What each next job has to know of its repository comes with it; nothing, where nothing was published."""
    indexed, more = ledger.published(repository=OTHER), ledger.published(repository="github.com/acme/more")
    job, again, also = ledger.running(), ledger.submit(OTHER), ledger.submit("github.com/acme/more")
    fresh = ledger.submit("github.com/acme/fresh")

    known = _turn(ledger, job, again, also, fresh)

    seen = [one.visible for one in known.started]
    assert seen == [ledger.publisher.published(one.job) for one in known.started]
    assert [one.generation if isinstance(one, PublishedRow) else None for one in seen] == [
        indexed.generation,
        more.generation,
        None,
    ]


def test_the_same_repository_may_follow_itself(ledger: Ledger) -> None:
    """A job of the repository that was just done starts in the same turn."""
    job = ledger.running()
    again = ledger.submit(epochs=11)

    turned = _turn(ledger, job, again)

    assert turned.outcome == "started"


@pytest.mark.parametrize("why", ["cancelled", "stale", "queued", "ended"])
def test_what_may_not_end_starts_nothing(ledger: Ledger, why: str) -> None:
    """When an attempt is not its own any more, or cancel was asked, it stays as it is, and nothing is started."""
    job, other = ledger.running(), ledger.submit(OTHER)
    sound = ledger.started(ledger.submit("github.com/acme/sound"))
    if why == "cancelled":
        ledger.keeper.cancel(job.id, tenant=job.tenant_id)
    elif why == "ended":
        ledger.keeper.end(job.id, attempt=1, state=State.FAILED, reason="no_files", detail="")
    else:
        ledger.keeper.snooze(job.id, attempt=1, reason="power", detail="")
    if why == "stale":
        ledger.started(job)
    before = ledger.show(job), ledger.show(other)

    assert _turn(ledger, job, other) == NOTHING
    assert _turns(ledger, [job, sound], other) == Turned(ended=frozenset({sound.id}), outcome=None, started=())

    assert (ledger.show(job), ledger.show(other)) == before
    assert ledger.state(sound) is State.SUCCEEDED


def _hinder(ledger: Ledger, other: Job, why: str) -> dict[str, Any]:
    """Let something speak against the start of a job; return what the worker can do."""
    if why == "taken":
        ledger.started(other)
    elif why == "cancelled":
        ledger.keeper.cancel(other.id, tenant=other.tenant_id)
    elif why == "skipped":
        ledger.pass_deadline(other)
    elif why == "repository_busy":
        ledger.started(ledger.submit(OTHER, epochs=11))
    elif why == "not_due":
        ledger.started(other)
        ledger.keeper.snooze(other.id, attempt=1, reason="power", detail="", delay=60.0)
    return {"kinds": ("remove",)} if why == "needs_unmet" else {}


@pytest.mark.parametrize("why", ["taken", "cancelled", "skipped", "needs_unmet", "repository_busy", "not_due"])
def test_an_end_stands_also_when_nothing_can_be_started(ledger: Ledger, why: str) -> None:
    """A job that may not start now keeps none from ending, and the answer says why not."""
    job = ledger.running()
    other, third = ledger.submit(OTHER), ledger.submit("github.com/acme/third")
    can = _hinder(ledger, other, why)

    turned = _turn(ledger, job, other, third, **can)

    assert turned == Turned(ended=frozenset({job.id}), outcome="taken" if why == "cancelled" else why, started=())
    assert (ledger.state(job), ledger.state(third)) == (State.SUCCEEDED, State.QUEUED)


@pytest.mark.parametrize("why", ["taken", "cancelled", "skipped", "repository_busy", "not_due", "again"])
def test_what_something_speaks_against_is_not_started_ahead(ledger: Ledger, why: str) -> None:
    """Beside a job that starts, one that may not, or that was started before, is left as it is; the others start."""
    job, first, last = ledger.running(), ledger.submit("github.com/acme/first"), ledger.submit("github.com/acme/last")
    other = ledger.submit(OTHER)
    _hinder(ledger, other, why)
    if why == "again":
        ledger.started(other)
        ledger.keeper.rescue(other.id, attempt=1, reason="worker_lost", detail="")
    before = ledger.show(other)

    turned = _turn(ledger, job, first, other, last)

    assert [one.job.id for one in turned.started] == [first.id, last.id]
    assert ledger.show(other) == before


def test_a_job_that_lost_its_worker_takes_no_others_along(ledger: Ledger) -> None:
    """One that was started before starts alone, however many are asked for with it."""
    job, other, third = ledger.running(), ledger.submit(OTHER), ledger.submit("github.com/acme/third")
    ledger.started(other)
    ledger.keeper.rescue(other.id, attempt=1, reason="worker_lost", detail="")

    turned = _turn(ledger, job, other, third)

    assert [one.job.id for one in turned.started] == [other.id]
    assert ledger.state(third) is State.QUEUED


def test_needs_and_homes_hold_for_what_is_started_ahead(ledger: Ledger) -> None:
    """What another node has the vectors of, or what needs more than there is, is not started ahead."""
    job, first = ledger.running(), ledger.submit("github.com/acme/first")
    demanding = ledger.submit("github.com/acme/demanding", needs=Needs(gpu_memory=80.0))
    housed = ledger.submit(OTHER)
    with ledger.keeper_database.connection() as connection:
        connection.execute(
            "insert into pharos.homes (tenant_id, repository_id, node) values (%s, %s, 'attic')",
            (housed.tenant_id, housed.repository_id),
        )

    turned = _turn(ledger, job, first, demanding, housed)

    assert [one.job.id for one in turned.started] == [first.id]
    assert {ledger.state(demanding), ledger.state(housed)} == {State.QUEUED}


def test_two_of_one_repository_are_not_started_ahead(ledger: Ledger) -> None:
    """One running job a repository holds within a turn, too: none of what was to be ahead starts, the first does."""
    job, first = ledger.running(), ledger.submit("github.com/acme/first")
    twins = [ledger.submit(OTHER, epochs=epochs) for epochs in (11, 12)]

    turned = _turn(ledger, job, first, *twins)

    assert [one.job.id for one in turned.started] == [first.id]
    assert {ledger.state(twin) for twin in twins} == {State.QUEUED}


def test_another_tenants_job_is_out_of_reach(ledger: Ledger) -> None:
    """A turn is made within one tenant: it neither starts nor shows what is another's, first or ahead."""
    ledger.add_tenants(TENANT_A)
    job, foreign = ledger.running(), ledger.submit(OTHER, tenant=TENANT_A)

    turned = _turn(ledger, job, foreign)
    assert (turned.ended, turned.outcome, turned.started) == ({job.id}, "gone", ())
    again, first = ledger.running(), ledger.submit("github.com/acme/first")
    ahead = _turn(ledger, again, first, foreign)

    assert [one.job.id for one in ahead.started] == [first.id]
    assert ledger.show(foreign).state is State.QUEUED


@pytest.mark.parametrize("place", ["first", "ahead"])
def test_a_job_in_somebodys_hands_is_left_alone(ledger: Ledger, place: str) -> None:
    """Whoever holds another job's row is not waited for: the end stands, and that one was not started."""
    job, other, third = ledger.running(), ledger.submit(OTHER), ledger.submit("github.com/acme/third")
    following = (other, third) if place == "first" else (third, other)

    with ledger.keeper_database.connection() as connection, connection.transaction():
        connection.execute("select from pharos.jobs where id = %s for update", (other.id,))
        turned = _turn(ledger, job, *following)

    assert [one.job.id for one in turned.started] == ([] if place == "first" else [third.id])
    assert (turned.ended, ledger.state(job), ledger.state(other)) == ({job.id}, State.SUCCEEDED, State.QUEUED)


def test_a_result_that_the_ledger_cannot_hold_changes_nothing(ledger: Ledger) -> None:
    """A turn that is refused as a whole leaves all jobs as they were."""
    job, other = ledger.running(), ledger.submit(OTHER)

    with pytest.raises(LedgerRefused):
        _turn(ledger, job, other, result={"text": "\0"})

    assert (ledger.state(job), ledger.state(other)) == (State.RUNNING, State.QUEUED)


def _ahead(ledger: Ledger, *, cap: int = 1000) -> tuple[Job, Job]:
    """Return a job that was started ahead of its turn, as it was before and as it runs."""
    job, first = ledger.running(), ledger.submit("github.com/acme/first")
    waits = ledger.submit(OTHER, cap=cap)
    turned = _turn(ledger, job, first, waits)
    assert [one.job.id for one in turned.started] == [first.id, waits.id]
    return waits, turned.started[1].job


def _give_back(ledger: Ledger, *jobs: Job) -> dict[str, State]:
    return ledger.keeper.give_back(jobs, reason="started_ahead", detail="A sentence.")


def test_what_was_started_ahead_and_given_back_waits_again(ledger: Ledger) -> None:
    """It is as it was before its start but for the number of its attempt: nothing is counted, and nobody has it."""
    waits, ahead = _ahead(ledger)

    assert _give_back(ledger, ahead) == {waits.id: State.QUEUED}

    back = ledger.show(waits)
    assert (back.first_started_at, back.started_at, back.worker_id, back.attempt) == (None, None, None, 1)
    assert (back.failures, back.rescues, back.reason) == (0, 0, "started_ahead")
    found = ledger.jobs.show(waits.id, tenant=waits.tenant_id)
    assert found is not None
    assert found[1] == 1


def test_what_was_given_back_unbegun_ends_at_its_deadline(ledger: Ledger) -> None:
    """The deadline governs its first start, which it has not had."""
    waits, ahead = _ahead(ledger)
    _give_back(ledger, ahead)
    ledger.pass_deadline(waits)

    assert ledger.start(waits).outcome == "skipped"


def test_what_was_given_back_unbegun_takes_the_same_job_in(ledger: Ledger) -> None:
    """Who asks for the same while it waits again gets this one."""
    waits, ahead = _ahead(ledger)
    _give_back(ledger, ahead)

    asked = ledger.ask(OTHER)

    assert asked.outcome == "deduplicated"
    assert asked.job is not None
    assert asked.job.id == waits.id


def test_what_was_given_back_unbegun_takes_its_place_under_the_cap(ledger: Ledger) -> None:
    """It counts as waiting for whoever comes after it."""
    _, ahead = _ahead(ledger)
    _give_back(ledger, ahead)

    assert ledger.ask("github.com/acme/more", cap=1).outcome == "full"


def test_what_was_begun_once_stays_begun_when_it_is_given_back(ledger: Ledger) -> None:
    """A later attempt that was not begun takes no first start back, and what is not held any more is left alone."""
    job, gone = ledger.running(), ledger.running(OTHER)
    ledger.keeper.rescue(job.id, attempt=1, reason="worker_lost", detail="")
    again = ledger.started(job)
    ledger.keeper.end(gone.id, attempt=1, state=State.FAILED, reason="no_files", detail="")

    assert _give_back(ledger, again, gone) == {job.id: State.QUEUED}

    assert ledger.show(job).first_started_at == again.first_started_at
    assert ledger.state(gone) is State.FAILED


def test_what_was_given_back_unbegun_may_be_started_ahead_again(ledger: Ledger) -> None:
    """It took nobody down; each start raises its attempt."""
    waits, ahead = _ahead(ledger)
    _give_back(ledger, ahead)
    job, first = ledger.running(), ledger.submit("github.com/acme/another")

    turned = _turn(ledger, job, first, waits)

    assert [(one.job.id, one.job.attempt) for one in turned.started] == [(first.id, 1), (waits.id, 2)]


def test_a_cancel_holds_for_what_is_given_back_unbegun(ledger: Ledger) -> None:
    """A job that somebody cancelled while it was in hand ends as cancelled."""
    waits, ahead = _ahead(ledger)
    ledger.keeper.cancel(waits.id, tenant=waits.tenant_id)

    assert _give_back(ledger, ahead) == {waits.id: State.CANCELLED}


def test_a_start_that_is_not_committed_holds_up_no_turn(ledger: Ledger) -> None:
    """While somebody else starts a job of the same repository, the ends stand, and the first one starts."""
    job, first = ledger.running(), ledger.submit("github.com/acme/first")
    mine, theirs = ledger.submit(OTHER, epochs=11), ledger.submit(OTHER, epochs=12)

    with ledger.keeper_database.connection() as connection, connection.transaction():
        connection.execute(
            "update pharos.jobs set state = 'running', attempt = 1, first_started_at = now(), started_at = now()"
            " where id = %s",
            (theirs.id,),
        )
        turned = _turn(ledger, job, first, mine)

    assert [one.job.id for one in turned.started] == [first.id]
    assert (turned.ended, ledger.state(mine)) == ({job.id}, State.QUEUED)


def test_two_turns_with_crossed_repositories_both_stand(ledger: Ledger) -> None:
    """Each starts what the other would start ahead, at the same time: every end is recorded, both first ones run."""
    ran = [ledger.running(f"github.com/acme/ran{number}") for number in range(2)]
    ones = [ledger.submit("github.com/acme/one", epochs=epochs) for epochs in (11, 12)]
    others = [ledger.submit(OTHER, epochs=epochs) for epochs in (11, 12)]
    both = Barrier(2)

    def turn(job: Job, first: Job, ahead: Job) -> Turned:
        both.wait(10)
        return _turn(ledger, job, first, ahead)

    with ThreadPoolExecutor(2) as pool:
        turns = [
            pool.submit(turn, ran[0], ones[0], others[1]),
            pool.submit(turn, ran[1], others[0], ones[1]),
        ]
        turned = [one.result(30) for one in turns]

    assert [one.ended for one in turned] == [{ran[0].id}, {ran[1].id}]
    running = [one.job.repository_id for turn in turned for one in turn.started]
    assert len(running) == len(set(running)) == 2
