"""What answers show of jobs, repositories, workers and health."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cloud_api.presence import Presence
from cloud_api.services.health import HealthView, PartState
from cloud_api.services.repositories import Unlike
from shared.ids import JOB_ID_PATTERN, REPOSITORY_ID_PATTERN
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.capabilities import Needs
from shared.nodes.facts import ActionCode, Waiting
from shared.nodes.facts import Code as WaitingCode
from shared.nodes.heartbeat import Transport

JobId = Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)]
RepositoryId = Annotated[str, StringConstraints(pattern=REPOSITORY_ID_PATTERN)]
#: One file of a repository, in a question.
FilePath = Annotated[
    str, Query(min_length=1, max_length=4096, description="As git names it, from the repository's root.")
]


class View(BaseModel):
    """The part that all views share: they may be filled from the attributes of a domain value."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ProgressView(View):
    """How far a running job is."""

    stage: str
    done: int
    total: int


class ActionView(View):
    """The one thing that would help."""

    code: ActionCode
    text: str
    command: str | None = Field(description="What to run for it.")
    node: str | None = Field(description="Where to run it; anywhere when null.")


class WaitingView(View):
    """Why a job waits."""

    code: WaitingCode
    text: str = Field(description="Sentences for a person: what is, and what it means for the job.")
    capable: list[str] = Field(description="Nodes that may run it, whether or not they are there.")
    position: int = Field(description="Place in the queue: 1 is next, 0 is not in line.")
    eta_seconds: float | None = Field(description="Until it probably starts; null where that cannot be told.")
    action: ActionView | None


class JobView(View):
    """A job."""

    id: JobId
    kind: Kind
    state: State
    repository: str
    repository_id: RepositoryId
    ref: str | None = Field(description="The branch, tag or commit that was asked for.")
    priority: str
    needs: Needs
    position: int | None = Field(description="Place in the queue: 1 is next, 0 is not waiting; null where not counted.")
    attempt: int
    reason: str | None
    detail: str | None
    node: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime | None
    cancel_requested_at: datetime | None
    seconds: float | None = Field(description="How long the last attempt ran.")
    progress: ProgressView | None
    waiting: WaitingView | None = Field(description="Why it waits; of a running job, what holds it up.")
    result: dict[str, Any] | None
    status_url: str


class AcceptedView(View):
    """What became of a submission."""

    job_id: JobId
    status_url: str
    state: State
    repository: str
    repository_id: RepositoryId
    position: int = Field(description="Place in the queue: 1 is next, 0 is not waiting.")
    deduplicated: bool = Field(description="The same work was waiting already; this is its job.")
    replayed: bool = Field(description="The Idempotency-Key was used before; this is what came of it.")
    retry_of: JobId | None = Field(default=None, description="The job that this one runs again.")
    waiting: WaitingView | None = Field(
        default=None, description="Why it waits; null also where that would hold up this answer."
    )


class HistoryModel(View):
    """The jobs that ended last, newest first, and what they say together; null where there is nothing to divide by."""

    jobs: list[JobView]
    success_rate: float | None
    error_rate: float | None
    skip_rate: float | None
    mean_seconds: float | None
    jobs_per_hour: float | None


class WorkerStatusView(View):
    """The one line about the busiest worker."""

    status: str = Field(description="'Idle', 'Training Graph on {repository}', 'Error: {message}' or 'Offline'.")
    node: str | None
    worker: str | None
    repository: str | None
    stage: str | None
    done: int
    total: int
    seen_seconds_ago: float | None


class RepositoryTextView(View):
    """The text of a repository that can be searched; it may be of another commit than the graph."""

    commit: str
    generation: int
    collection: str = Field(description="Where its passages lie: a model's and a chunker's own.")
    model: str
    dimension: int
    passages: int
    node: str | None
    vector_store: str
    indexed_at: datetime
    stats: dict[str, Any]


class RepositoryView(View):
    """The visible generation of a repository."""

    id: RepositoryId
    name: str
    url: str
    ref: str | None
    commit: str | None = Field(description="Of its graph; null, with the next, where its text alone was indexed.")
    indexed_at: datetime | None
    generation: int
    files: int
    edges: int
    node: str | None
    vector_store: str | None
    stats: dict[str, Any]
    text: RepositoryTextView | None = Field(description="What a search reads; null where no text was indexed.")


class FileView(View):
    """A source file."""

    number: int
    path: str
    language: str
    size: int
    status: str
    isolated: bool
    flags: list[str] = Field(description="What it is besides a source: generated, vendored, minified and others.")
    rank: float = Field(description="PageRank along imports, in multiples of the mean file's.")
    importers: int
    imports: int
    community: int | None


class LikenessView(View):
    """A file that is like another; ``score`` is the cosine of their structural vectors."""

    path: str
    language: str
    score: float


class SimilarView(View):
    """A file and those most like it, best first."""

    file: FileView
    similar: list[LikenessView]
    unlike: Unlike | None = Field(
        description="Why nothing is like it: it is of a kind that gets no vector unless an ingest includes it "
        "(set_aside: see its flags), no import touches it (isolated), or only imports of and by such files do."
    )


class ReachedView(View):
    """A file that lies ``depth`` imports away; one step away it says how it is imported."""

    path: str
    language: str
    depth: int
    kinds: list[str] | None = Field(description="How it is imported; null from the second step on, as the next two.")
    line: int | None = Field(description="The first line of the importing file that imports it.")
    confidence: float | None = Field(description="1 for a rule of the language, less for a guess from evidence.")


class PartModel(View):
    """One thing that the control plane stands on, as it was last known."""

    state: PartState
    age_seconds: float | None
    latency_ms: float | None
    transport: Transport | None = Field(description="How Redis is reached: tcp, unix or rest.")


class HealthModel(View):
    """``down``: no job can be recorded. ``degraded``: jobs run, later than usual."""

    status: str
    parts: dict[str, PartModel]


class CodeView(View):
    """A link that signs a browser in, once."""

    path: str
    expires_in: int = Field(description="Seconds.")


def job_view(
    job: Job, *, position: int | None = None, presence: Presence | None = None, waiting: Waiting | None = None
) -> JobView:
    """Return a job as answers show it; with ``presence``, how far it is too; with ``waiting``, why it is no further."""
    report = presence.progress(job.id) if presence is not None and job.state is State.RUNNING else None
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        repository=job.repository,
        repository_id=job.repository_id,
        ref=job.payload.get("ref"),
        priority=job.priority.name.lower(),
        needs=job.needs,
        position=waiting.position if waiting is not None and position is None else position,
        attempt=job.attempt,
        reason=job.reason,
        detail=job.detail,
        node=job.node,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        deadline_at=job.deadline_at,
        cancel_requested_at=job.cancel_requested_at,
        seconds=job.seconds,
        progress=ProgressView.model_validate(report) if report is not None else None,
        waiting=WaitingView.model_validate(waiting) if waiting is not None else None,
        result=job.result,
        status_url=status_url(job),
    )


def health_view(health: HealthView) -> HealthModel:
    """Return health as anybody may see it: states and ages, no error texts."""
    parts = {name: PartModel.model_validate(part) for name, part in health.parts.items()}
    return HealthModel(status=health.status, parts=parts)


def status_url(job: Job) -> str:
    """Return where a job is shown."""
    return f"/api/v1/jobs/{job.id}"
