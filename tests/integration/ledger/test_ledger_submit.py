"""Submitting: cap, dedupe, idempotency, deadline and place in the queue."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from ledger_world import TENANT_A, Ledger, submission

from shared.ids import repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.ledger.records import DEFAULT_TENANT
from shared.nodes.capabilities import Needs


def test_new_job_is_queued_with_everything_that_was_asked(ledger: Ledger) -> None:
    """A new job stands in the ledger as it was asked for, and nobody has it."""
    job = ledger.submit(priority=Priority.HIGH, needs=Needs(gpu=True), epochs=3)

    shown = ledger.show(job)

    assert shown == job
    assert (job.state, job.attempt, job.failures, job.rescues) == (State.QUEUED, 0, 0, 0)
    assert (job.generation, job.worker_id, job.node) == (None, None, None)
    assert (job.priority, job.needs, job.payload["epochs"]) == (Priority.HIGH, Needs(gpu=True), 3)
    assert job.repository_id == repository_id(DEFAULT_TENANT, job.repository)


def test_deadline_is_ttl_after_creation(ledger: Ledger) -> None:
    """The deadline lies the given milliseconds after the moment that the database recorded the job."""
    job = ledger.submit(ttl_ms=90_000)
    forever = ledger.submit(kind=Kind.REMOVE, ttl_ms=None)

    assert job.deadline_at is not None
    assert abs(job.deadline_at - job.created_at - timedelta(seconds=90)) < timedelta(milliseconds=100)
    assert forever.deadline_at is None


def test_cap_is_exact_under_200_submitters(ledger: Ledger) -> None:
    """Of 200 threads that submit at once under a cap of 20, exactly 20 get in."""

    def submit(number: int) -> str:
        return ledger.ask(f"github.com/acme/r{number}", cap=20).outcome

    with ThreadPoolExecutor(200) as threads:
        outcomes = Counter(threads.map(submit, range(200)))

    assert outcomes == {"created": 20, "full": 180}
    assert len(ledger.keeper.open_jobs()) == 20


def test_full_queue_says_how_many_wait(ledger: Ledger) -> None:
    """A full queue answers with what waits in it and records nothing."""
    for number in range(2):
        ledger.submit(f"github.com/acme/r{number}")

    full = ledger.ask(cap=2)

    assert (full.outcome, full.job, full.waiting, full.position) == ("full", None, 2, 0)
    assert len(ledger.keeper.open_jobs()) == 2


def test_cap_is_of_one_kind(ledger: Ledger) -> None:
    """A queue full of ingests takes a removal."""
    ledger.submit(cap=1)

    assert ledger.ask(kind=Kind.REMOVE, ttl_ms=None, cap=1).outcome == "created"


def test_cap_is_over_all_tenants(ledger: Ledger) -> None:
    """One tenant's waiting jobs count for the others."""
    ledger.add_tenants(TENANT_A)
    ledger.submit(tenant=TENANT_A)

    assert ledger.ask("github.com/acme/other", cap=1).outcome == "full"


def test_cap_counts_waiting_jobs_alone(ledger: Ledger) -> None:
    """Jobs that run, were started once, expired or ended leave their place to others."""
    ledger.running("github.com/acme/runs")
    retried = ledger.running("github.com/acme/retried")
    ledger.keeper.retry(retried.id, attempt=1, reason="network", detail="", delay=0)
    ledger.pass_deadline(ledger.submit("github.com/acme/expired"))
    ledger.keeper.cancel(ledger.submit("github.com/acme/cancelled").id, tenant=DEFAULT_TENANT)

    assert ledger.ask("github.com/acme/next", cap=1).outcome == "created"
    assert ledger.ask("github.com/acme/last", cap=1).outcome == "full"


def test_same_waiting_work_is_one_job(ledger: Ledger) -> None:
    """The same repository with the same parameters waits once."""
    job = ledger.submit()

    again = ledger.ask()

    assert again.outcome == "deduplicated"
    assert again.job == job
    assert again.position == 1


@pytest.mark.parametrize(
    ("first", "second", "then"),
    [
        (Priority.LOW, Priority.URGENT, Priority.URGENT),
        (Priority.NORMAL, Priority.HIGH, Priority.HIGH),
        (Priority.NORMAL, Priority.NORMAL, Priority.NORMAL),
        (Priority.URGENT, Priority.LOW, Priority.URGENT),
    ],
)
def test_same_work_is_as_urgent_as_the_most_urgent_asker(
    ledger: Ledger, first: Priority, second: Priority, then: Priority
) -> None:
    """Who asks for waiting work with more urgency raises it to that, and nobody lowers it."""
    ahead = ledger.submit("github.com/acme/ahead")
    job = ledger.submit(priority=first)

    again = ledger.ask(priority=second)

    assert again.outcome == "deduplicated"
    assert again.job is not None
    assert (again.job.id, again.job.priority, ledger.show(job).priority) == (job.id, then, then)
    assert again.position == (1 if then < ahead.priority else 2)


def test_other_needs_are_other_work(ledger: Ledger) -> None:
    """Who asks for a GPU is not answered with a job that waits for any machine; the same needs are the same work."""
    ledger.submit()
    strong = ledger.submit(needs=Needs(gpu=True))

    again = ledger.ask(needs=Needs(gpu=True))

    assert again.outcome == "deduplicated"
    assert again.job is not None
    assert again.job.id == strong.id


def test_home_does_not_make_other_work(ledger: Ledger) -> None:
    """Two askers for a repository that has a home wait for one job."""
    ledger.published()
    ledger.submit()

    assert ledger.ask().outcome == "deduplicated"


def test_same_work_is_accepted_by_a_full_queue(ledger: Ledger) -> None:
    """Work that waits already is no addition, so a full queue answers with it."""
    ledger.submit()

    assert ledger.ask(cap=1).outcome == "deduplicated"


def test_concurrent_same_work_is_one_row(ledger: Ledger) -> None:
    """Twenty threads that ask for the same work at once make one job."""
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(lambda _: ledger.ask(), range(20)))

    assert Counter(one.outcome for one in found) == {"created": 1, "deduplicated": 19}
    assert len({one.job.id for one in found if one.job}) == 1


def test_other_parameters_are_other_work(ledger: Ledger) -> None:
    """Two sets of parameters for one repository are two jobs."""
    ledger.submit(epochs=10)

    assert ledger.ask(epochs=11).outcome == "created"


def test_other_tenants_work_is_other_work(ledger: Ledger) -> None:
    """What one tenant asks for is no duplicate of what another one asked for."""
    ledger.add_tenants(TENANT_A)
    ledger.submit(tenant=TENANT_A)

    assert ledger.ask().outcome == "created"


def test_running_job_is_no_duplicate(ledger: Ledger) -> None:
    """A push that arrives during a run is indexed after it."""
    running = ledger.running()

    again = ledger.ask()

    assert again.outcome == "created"
    assert again.job is not None
    assert again.job.id != running.id


def test_retried_job_is_no_duplicate(ledger: Ledger) -> None:
    """A job that was started once has seen an older commit, so it stands for no new work."""
    job = ledger.running()
    ledger.keeper.retry(job.id, attempt=1, reason="network", detail="", delay=60)

    assert ledger.ask().outcome == "created"


def test_expired_job_is_no_duplicate(ledger: Ledger) -> None:
    """A waiting job past its deadline is never given out, so new work does not hide behind it."""
    ledger.pass_deadline(ledger.submit())

    assert ledger.ask().outcome == "created"


def test_replay_returns_the_first_job(ledger: Ledger) -> None:
    """The same key with the same request is answered with its job, also when that has ended."""
    key = (b"k" * 32, b"f" * 32)
    job = ledger.submit(idempotency=key)
    ledger.publish(ledger.started(job))

    again = ledger.ask(idempotency=key)

    assert again.outcome == "replayed"
    assert again.job is not None
    assert (again.job.id, again.job.state) == (job.id, State.SUCCEEDED)


def test_key_of_another_request_is_a_conflict(ledger: Ledger) -> None:
    """A key that was used for another request is refused, and nothing is recorded."""
    ledger.submit(idempotency=(b"k" * 32, b"f" * 32))

    again = ledger.ask("github.com/acme/other", idempotency=(b"k" * 32, b"g" * 32))

    assert again.outcome == "conflict"
    assert len(ledger.keeper.open_jobs()) == 1


def test_key_of_deduplicated_work_is_remembered(ledger: Ledger) -> None:
    """A key that was answered with a job already waiting is answered with the same job ever after."""
    job = ledger.submit()
    key = (b"k" * 32, b"f" * 32)
    ledger.ask(idempotency=key)
    ledger.publish(ledger.started(job))

    again = ledger.ask(idempotency=key)

    assert again.outcome == "replayed"
    assert again.job is not None
    assert again.job.id == job.id


@pytest.mark.parametrize(
    ("age", "fingerprint", "outcome"),
    [
        ("23 hours 59 minutes", b"f", "replayed"),
        ("23 hours 59 minutes", b"g", "conflict"),
        ("24 hours", b"f", "created"),
        ("24 hours", b"g", "created"),
    ],
)
def test_key_is_kept_for_a_day(ledger: Ledger, age: str, fingerprint: bytes, outcome: str) -> None:
    """A key that was used within 24 hours is remembered; an older one is new, with whatever request it comes."""
    key = b"k" * 32
    job = ledger.started(ledger.submit(idempotency=(key, b"f" * 32)))
    ledger.publish(job)
    with ledger.keeper_database.connection() as connection:
        connection.execute("update pharos.idempotency_keys set created_at = clock_timestamp() - %s::interval", (age,))

    again = ledger.ask(idempotency=(key, fingerprint * 32))

    assert again.outcome == outcome
    assert ledger.ask(idempotency=(key, fingerprint * 32)).outcome == (
        "conflict" if outcome == "conflict" else "replayed"
    )


def test_concurrent_replays_are_one_row(ledger: Ledger) -> None:
    """Twenty threads with one key, ten of them with another request, make one row."""
    asked = [
        submission(f"github.com/acme/r{number % 2}", idempotency=(b"k" * 32, bytes([number % 2]) * 32))
        for number in range(20)
    ]

    with ThreadPoolExecutor(20) as threads:
        found = Counter(one.outcome for one in threads.map(lambda one: ledger.keeper.submit(one, cap=10), asked))

    assert found == {"created": 1, "replayed": 9, "conflict": 10}
    assert len(ledger.keeper.open_jobs()) == 1


def test_position_counts_from_one(ledger: Ledger) -> None:
    """Each new job of the same urgency goes to the end of the queue."""
    positions = [ledger.ask(f"github.com/acme/r{number}").position for number in range(3)]

    assert positions == [1, 2, 3]


def test_urgent_job_goes_before_the_others(ledger: Ledger) -> None:
    """An urgent job is told that it is first, and the others move back."""
    first = ledger.submit("github.com/acme/first")
    urgent = ledger.ask("github.com/acme/urgent", priority=Priority.URGENT)

    moved = ledger.jobs.show(first.id, tenant=DEFAULT_TENANT)

    assert urgent.position == 1
    assert moved is not None
    assert moved[1] == 2


def test_position_ends_with_the_first_start(ledger: Ledger) -> None:
    """A job that was started has no place among those that wait, and those behind it move up."""
    first = ledger.submit("github.com/acme/first")
    second = ledger.submit("github.com/acme/second")
    ledger.started(first)

    places = [ledger.jobs.show(job.id, tenant=DEFAULT_TENANT) for job in (first, second)]

    assert [place[1] for place in places if place] == [0, 1]


def test_ingest_goes_to_the_home(ledger: Ledger) -> None:
    """Once a repository has a home, its next ingests are sent there, also when that was asked for."""
    ledger.published()

    found = [ledger.submit(epochs=number + 1, needs=needs) for number, needs in enumerate((Needs(), Needs(node="den")))]

    assert [(job.needs.node, job.lane) for job in found] == [("den", "node:den")] * 2


def test_ingest_is_not_sent_away_from_its_home(ledger: Ledger) -> None:
    """Who asks for another node than the one that has the vectors is told so, and nothing is recorded."""
    ledger.published()

    done = ledger.ask(needs=Needs(node="attic"))

    assert (done.outcome, done.job) == ("elsewhere", None)
    assert ledger.keeper.open_jobs() == []


def test_removal_goes_where_it_is_sent(ledger: Ledger) -> None:
    """A home binds ingests alone: a removal is for the node that had the vectors, which its asker knows."""
    ledger.published()

    anywhere = ledger.submit(kind=Kind.REMOVE, ttl_ms=None)
    bound = ledger.submit(kind=Kind.REMOVE, ttl_ms=None, needs=Needs(node="attic"))

    assert (anywhere.needs.node, anywhere.lane) == (None, "remove")
    assert (bound.needs.node, bound.lane) == ("attic", "node:attic")


def test_list_is_newest_first_and_filtered(ledger: Ledger) -> None:
    """A page of jobs comes newest first, by state and kind, and goes on after a job."""
    jobs = [ledger.submit(f"github.com/acme/r{number}") for number in range(4)]
    ledger.started(jobs[0])
    removal = ledger.submit(kind=Kind.REMOVE, ttl_ms=None)

    def page(**how: object) -> list[str]:
        given = {"state": None, "kind": None, "before": None, "limit": 10, **how}
        return [job.id for job in ledger.jobs.page(tenant=DEFAULT_TENANT, **given)]  # type: ignore[arg-type]  # one of each

    ids = sorted((job.id for job in (*jobs, removal)), reverse=True)
    assert page() == ids
    assert page(before=ids[1], limit=2) == ids[2:4]
    assert page(state=State.RUNNING) == [jobs[0].id]
    assert page(kind=Kind.REMOVE) == [removal.id]
