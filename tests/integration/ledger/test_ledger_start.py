"""Starting: who gets a job, and who does not."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_world import REPOSITORY, TENANT_A, WORKER, Ledger, capabilities
from psycopg.types.json import Jsonb

from shared.ids import new_job_id
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.publish import Refused
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.nodes.capabilities import Capabilities, Needs


def _node(ledger: Ledger, job: Job) -> str | None:
    return ledger.show(job).needs.node


def test_started_job_is_the_workers(ledger: Ledger) -> None:
    """Who starts a job gets its attempt, its generation and a lease, and stands in its row."""
    job = ledger.submit()

    started = ledger.started(job)

    assert (started.state, started.attempt, started.worker_id, started.node) == (State.RUNNING, 1, WORKER, "den")
    assert started.generation is not None
    assert started.started_at == started.first_started_at
    (held,) = ledger.keeper.open_jobs()
    assert held.lease_in is not None
    assert 590 < held.lease_in <= 600


def test_unknown_id_is_gone(ledger: Ledger) -> None:
    """An id that no row has leads to nothing."""
    done = ledger.keeper.start(new_job_id(), worker=WORKER, capabilities=capabilities(), lease=1)

    assert (done.outcome, done.job) == ("gone", None)


def test_running_and_ended_jobs_are_taken(ledger: Ledger) -> None:
    """A job that runs or has ended is not handed out again."""
    job = ledger.running()

    twice = ledger.start(job).outcome
    ledger.publish(job)

    assert (twice, ledger.start(job).outcome) == ("taken", "taken")


def test_start_ends_a_cancelled_job(ledger: Ledger) -> None:
    """A queued job that cancel was asked for ends as cancelled instead of starting."""
    job = ledger.submit()
    with ledger.keeper_database.connection() as connection:
        connection.execute("update pharos.jobs set cancel_requested_at = clock_timestamp()")

    done = ledger.start(job)

    assert done.outcome == "cancelled"
    assert ledger.state(job) is State.CANCELLED


def test_start_skips_a_job_past_its_deadline(ledger: Ledger) -> None:
    """A job whose deadline passed before its first start ends as skipped."""
    job = ledger.submit()
    ledger.pass_deadline(job)

    done = ledger.start(job)

    shown = ledger.show(job)
    assert done.outcome == "skipped"
    assert (shown.state, shown.reason) == (State.SKIPPED, "deadline_passed")
    assert shown.finished_at is not None


def test_deadline_governs_the_first_start_alone(ledger: Ledger) -> None:
    """A job that was started in time may be retried after its deadline."""
    job = ledger.running()
    ledger.keeper.retry(job.id, attempt=1, reason="network", detail="", delay=0)
    ledger.pass_deadline(job)

    ended = ledger.keeper.end_hopeless()

    assert ended == 0
    assert ledger.started(job).attempt == 2


def test_job_that_pauses_is_not_due(ledger: Ledger) -> None:
    """A job waits for the end of its back-off."""
    job = ledger.running()
    ledger.keeper.retry(job.id, attempt=1, reason="network", detail="", delay=60)

    early = ledger.start(job).outcome
    ledger.come_due(job)

    assert early == "not_due"
    assert ledger.start(job).outcome == "started"


@pytest.mark.parametrize(
    ("needs", "can"),
    [
        (Needs(node="attic"), {}),
        (Needs(gpu=True), {"gpu": False, "gpu_memory": 0}),
        (Needs(gpu_memory=8), {}),
        (Needs(gpu_memory=4), {"gpu": False}),
        (Needs(), {"kinds": ("remove",)}),
    ],
)
def test_needs_are_asked_where_the_race_is_decided(ledger: Ledger, needs: Needs, can: dict[str, Any]) -> None:
    """A worker that cannot do a job is not given it, whatever lane it found the id on."""
    job = ledger.submit(needs=needs)

    done = ledger.start(job, **can)

    assert done.outcome == "needs_unmet"
    assert ledger.state(job) is State.QUEUED


_NEEDS = st.builds(Needs, gpu=st.booleans(), gpu_memory=st.integers(0, 8), node=st.sampled_from([None, "den", "attic"]))
_CAN = st.builds(
    Capabilities,
    node=st.sampled_from(["den", "attic"]),
    kinds=st.sampled_from([(Kind.INGEST,), (Kind.REMOVE,), tuple(Kind)]),
    gpu=st.booleans(),
    gpu_memory=st.sampled_from([0.0, 0.5, 4.0, 7.9, 8.0]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(needs=_NEEDS, can=_CAN)
def test_ledger_and_plane_agree_on_needs(ledger: Ledger, needs: Needs, can: Capabilities) -> None:
    """The rule in SQL and the rule in Python give the same answer."""
    asked = Jsonb(needs.model_dump(mode="json", exclude_defaults=True))
    with ledger.keeper_database.connection() as connection:
        row = connection.execute(
            "select pharos.needs_met('ingest', %s, %s) as met", (asked, Jsonb(can.model_dump(mode="json")))
        ).fetchone()

    assert row is not None
    assert row["met"] is (Kind.INGEST in can.kinds and needs.met_by(can))


def test_ledger_of_another_version_hands_out_nothing(ledger: Ledger) -> None:
    """A worker whose schema is not the ledger's is told so and touches nothing."""
    job = ledger.submit()
    with ledger.owner() as owner:
        owner.execute("insert into pharos.migrations (version, name, checksum) values (9999, 'later', '')")

    done = ledger.start(job)

    assert done.outcome == "worker_too_old"
    assert ledger.state(job) is State.QUEUED


def test_repository_runs_one_job(ledger: Ledger) -> None:
    """A second job of a repository that runs one stays queued."""
    ledger.running(epochs=1)
    second = ledger.submit(epochs=2)

    done = ledger.start(second)

    assert done.outcome == "repository_busy"
    assert (ledger.show(second).state, ledger.show(second).attempt) == (State.QUEUED, 0)


def test_repository_of_another_tenant_is_another_repository(ledger: Ledger) -> None:
    """Two tenants may index one address at the same time."""
    ledger.add_tenants(TENANT_A)
    ledger.running()

    assert ledger.running(tenant=TENANT_A).attempt == 1


def test_one_of_20_starters_gets_the_job(ledger: Ledger) -> None:
    """Of twenty workers that start one job at once, exactly one has it."""
    job = ledger.submit()

    with ThreadPoolExecutor(20) as threads:
        found = Counter(threads.map(lambda number: ledger.start(job, worker=f"den.{number:012x}").outcome, range(20)))

    assert found == {"started": 1, "taken": 19}
    assert ledger.show(job).attempt == 1


def test_one_of_20_jobs_of_a_repository_runs(ledger: Ledger) -> None:
    """Of twenty jobs of one repository that are started at once, exactly one runs."""
    jobs = [ledger.submit(epochs=number + 1) for number in range(20)]

    with ThreadPoolExecutor(20) as threads:
        found = Counter(threads.map(lambda job: ledger.start(job).outcome, jobs))

    assert found == {"started": 1, "repository_busy": 19}
    assert sum(one.job.state is State.RUNNING for one in ledger.keeper.open_jobs()) == 1


def test_each_start_raises_attempt_and_generation(ledger: Ledger) -> None:
    """No two attempts share a number, and no two starts share a generation."""
    job = ledger.running()
    other = ledger.running("github.com/acme/other")
    ledger.keeper.snooze(job.id, attempt=1, reason="power", detail="")

    again = ledger.started(job)

    assert again.attempt == 2
    assert again.first_started_at == job.first_started_at
    assert (job.generation or 0) < (other.generation or 0) < (again.generation or 0)


def test_start_clears_why_it_was_queued_again(ledger: Ledger) -> None:
    """What went wrong before is no reason of the attempt that runs now."""
    job = ledger.running()
    ledger.keeper.retry(job.id, attempt=1, reason="network", detail="It broke off.", delay=0)

    again = ledger.started(job)

    assert (again.reason, again.detail, again.failures) == (None, None, 1)


def test_worker_that_published_vectors_of_its_own_is_the_home(ledger: Ledger) -> None:
    """Once a LanceDB worker has published a repository, its next ingests go to that worker's node."""
    ledger.published()

    later = ledger.submit()

    assert later.needs.node == "den"
    assert ledger.start(later, node="attic").outcome == "needs_unmet"
    assert ledger.start(later).outcome == "started"


def test_start_binds_nobody(ledger: Ledger) -> None:
    """Before anything is published the job and its repository are any node's: what was lost may be tried elsewhere."""
    job = ledger.running()
    ledger.keeper.rescue(job.id, attempt=1, reason="worker_lost", detail="")

    bound = (_node(ledger, job), ledger.submit(epochs=11).needs.node)
    elsewhere = ledger.start(job, worker="attic.ffffffffffff", node="attic")

    assert bound == (None, None)
    assert elsewhere.outcome == "started"
    assert elsewhere.job is not None
    assert (elsewhere.job.node, elsewhere.job.attempt) == ("attic", 2)


@pytest.mark.parametrize("end", [State.FAILED, State.CANCELLED])
def test_attempt_that_published_nothing_binds_nobody(ledger: Ledger, end: State) -> None:
    """A repository whose only attempt failed or was cancelled has no home."""
    ledger.keeper.end(ledger.running().id, attempt=1, state=end, reason="x", detail="")

    assert ledger.start(ledger.submit(), node="attic").outcome == "started"


def test_home_is_where_the_published_vectors_are(ledger: Ledger) -> None:
    """Of two nodes that had a repository in hand the one that published it is its home."""
    job = ledger.running()
    ledger.keeper.rescue(job.id, attempt=1, reason="worker_lost", detail="")

    ledger.publish(ledger.started(job, node="attic"))

    assert ledger.submit().needs.node == "attic"


def test_shared_vectors_bind_nobody(ledger: Ledger) -> None:
    """Vectors in Qdrant bind a repository to no node."""
    job = ledger.submit()
    ledger.publish(ledger.started(job, vector_store="qdrant"), vector_store="qdrant")

    later = ledger.submit()

    assert later.needs.node is None
    assert ledger.start(later, node="attic", vector_store="qdrant").outcome == "started"


def test_repository_that_moved_to_shared_vectors_has_no_home(ledger: Ledger) -> None:
    """Once its vectors are where every node reads them, a repository that had a home is any node's."""
    ledger.published()
    ledger.publish(ledger.running(), vector_store="qdrant")

    later = ledger.submit()

    assert later.needs.node is None
    assert ledger.start(later, node="attic").outcome == "started"


def test_unpublished_attempt_leaves_the_home_alone(ledger: Ledger) -> None:
    """A publish that is refused changes no home."""
    ledger.published()
    job = ledger.running()
    ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    with pytest.raises(Refused):
        ledger.publish(job, vector_store="qdrant")

    assert ledger.submit().needs.node == "den"


def test_home_is_nothing_to_workers_that_share_vectors(ledger: Ledger) -> None:
    """A job that waited before the home was set is given to a worker whose vectors lie on no node."""
    early = ledger.submit(epochs=11)
    ledger.published()

    elsewhere = ledger.start(early, node="attic", vector_store="qdrant")

    assert elsewhere.outcome == "started"
    assert _node(ledger, early) is None


def test_home_is_nothing_to_removals(ledger: Ledger) -> None:
    """A removal goes where it was sent, wherever the repository has its home by now."""
    ledger.published()
    anywhere = ledger.submit(kind=Kind.REMOVE, ttl_ms=None)
    bound = ledger.submit("github.com/acme/other", kind=Kind.REMOVE, ttl_ms=None, needs=Needs(node="attic"))
    ledger.published(repository="github.com/acme/other")

    outcomes = [ledger.start(job, node="attic").outcome for job in (anywhere, bound)]

    assert outcomes == ["started", "started"]
    assert (_node(ledger, anywhere), _node(ledger, bound)) == (None, "attic")


def test_home_binds_jobs_that_waited_before_it_was_set(ledger: Ledger) -> None:
    """A job that was queued before its repository had a home is sent there by its start."""
    early = ledger.submit(epochs=11)
    ledger.published()

    elsewhere = ledger.start(early, node="attic")

    assert elsewhere.outcome == "needs_unmet"
    assert _node(ledger, early) == "den"
    assert ledger.start(early).outcome == "started"


def test_home_goes_before_a_node_that_was_asked_for(ledger: Ledger) -> None:
    """A repository's vectors never lie on two nodes, whatever node a job asked for before the home was set."""
    early = ledger.submit(epochs=11, needs=Needs(node="attic"))
    ledger.published()

    elsewhere = ledger.start(early, node="attic")

    assert elsewhere.outcome == "needs_unmet"
    assert _node(ledger, early) == "den"


def test_home_is_of_one_tenants_repository(ledger: Ledger) -> None:
    """The home of one repository binds no other one, nor another tenant's."""
    ledger.add_tenants(TENANT_A)
    ledger.published()

    assert ledger.submit("github.com/acme/other").needs.node is None
    assert ledger.submit(REPOSITORY, tenant=TENANT_A).needs.node is None


def test_tenant_is_the_rows(ledger: Ledger) -> None:
    """The job that a worker is given names its tenant."""
    assert ledger.running().tenant_id == DEFAULT_TENANT
