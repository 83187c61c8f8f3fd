"""A ledger of one test's own, and makers of everything that goes into it, with every field defaulted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from pydantic import SecretStr

from shared.jobs.kinds import Kind, Priority
from shared.jobs.payloads import IngestPayload, RemovePayload
from shared.jobs.states import State
from shared.knowledge import Analysis, Community, Cycle, EdgeRow, FileRow, Knowledge, Standing, UnresolvedRow
from shared.ledger.jobs import JobReader
from shared.ledger.keeper import Keeper, Started, Submission, Submitted
from shared.ledger.names import NamesReader
from shared.ledger.postgres import Database
from shared.ledger.publish import Publisher
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.ledger.repositories import RepositoryReader
from shared.nodes.capabilities import Capabilities, Needs
from shared.textual import Name, NamesRow, Textual

APP_PASSWORD = SecretStr("password-of-the-app-role")
KEEPER_PASSWORD = SecretStr("password-of-the-keeper-role")
REPOSITORY = "github.com/acme/api"
WORKER = "den.0123456789ab"
LEASE = 600.0
DAY_MS = 86_400_000
TENANT_A = UUID("00000000-0000-7000-8000-00000000000a")
TENANT_B = UUID("00000000-0000-7000-8000-00000000000b")


def capabilities(**changes: Any) -> Capabilities:
    """Return what a worker on the node ``den`` with a small GPU can do."""
    return Capabilities.model_validate({"node": "den", "gpu": True, "gpu_memory": 6.0, "cpus": 4, **changes})


def submission(
    repository: str = REPOSITORY,
    *,
    tenant: UUID = DEFAULT_TENANT,
    kind: Kind = Kind.INGEST,
    epochs: int = 10,
    priority: Priority = Priority.NORMAL,
    needs: Needs | None = None,
    ttl_ms: int | None = DAY_MS,
    idempotency: tuple[bytes, bytes] | None = None,
) -> Submission:
    """Return what somebody asks for."""
    ingest = IngestPayload(url=f"https://{repository}", epochs=epochs)
    return Submission(
        tenant_id=tenant,
        kind=kind,
        repository=repository,
        payload=ingest if kind is Kind.INGEST else RemovePayload(),
        priority=priority,
        needs=needs or Needs(),
        ttl_ms=ttl_ms,
        idempotency=idempotency,
    )


def file_row(number: int = 0, **changes: Any) -> FileRow:
    """Return one parsed Python file."""
    row: dict[str, Any] = {
        "number": number,
        "path": f"src/file_{number}.py",
        "language": "python",
        "size": 100,
        "blob": "0" * 40,
        "status": "parsed",
        "isolated": False,
    }
    return FileRow(**{**row, **changes})


def knowledge(files: int = 3, *, commit: str = "a" * 40, edges: tuple[tuple[int, int], ...] = ()) -> Knowledge:
    """Return so many files and the given imports between them."""
    return Knowledge(
        commit=commit,
        files=tuple(file_row(number) for number in range(files)),
        edges=tuple(EdgeRow(source=one, target=other, kinds=("import",), line=1) for one, other in edges),
        stats={"seconds": 1.5},
    )


def names_row(path: str = "src/retry.py", *symbols: str) -> NamesRow:
    """Return one Python file with functions of these names, five lines each."""
    found = (
        Name(symbol=symbol, kind="function", start=1 + 5 * place, end=5 + 5 * place)
        for place, symbol in enumerate(symbols or ("back_off",))
    )
    return NamesRow(path=path, language="python", names=tuple(found))


def textual(*rows: NamesRow, commit: str = "b" * 40, **changes: Any) -> Textual:
    """Return the text of a commit with these names, which builds on nothing."""
    text: dict[str, Any] = {
        "commit": commit,
        "collection": "text_tiny_32_01234567",
        "model": "tiny",
        "dimension": 32,
        "parameters": {"include": []},
        "passages": 7,
        "stats": {"written": 7},
        "rows": rows or (names_row(),),
    }
    return Textual(**{**text, **changes})


def analysed(known: Knowledge) -> Knowledge:
    """Return the same files and edges with one row of every other kind."""
    files = len(known.files)
    return replace(
        known,
        unresolved=(UnresolvedRow(source=0, line=4, module="..gone"),),
        analysis=Analysis(
            standings=tuple(Standing(rank=files - number, community=0) for number in range(files)),
            cycles=(Cycle(files=tuple(range(files)), cut=((0, 1),), at_least=1),),
            communities=(Community(size=files, inside=len(known.edges), across=0, leaders=(0,)),),
            modularity=0.5,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """A freshly migrated ledger as each role sees it."""

    owner_url: SecretStr
    app_url: SecretStr
    app: Database
    keeper_database: Database

    @property
    def keeper(self) -> Keeper:
        """The keeper's moves."""
        return Keeper(self.keeper_database)

    @property
    def jobs(self) -> JobReader:
        """What a tenant sees of its jobs."""
        return JobReader(self.app)

    @property
    def publisher(self) -> Publisher:
        """The worker's hand."""
        return Publisher(self.app)

    @property
    def repositories(self) -> RepositoryReader:
        """What was learned."""
        return RepositoryReader(self.app)

    def submit(self, repository: str = REPOSITORY, *, cap: int = 1000, **asked: Any) -> Job:
        """Queue a job that the ledger must take as new."""
        done = self.ask(repository, cap=cap, **asked)
        assert done.outcome == "created"
        assert done.job is not None
        return done.job

    def ask(self, repository: str = REPOSITORY, *, cap: int = 1000, **asked: Any) -> Submitted:
        """Ask for a job, however the ledger takes it."""
        return self.keeper.submit(submission(repository, **asked), cap=cap)

    def start(self, job: Job, *, worker: str = WORKER, lease: float = LEASE, **can: Any) -> Started:
        """Try to start a job."""
        return self.keeper.start(job.id, worker=worker, capabilities=capabilities(**can), lease=lease)

    def started(self, job: Job, *, worker: str = WORKER, **can: Any) -> Job:
        """Start a job that the ledger must hand out."""
        done = self.start(job, worker=worker, **can)
        assert done.outcome == "started"
        assert done.job is not None
        return done.job

    def running(self, repository: str = REPOSITORY, **asked: Any) -> Job:
        """Queue a job and start it."""
        return self.started(self.submit(repository, **asked))

    def show(self, job: Job) -> Job:
        """Return a job as its tenant sees it now."""
        found = self.jobs.show(job.id, tenant=job.tenant_id)
        assert found is not None
        return found[0]

    def state(self, job: Job) -> State:
        """Return where a job stands now."""
        return self.show(job).state

    @property
    def names(self) -> NamesReader:
        """What is found by names."""
        return NamesReader(self.app)

    def publish(self, job: Job, learned: Knowledge | None = None, textual: Textual | None = None, **how: Any) -> None:
        """Publish what an attempt learned; of a text without knowledge, the text alone."""
        given: dict[str, Any] = {"vector_store": "lancedb", "parameters": {"epochs": 10}, "result": {"files": 3}, **how}
        if learned is None and textual is None:
            learned = knowledge()
        self.publisher.publish(job, learned, textual, **given)

    def published(self, learned: Knowledge | None = None, repository: str = REPOSITORY) -> Job:
        """Index a repository from start to end; return its job."""
        job = self.running(repository)
        self.publish(job, learned)
        return job

    def pass_deadline(self, job: Job) -> None:
        """Let a job's deadline be over."""
        self._set("update pharos.jobs set deadline_at = clock_timestamp() - interval '1 s' where id = %s", job)

    def pass_lease(self, job: Job) -> None:
        """Let the lease of a job's attempt be over."""
        self._set("update pharos.jobs set lease_until = clock_timestamp() - interval '1 s' where id = %s", job)

    def come_due(self, job: Job) -> None:
        """Let a job's pause be over."""
        self._set("update pharos.jobs set run_after = clock_timestamp() where id = %s", job)

    def grow_old(self, job: Job) -> None:
        """Let a job be queued, started and ended a year ago."""
        self._set(
            "update pharos.jobs set created_at = created_at - interval '1 year', run_after = run_after - interval "
            "'1 year', finished_at = finished_at - interval '1 year' where id = %s",
            job,
        )

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend the owner's connection."""
        with psycopg.connect(self.owner_url.get_secret_value(), autocommit=True, row_factory=dict_row) as connection:
            yield connection

    def add_tenants(self, *tenants: UUID) -> None:
        """Add tenants, as the owner, whom the forced policy keeps out otherwise."""
        with self.owner() as connection:
            connection.execute("alter table pharos.tenants no force row level security")
            for tenant in tenants:
                connection.execute("insert into pharos.tenants (id, name) values (%s, %s)", (tenant, str(tenant)))
            connection.execute("alter table pharos.tenants force row level security")

    def empty(self) -> None:
        """Leave what the migrations left. Truncating is not subject to policies, deleting is."""
        with self.owner() as owner, owner.transaction():
            tables = owner.execute(
                "select format('pharos.%I', tablename) as name from pg_tables where schemaname = 'pharos'"
                " and tablename not in ('migrations', 'planes', 'tenants') order by 1"
            ).fetchall()
            owner.execute(sql.SQL("truncate {}").format(sql.SQL(", ".join(row["name"] for row in tables))))
            owner.execute("update pharos.planes set epoch = 0")
            owner.execute("delete from pharos.migrations where version = 9999")
            owner.execute("alter table pharos.tenants no force row level security")
            owner.execute("delete from pharos.tenants where id <> %s", (DEFAULT_TENANT,))
            owner.execute("alter table pharos.tenants force row level security")

    def close(self) -> None:
        """Close every connection."""
        self.app.close()
        self.keeper_database.close()

    def _set(self, statement: Any, job: Job) -> None:
        with self.keeper_database.connection() as connection:
            assert connection.execute(statement, (job.id,)).rowcount == 1
