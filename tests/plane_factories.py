"""Jobs, heartbeats and repositories as the tests of the control plane need them, with every field defaulted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.ids import new_job_id, repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.ledger.migrate import latest_version
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.ledger.repositories import File, Repository
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import AttemptReport, Heartbeat

REPOSITORY = "github.com/acme/api"
REPOSITORY_ID = repository_id(DEFAULT_TENANT, REPOSITORY)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_job(**changes: Any) -> Job:
    """Return a waiting job, with every field defaulted."""
    name = changes.get("repository", REPOSITORY)
    job = Job(
        id=new_job_id(),
        tenant_id=DEFAULT_TENANT,
        kind=Kind.INGEST,
        repository=name,
        repository_id=repository_id(DEFAULT_TENANT, name),
        payload={"url": f"https://{name}", "ref": None, "epochs": 10, "force": False},
        priority=Priority.NORMAL,
        needs=Needs(),
        state=State.QUEUED,
        reason=None,
        detail=None,
        attempt=0,
        failures=0,
        rescues=0,
        generation=None,
        worker_id=None,
        node=None,
        run_after=NOON,
        deadline_at=NOON + timedelta(hours=24),
        cancel_requested_at=None,
        created_at=NOON,
        first_started_at=None,
        started_at=None,
        finished_at=None,
        result=None,
    )
    return replace(job, **changes)


def a_running_job(**changes: Any) -> Job:
    """Return a job that runs its first attempt on the node ``den``."""
    started = {"state": State.RUNNING, "attempt": 1, "node": "den", "started_at": NOON, "first_started_at": NOON}
    return a_job(**{**started, **changes})


def an_ended_job(**changes: Any) -> Job:
    """Return a job that succeeded after 42 s."""
    ended = {"state": State.SUCCEEDED, "finished_at": NOON + timedelta(seconds=42), "result": {"files": 120}}
    return a_running_job(**{**ended, **changes})


def a_heartbeat(**changes: Any) -> Heartbeat:
    """Return what an idle worker on the node ``den`` says."""
    said = {
        "worker": "den.0123456789ab",
        "version": "0.1.0",
        "schema_version": latest_version(),
        "capabilities": Capabilities(node="den", cpus=8),
    }
    return Heartbeat.model_validate({**said, **changes})


def a_report(job: Job, **changes: Any) -> AttemptReport:
    """Return what a worker says of a job in its hand."""
    said = {"job_id": job.id, "attempt": 1, "repository": job.repository, "stage": "train", "done": 3, "total": 10}
    return AttemptReport.model_validate({**said, **changes})


A_REPOSITORY = Repository(
    id=REPOSITORY_ID,
    name=REPOSITORY,
    url=f"https://{REPOSITORY}",
    ref=None,
    commit="0" * 40,
    generation=7,
    files=2,
    edges=1,
    node="den",
    vector_store="lancedb",
    indexed_at=NOON,
    stats={"seconds": 1.5},
)
FILES = [
    File(number=number, path=f"src/file_{number}.py", language="python", size=100, status="parsed", isolated=False)
    for number in range(3)
]
