"""A control plane over twins of the services that need a database; presence, board and the app itself are real."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

from fastapi.testclient import TestClient
from graph_twins import ComparingTwin, GraphReaderTwin
from plane_factories import A_REPOSITORY, FILES, NOON, REPOSITORY, REPOSITORY_ID, a_job
from search_twins import NamesTwin, TextLedger

from cloud_api.app import create_app
from cloud_api.board import Board
from cloud_api.budget import Plan
from cloud_api.delivery import Delivery
from cloud_api.duties import Duties
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.services.bundle import Services
from cloud_api.services.comparing import Comparing
from cloud_api.services.graph import Graph
from cloud_api.services.health import Health, HealthView, PartView
from cloud_api.services.heartbeats import Heartbeats
from cloud_api.services.history import History, HistoryView, summarise
from cloud_api.services.impact import Impacts
from cloud_api.services.jobs import Jobs
from cloud_api.services.line import Line
from cloud_api.services.repositories import Repositories
from cloud_api.services.search.breaker import Breaker
from cloud_api.services.search.cache import Cache
from cloud_api.services.search.homes import Homes
from cloud_api.services.search.names import Names
from cloud_api.services.search.pointers import Pointers
from cloud_api.services.search.service import Search
from cloud_api.services.submit import Submit, SubmitAnswer
from cloud_api.services.waiting import Reasons
from cloud_api.services.workers import Workers
from cloud_api.usage import Usage
from shared.errors import IdempotencyConflict, NotEnded, NotFound, PharosError, QueueFull
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.graph import GraphReader
from shared.ledger.names import NamesReader
from shared.ledger.records import Job
from shared.ledger.repositories import File, Likeness, Reached, Repository, RepositoryReader
from shared.nodes.heartbeat import Heartbeat, Orders
from shared.repositories import parse_repository
from shared.timing import Timing

ADMIN = "admin-token-for-the-tests"
WORKER = "worker-token-for-the-tests"
AS_ADMIN = {"Authorization": f"Bearer {ADMIN}"}
AS_WORKER = {"Authorization": f"Bearer {WORKER}"}
HOSTS = ("github.com", "gitlab.com")


#: What of a submission is kept in the payload.
_ASKED = ("ref", "epochs", "preset", "method", "include", "force")


@dataclass
class SubmitTwin:
    """Records jobs in a list, with a cap, dedupe and idempotency, as the ledger does."""

    board: Board
    cap: int = 10
    jobs: list[Job] = field(default_factory=list)
    keys: dict[bytes, tuple[bytes, Job]] = field(default_factory=dict)
    error: PharosError | Exception | None = None

    async def ingest_soon(self, **asked: Any) -> SubmitAnswer:
        """As ``ingest``, for a coroutine."""
        return self.ingest(**asked)

    def ingest(
        self, *, tenant: UUID, address: str, idempotency: tuple[bytes, bytes] | None, **how: Any
    ) -> SubmitAnswer:
        """Take a job or raise what the real one raises."""
        if self.error is not None:
            raise self.error
        found = parse_repository(address, hosts=HOSTS)
        if idempotency is not None and idempotency[0] in self.keys:
            body, job = self.keys[idempotency[0]]
            if body != idempotency[1]:
                raise IdempotencyConflict
            return SubmitAnswer(job=job, position=1, outcome="replayed")
        for place, job in enumerate(self.jobs, 1):
            if job.repository == found.name and not job.state.ended:
                return SubmitAnswer(job=job, position=place, outcome="deduplicated")
        if len(self.jobs) >= self.cap:
            waiting = len(self.jobs)
            raise QueueFull(
                f"ingest holds {waiting} of {self.cap} jobs.",
                queue="ingest",
                waiting=waiting,
                cap=self.cap,
                retry_after=360,
            )
        payload = {"url": found.url, **{name: how[name] for name in _ASKED if name in how}}
        job = a_job(
            tenant_id=tenant, repository=found.name, payload=payload, priority=how["priority"], needs=how["needs"]
        )
        self.jobs.append(job)
        self.board.note(job)
        if idempotency is not None:
            self.keys[idempotency[0]] = (idempotency[1], job)
        return SubmitAnswer(job=job, position=len(self.jobs), outcome="created")

    def again(self, job: Job, *, idempotency: tuple[bytes, bytes] | None) -> SubmitAnswer:
        """Take the work of an ended job once more."""
        if not job.state.ended:
            raise NotEnded
        return self.ingest(
            tenant=job.tenant_id,
            address=job.repository,
            ref=job.payload["ref"],
            epochs=job.payload["epochs"],
            force=job.payload["force"],
            priority=job.priority,
            needs=job.needs,
            idempotency=idempotency,
        )

    def remove(self, wanted: str, *, tenant: UUID) -> SubmitAnswer:
        """Queue a removal of the one repository there is."""
        if wanted != REPOSITORY_ID:
            raise NotFound("There is no such repository. Nothing was removed.")
        return SubmitAnswer(job=a_job(tenant_id=tenant, kind=Kind.REMOVE, payload={}), position=1, outcome="created")


@dataclass
class JobsTwin:
    """Reads the jobs of the submit twin."""

    submit: SubmitTwin
    position: int = 1

    def show(self, job_id: str, *, tenant: UUID) -> tuple[Job, int]:
        """Return a job and its position."""
        for job in self.submit.jobs:
            if (job.id, job.tenant_id) == (job_id, tenant):
                return job, self.position if job.state is State.QUEUED else 0
        raise NotFound("There is no such job.")

    def page(
        self, *, tenant: UUID, state: State | None, kind: Kind | None, before: str | None, limit: int
    ) -> list[Job]:
        """Return jobs by id, newest first."""
        found = sorted(self.submit.jobs, key=lambda job: job.id, reverse=True)
        found = [job for job in found if before is None or job.id < before]
        found = [job for job in found if state in (None, job.state) and kind in (None, job.kind)]
        return [job for job in found if job.tenant_id == tenant][:limit]

    def cancel(self, job_id: str, *, tenant: UUID) -> Job:
        """Cancel a job that has not ended."""
        job, _ = self.show(job_id, tenant=tenant)
        if job.state.ended:
            return job
        ended = replace(job, state=State.CANCELLED, reason="cancel_requested", finished_at=NOON)
        self.submit.jobs[self.submit.jobs.index(job)] = ended
        return ended


@dataclass
class HistoryTwin:
    """The ended jobs of the board."""

    board: Board

    def last(self, *, tenant: UUID, limit: int) -> HistoryView:
        """Return them with their figures."""
        return summarise([job for job in self.board.snapshot().ended if job.tenant_id == tenant][:limit])


@dataclass
class RepositoriesTwin:
    """One repository with three files in a row of imports."""

    def page(self, *, tenant: UUID, after: str | None, limit: int) -> list[Repository]:
        """Return the repository, if it comes after the cursor."""
        return [] if after is not None and after >= REPOSITORY else [A_REPOSITORY][:limit]

    def show(self, wanted: str, *, tenant: UUID) -> Repository:
        """Return the repository."""
        if wanted != REPOSITORY_ID:
            raise NotFound("There is no such repository, or its first index is not finished yet.")
        return A_REPOSITORY

    def files(self, wanted: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return its files above a number."""
        self.show(wanted, tenant=tenant)
        return [file for file in FILES if file.number > after][:limit]

    def similar(self, wanted: str, *, tenant: UUID, path: str, limit: int) -> tuple[File, list[Likeness]]:
        """Return a file and the others."""
        file = self.file(wanted, tenant=tenant, path=path)
        others = [Likeness(path=other.path, language="python", score=0.5) for other in FILES if other is not file]
        return file, others[:limit]

    def dependents(self, wanted: str, *, tenant: UUID, path: str, depth: int, limit: int) -> list[Reached]:
        """Return the files with smaller numbers."""
        number = self.file(wanted, tenant=tenant, path=path).number
        return [
            Reached(path=file.path, language="python", depth=number - file.number)
            for file in reversed(FILES[:number])
            if number - file.number <= depth
        ][:limit]

    def dependencies(self, wanted: str, *, tenant: UUID, path: str, depth: int, limit: int) -> list[Reached]:
        """Return the files with larger numbers."""
        number = self.file(wanted, tenant=tenant, path=path).number
        return [
            Reached(path=file.path, language="python", depth=file.number - number)
            for file in FILES[number + 1 :]
            if file.number - number <= depth
        ][:limit]

    def file(self, wanted: str, *, tenant: UUID, path: str) -> File:
        """Return a file."""
        self.show(wanted, tenant=tenant)
        for file in FILES:
            if file.path == path:
                return file
        raise NotFound("That repository has no source file at this path.")


@dataclass
class HeartbeatsTwin:
    """Puts what it hears into presence."""

    presence: Presence

    async def hear(self, heartbeat: Heartbeat) -> Orders:
        """Answer with one lane."""
        self.presence.hear(heartbeat)
        return Orders(epoch=1, lanes=("ingest",))


@dataclass
class HealthTwin:
    """Says what it is told to say."""

    view: HealthView = field(
        default_factory=lambda: HealthView(
            status="ok",
            parts={
                "postgres": PartView(state="connected", age_seconds=1.0, latency_ms=2.0, detail="secret detail"),
                "redis": PartView(state="unknown"),
                "qdrant": PartView(state="off"),
            },
        )
    )

    def now(self) -> HealthView:
        """Return it."""
        return self.view

    def ready(self) -> HealthView:
        """Return it."""
        return self.view


class House:
    """The twins and the real rooms between them."""

    def __init__(self, timing: Timing = Timing()) -> None:  # noqa: B008 - frozen
        self.board = Board()
        self.board.load((), ())
        self.presence = Presence(timing=timing)
        self.duties = Duties(self.presence)
        self.lines = Lines(timing=timing)
        #: Workers that were told at once that there is an order for them.
        self.told: list[str] = []
        self.submit = SubmitTwin(board=self.board)
        self.jobs = JobsTwin(submit=self.submit)
        self.delivery = Delivery(None, pause=1, ttl=1)
        self.health = HealthTwin()
        self.sent = 0
        self.usage = Usage(
            plan=Plan(redis_commands=500_000, postgres_hours=400, host_hours=750),
            commands=lambda: self.sent,
            ledger_idle=lambda: (),
        )
        self.graph, self.comparing = GraphReaderTwin(), ComparingTwin()
        #: What of the ledger a search reads; no repository has text at first.
        self.texts, self.names = TextLedger(), NamesTwin()
        repositories, reader = cast(Repositories, RepositoriesTwin()), cast(GraphReader, self.graph)
        line = Line(lines=self.lines, presence=self.presence, epoch=lambda: 7)
        self.services = Services(
            submit=cast(Submit, self.submit),
            jobs=cast(Jobs, self.jobs),
            reasons=Reasons(
                board=self.board, presence=self.presence, delivery=self.delivery, timing=timing, now=lambda: NOON
            ),
            history=cast(History, HistoryTwin(board=self.board)),
            repositories=repositories,
            graph=Graph(reader, repositories=repositories),
            impacts=Impacts(reader),
            comparing=cast(Comparing, self.comparing),
            search=Search(
                pointers=Pointers(cast(RepositoryReader, self.texts), moved=lambda: self.board.snapshot().version),
                homes=Homes(line=line, presence=self.presence, breaker=Breaker()),
                names=Names(cast(NamesReader, self.names)),
                cache=Cache(),
            ),
            presence=self.presence,
            workers=Workers(
                presence=self.presence, board=self.board, duties=self.duties, tell=self.told.append, keep=lambda: None
            ),
            heartbeats=cast(Heartbeats, HeartbeatsTwin(presence=self.presence)),
            line=line,
            board=self.board,
            health=cast(Health, self.health),
            usage=self.usage,
        )
        self.app = create_app(services=self.services, admin_token=ADMIN, worker_token=WORKER)

    def client(self, base: str = "http://testserver") -> TestClient:
        """Return a client without any credential."""
        return TestClient(self.app, base_url=base, follow_redirects=False)

    def page(self) -> TestClient:
        """Return a client that signed in with the form, as a browser does: every request names its origin."""
        client = self.client()
        client.headers["Origin"] = "http://testserver"
        assert client.post("/sign-in", data={"token": ADMIN}).status_code == 303
        return client
