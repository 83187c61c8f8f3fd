"""A pass over a real ledger and a real Redis."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
import redis
from ledger_world import REPOSITORY, WORKER, Ledger, capabilities
from pydantic import SecretStr

from cloud_api.board import Board
from cloud_api.budget import Plan
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.reconcile.passes import Pass
from cloud_api.services.repositories import Repositories
from cloud_api.services.submit import Submit, SubmitRules
from cloud_api.usage import Usage
from shared.errors import IdempotencyConflict, InvalidRepository, NotFound, QueueFull
from shared.ids import new_job_id, repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.ledger.migrate import latest_version
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox
from shared.nodes.capabilities import Needs
from shared.nodes.heartbeat import AttemptReport, Heartbeat
from shared.timing import Timing


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Plane:
    """The parts of a control plane that a pass works on."""

    def __init__(self, ledger: Ledger, mailbox: Mailbox | None) -> None:
        self.clock = Clock()
        self.presence = Presence(timing=Timing(), clock=self.clock)
        self.board = Board()
        self.delivery = Delivery(mailbox, pause=5, ttl=86_400, clock=self.clock)
        self.dispatch = Dispatch(
            presence=self.presence, board=self.board, lines=Lines(timing=Timing()), duty=lambda _: None
        )
        self.usage = Usage(
            plan=Plan(redis_commands=500_000, postgres_hours=400.0, host_hours=750.0),
            commands=lambda: self.delivery.commands,
            ledger_idle=lambda: [ledger.keeper_database.known[1]],
        )
        self.work = Pass(
            keeper=ledger.keeper,
            reader=ledger.jobs,
            delivery=self.delivery,
            presence=self.presence,
            board=self.board,
            dispatch=self.dispatch,
            usage=self.usage,
            timing=Timing(),
            retention=90 * 86_400,
            clock=self.clock,
        )
        self.pokes: list[None] = []
        self.submit = Submit(
            keeper=ledger.keeper,
            dispatch=self.dispatch,
            repositories=ledger.repositories,
            delivery=self.delivery,
            board=self.board,
            remind=lambda: self.pokes.append(None),
            rules=SubmitRules(git_hosts=("github.com",), local_roots=(), cap=30, ttl=3600),
        )

    def hear(self, *jobs: Job, worker: str = WORKER, **said: Any) -> None:
        """A worker speaks."""
        reports = [AttemptReport(job_id=job.id, attempt=job.attempt, repository=job.repository) for job in jobs]
        self.presence.hear(
            Heartbeat.model_validate(
                {
                    "worker": worker,
                    "version": "0.1.0",
                    "schema_version": latest_version(),
                    "capabilities": capabilities(),
                    "attempts": reports,
                    "mailbox": True,
                    "transport": "tcp",
                    **said,
                }
            )
        )

    def ingest(self, repository: str = REPOSITORY, **how: Any) -> Job:
        """Submit a repository; return its job."""
        given = {"ref": None, "epochs": 10, "force": False, "priority": Priority.NORMAL, "needs": Needs()}
        return self.submit.ingest(tenant=DEFAULT_TENANT, address=repository, idempotency=None, **{**given, **how}).job


@pytest.fixture
def plane(ledger: Ledger, mailbox: Mailbox) -> Plane:
    """A control plane on this test's ledger and mailbox."""
    return Plane(ledger, mailbox)


def _age(ledger: Ledger) -> None:
    """Let every queued job be a minute old."""
    with ledger.keeper_database.connection() as connection:
        connection.execute(
            "update pharos.jobs set created_at = created_at - interval '1 minute', run_after = run_after - interval"
            " '1 minute' where state = 'queued'"
        )


def test_emptied_redis_is_filled_again_by_one_pass(
    ledger: Ledger, plane: Plane, mailbox: Mailbox, redis_link: redis.Redis
) -> None:
    """After FLUSHALL with twenty jobs waiting, one pass puts all of them back on their lanes."""
    jobs = [plane.ingest(f"github.com/acme/r{number}") for number in range(20)]
    _age(ledger)
    assert mailbox.waiting(["ingest"]) == {job.id for job in jobs}
    redis_link.flushall()

    plane.work.run()

    assert mailbox.waiting(["ingest"]) == {job.id for job in jobs}


def test_second_pass_changes_nothing(ledger: Ledger, plane: Plane, redis_link: redis.Redis) -> None:
    """Two passes leave what one leaves: each id once on its lane."""
    for number in range(5):
        plane.ingest(f"github.com/acme/r{number}")
    _age(ledger)
    redis_link.flushall()

    plane.work.run()
    lane = redis_link.lrange("rq:queue:ingest", 0, -1)
    version = plane.board.snapshot().version
    plane.work.run()

    assert redis_link.lrange("rq:queue:ingest", 0, -1) == lane
    assert len(lane) == 5
    assert plane.board.snapshot().version == version


def test_idle_plane_sleeps_for_six_hours(plane: Plane) -> None:
    """With nothing open a pass asks for the next one in six hours."""
    assert plane.work.run() == 6 * 3600


def test_running_job_is_looked_at_when_its_lease_ends(ledger: Ledger, plane: Plane) -> None:
    """A job that runs as it should needs no pass before its lease is over."""
    job = ledger.running()
    plane.hear(job)

    assert 590 < plane.work.run() <= 600
    assert ledger.state(job) is State.RUNNING


def _dead_redis() -> Mailbox:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    return Mailbox(connect(SecretStr(f"redis://127.0.0.1:{port}/0"), wait=0))


@pytest.mark.parametrize("mailbox_of", [_dead_redis, lambda: None], ids=["down", "none"])
def test_without_redis_workers_are_told_to_look(ledger: Ledger, mailbox_of: Callable[[], Mailbox | None]) -> None:
    """Without a mailbox a submit is recorded, and a free worker is ordered to look in the ledger at once."""
    plane = Plane(ledger, mailbox_of())
    plane.hear()

    job = plane.ingest()
    plane.work.run()

    assert plane.dispatch.orders(WORKER).look == "ledger"
    assert ledger.start(job).outcome == "started"


def test_lost_id_is_looked_for_after_20_seconds(ledger: Ledger, plane: Plane, redis_link: redis.Redis) -> None:
    """A worker that reaches Redis and has been free beside a due job for 20 s is ordered to look."""
    plane.hear()
    plane.ingest()
    _age(ledger)

    plane.work.run()
    early = plane.dispatch.orders(WORKER).look
    plane.clock.now += 20
    plane.hear()
    plane.work.run()

    assert early is None
    assert plane.dispatch.orders(WORKER).look == "ledger"


def test_lost_workers_job_goes_to_the_next(ledger: Ledger, plane: Plane, mailbox: Mailbox) -> None:
    """A job whose worker is lost waits for a capable one, then goes back on its lane with its loss counted."""
    job = ledger.running()
    plane.clock.now += 61

    plane.work.run()
    alone = ledger.state(job)
    plane.hear(worker="den.ffffffffffff")
    soon = plane.work.run()
    plane.work.run()

    assert alone is State.RUNNING
    assert soon == 0.05
    shown = ledger.show(job)
    assert (shown.state, shown.rescues, shown.reason) == (State.QUEUED, 1, "worker_lost")
    assert mailbox.waiting(["ingest"]) == {job.id}


def test_first_attempt_that_is_lost_goes_to_another_node(ledger: Ledger, plane: Plane, mailbox: Mailbox) -> None:
    """Nothing is published yet, so a job whose worker is lost is done by whatever node is there."""
    job = ledger.running()
    plane.clock.now += 61
    plane.hear(worker="attic.ffffffffffff", capabilities=capabilities(node="attic"))

    plane.work.run()
    plane.work.run()

    assert mailbox.waiting(["ingest"]) == {job.id}
    assert ledger.start(job, worker="attic.ffffffffffff", node="attic").outcome == "started"


def test_lost_attempt_of_a_repository_with_a_home_waits_for_it(ledger: Ledger, plane: Plane) -> None:
    """Once vectors lie on a node, a job whose worker is lost there is not taken away for another node's sake."""
    ledger.published()
    job = ledger.running()
    plane.clock.now += 61
    plane.hear(worker="attic.ffffffffffff", capabilities=capabilities(node="attic"))

    plane.work.run()

    assert ledger.state(job) is State.RUNNING


def test_restarted_worker_is_given_its_job_again(ledger: Ledger, plane: Plane) -> None:
    """Heartbeats that do not list an attempt end it as soon as one of them was composed after its start."""
    job = ledger.running()
    with ledger.keeper_database.connection() as connection:
        connection.execute("update pharos.jobs set started_at = started_at - interval '30 seconds'")
    plane.hear()
    plane.clock.now += 20
    plane.work.run()
    early = ledger.state(job)
    plane.hear()

    plane.work.run()

    assert early is State.RUNNING
    assert ledger.state(job) is State.QUEUED


def test_cancelled_jobs_are_told_to_their_workers(ledger: Ledger, plane: Plane) -> None:
    """What somebody asked to cancel is in the orders until it has ended."""
    job = ledger.running()
    plane.hear(job)
    ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    plane.work.run()
    told = plane.dispatch.orders(WORKER).cancel
    ledger.keeper.end(job.id, attempt=1, state=State.CANCELLED, reason="cancel_requested", detail="")
    plane.work.run()

    assert told == (job.id,)
    assert plane.dispatch.orders(WORKER).cancel == ()


def test_pass_skips_what_is_late_and_shows_it(ledger: Ledger, plane: Plane) -> None:
    """A waiting job past its deadline is skipped and stands on the board among the ended."""
    late, kept = plane.ingest("github.com/acme/late"), plane.ingest("github.com/acme/kept")
    ledger.pass_deadline(late)

    plane.work.run()

    view = plane.board.snapshot()
    assert [job.id for job in view.open_jobs] == [kept.id]
    assert [(job.id, job.state) for job in view.ended] == [(late.id, State.SKIPPED)]


def test_aged_low_jobs_are_promoted(ledger: Ledger, plane: Plane) -> None:
    """A LOW job that waited for an hour is treated as NORMAL from the next pass on."""
    job = plane.ingest(priority=Priority.LOW)
    ledger.grow_old(job)
    with ledger.keeper_database.connection() as connection:
        connection.execute("update pharos.jobs set deadline_at = null")

    plane.work.run()

    assert ledger.show(job).priority is Priority.NORMAL


def test_retention_is_kept_every_six_hours(ledger: Ledger, plane: Plane) -> None:
    """Old ended jobs go at the first pass, then once in six hours."""

    def old() -> Job:
        job = ledger.published()
        ledger.grow_old(job)
        return job

    first = old()
    plane.work.run()
    second = old()
    plane.work.run()
    still = ledger.jobs.show(second.id, tenant=DEFAULT_TENANT)
    plane.clock.now += 6 * 3600
    plane.work.run()

    assert ledger.jobs.show(first.id, tenant=DEFAULT_TENANT) is None
    assert still is not None
    assert ledger.jobs.show(second.id, tenant=DEFAULT_TENANT) is None


def test_submit_puts_a_job_in_ledger_lane_and_board(ledger: Ledger, plane: Plane, mailbox: Mailbox) -> None:
    """One request becomes one row, one id on its lane, one line on the board, and a reason for a pass."""
    job = plane.ingest("https://GitHub.com/Acme/API.git", needs=Needs(gpu=True), priority=Priority.HIGH)

    assert ledger.show(job) == job
    assert job.repository == REPOSITORY
    assert mailbox.waiting(["ingest+gpu@high"]) == {job.id}
    assert plane.board.snapshot().open_jobs == (job,)
    assert len(plane.pokes) == 1


def test_same_work_is_announced_once(plane: Plane, redis_link: redis.Redis) -> None:
    """Asking again for what waits already puts nothing on a lane."""
    job = plane.ingest()

    again = plane.ingest()

    assert again.id == job.id
    assert redis_link.llen("rq:queue:ingest") == 1


def test_more_urgent_asker_moves_the_job(ledger: Ledger, plane: Plane, mailbox: Mailbox) -> None:
    """Waiting work that somebody asks for with more urgency is on that lane and in that place on the board at once."""
    job = plane.ingest(priority=Priority.LOW)
    other = plane.ingest("github.com/acme/other")

    plane.ingest(priority=Priority.URGENT)

    assert ledger.show(job).priority is Priority.URGENT
    assert mailbox.waiting(["ingest@urgent"]) == {job.id}
    assert [(one.id, one.priority) for one in plane.board.snapshot().open_jobs] == [
        (job.id, Priority.URGENT),
        (other.id, Priority.NORMAL),
    ]


def test_removal_is_never_refused(ledger: Ledger, plane: Plane) -> None:
    """However many removals wait, the promise to delete is taken on."""
    indexed = ledger.published()
    for number in range(30):
        ledger.submit(f"github.com/acme/r{number}", kind=Kind.REMOVE, ttl_ms=None)

    answer = plane.submit.remove(indexed.repository_id, tenant=DEFAULT_TENANT)

    assert (answer.outcome, answer.position) == ("created", 31)


def test_removal_is_of_the_node_that_has_the_vectors(ledger: Ledger, plane: Plane) -> None:
    """A removal stays with the old node when the repository is indexed anew by another one."""
    indexed = ledger.published()
    removal = plane.submit.remove(indexed.repository_id, tenant=DEFAULT_TENANT).job
    ledger.publish(ledger.started(plane.ingest(), node="attic"))

    elsewhere = ledger.start(removal, node="attic")

    assert elsewhere.outcome == "needs_unmet"
    assert ledger.start(removal).outcome == "started"


def test_removal_of_shared_vectors_is_anybodys(ledger: Ledger, plane: Plane) -> None:
    """Vectors in Qdrant are deleted by whatever node is there."""
    job = ledger.running()
    ledger.publish(job, vector_store="qdrant")

    removal = plane.submit.remove(job.repository_id, tenant=DEFAULT_TENANT).job

    assert (removal.needs, removal.lane) == (Needs(), "remove")


def test_refusals_add_nothing(ledger: Ledger, plane: Plane) -> None:
    """A bad address, a full queue and a used key are refused, each in its own words."""
    for number in range(30):
        ledger.submit(f"github.com/acme/r{number}", idempotency=(bytes([number]) * 32, b"f" * 32))

    with pytest.raises(InvalidRepository):
        plane.ingest("file:///etc/passwd")
    with pytest.raises(QueueFull, match="30 waiting") as full:
        plane.ingest()
    with pytest.raises(IdempotencyConflict):
        plane.submit.ingest(
            tenant=DEFAULT_TENANT,
            address=REPOSITORY,
            ref=None,
            epochs=10,
            force=False,
            priority=Priority.NORMAL,
            needs=Needs(),
            idempotency=(b"\x01" * 32, b"g" * 32),
        )

    assert full.value.details == {"queue": "ingest", "waiting": 30, "cap": 30, "retry_after": 60}
    assert len(ledger.keeper.open_jobs()) == 30


def test_removal_stops_ingests_and_waits_for_its_node(ledger: Ledger, plane: Plane, mailbox: Mailbox) -> None:
    """A removed repository is gone at once, its ingests stop, and its node is asked to delete the vectors."""
    indexed = ledger.published()
    running = ledger.running()
    queued = plane.ingest(epochs=7)

    answer = plane.submit.remove(indexed.repository_id, tenant=DEFAULT_TENANT)

    assert (answer.job.kind, answer.job.lane, answer.job.deadline_at) == (Kind.REMOVE, "node:den", None)
    assert ledger.show(running).cancel_requested_at is not None
    assert ledger.state(queued) is State.CANCELLED
    assert answer.job.id in mailbox.waiting(["node:den"])
    with pytest.raises(NotFound):
        Repositories(ledger.repositories).show(indexed.repository_id, tenant=DEFAULT_TENANT)
    assert plane.submit.remove(indexed.repository_id, tenant=DEFAULT_TENANT).outcome == "deduplicated"


def test_unknown_repository_is_not_removed(plane: Plane) -> None:
    """Nothing is queued for a repository that is not there."""
    with pytest.raises(NotFound, match="Nothing was removed"):
        plane.submit.remove(repository_id(DEFAULT_TENANT, "github.com/acme/none"), tenant=DEFAULT_TENANT)


def test_foreign_id_on_a_lane_is_nobodys_job(ledger: Ledger, mailbox: Mailbox) -> None:
    """An id that somebody made up leads to nothing in the ledger."""
    mailbox.push([(new_job_id(), "ingest", 60)])

    forged = mailbox.take(["ingest"], worker=WORKER, wait=1)

    assert forged is not None
    done = ledger.keeper.start(forged, worker=WORKER, capabilities=capabilities(), lease=1)
    assert done.outcome == "gone"
