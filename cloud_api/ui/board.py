"""The part of the page that changes, as a value: made from memory alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cloud_api.board import BoardView
from cloud_api.presence import WorkerStatus, WorkerView
from cloud_api.ui.words import KIND_WORDS, STATE_WORDS, WORKER_WORDS, ago, duration, reason_text
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.heartbeat import AttemptReport

#: Ended jobs that the page shows.
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time: relative for people, exact for machines and for who points at it."""

    text: str
    iso: str
    exact: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a running job is; ``total`` is 0 where nobody knows."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job."""

    id: str
    state: str
    word: str
    kind: str
    repository: str
    position: int
    took: str
    reason: str
    node: str
    files: int | None
    when: Moment
    progress: Progress | None


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """One worker."""

    node: str
    state: str
    word: str
    seen: str
    hardware: str


@dataclass(frozen=True, kw_only=True)
class BoardPage:
    """Everything that the board shows."""

    loaded: bool
    tone: str
    status: str
    workers: tuple[WorkerRow, ...]
    running: tuple[Row, ...]
    waiting: tuple[Row, ...]
    ended: tuple[Row, ...]
    #: One sentence about what happened last, read out when it changes.
    news: str

    def repository_of(self, job_id: str) -> str | None:
        """Return the name of the repository that a job on the board is about."""
        return next((row.repository for row in (*self.running, *self.waiting, *self.ended) if row.id == job_id), None)


def board_of(
    view: BoardView, *, status: WorkerStatus, workers: Sequence[WorkerView], tenant: UUID, now: datetime
) -> BoardPage:
    """Return the board of one tenant."""
    reports = {report.job_id: report for worker in workers for report in worker.attempts}
    mine = [job for job in view.open_jobs if job.tenant_id == tenant]
    places = _places(view.open_jobs)
    running = tuple(_row(job, now, report=reports.get(job.id)) for job in mine if job.state is State.RUNNING)
    waiting = tuple(_row(job, now, position=places.get(job.id, 0)) for job in mine if job.state is State.QUEUED)
    ended = tuple(_row(job, now) for job in view.ended if job.tenant_id == tenant)[:_SHOWN]
    rows = tuple(_worker(worker) for worker in workers)
    return BoardPage(
        loaded=view.loaded_at is not None,
        tone=_tone(status.status),
        status=status.status,
        workers=rows,
        running=running,
        waiting=waiting,
        ended=ended,
        news=_news(ended, status),
    )


def _places(jobs: Sequence[Job]) -> dict[str, int]:
    """Number the jobs that wait for their first start, each kind for itself, as the ledger does."""
    counted: Counter[str] = Counter()
    places = {}
    for job in jobs:
        if job.state is State.QUEUED and job.first_started_at is None:
            counted[job.kind] += 1
            places[job.id] = counted[job.kind]
    return places


def _row(job: Job, now: datetime, *, position: int = 0, report: AttemptReport | None = None) -> Row:
    files = (job.result or {}).get("files")
    moment = job.finished_at or job.created_at
    if job.state is State.RUNNING:
        moment = job.started_at or moment
    return Row(
        id=job.id,
        state=job.state.value,
        word=STATE_WORDS[job.state],
        kind=KIND_WORDS[job.kind],
        repository=job.repository,
        position=position,
        took=duration(job.seconds),
        reason=reason_text(job.reason, job.detail),
        node=job.node or "",
        files=files if isinstance(files, int) else None,
        when=_moment(moment, now),
        progress=_progress(report),
    )


def _progress(report: AttemptReport | None) -> Progress | None:
    if report is None:
        return None
    return Progress(stage=report.stage.replace("_", " ").capitalize(), done=report.done, total=report.total)


def _worker(worker: WorkerView) -> WorkerRow:
    able = worker.capabilities
    gpu = able.gpu_name or "GPU"
    return WorkerRow(
        node=worker.node,
        state=worker.state,
        word=WORKER_WORDS[worker.state],
        seen=ago(worker.seen_seconds_ago),
        hardware=gpu if able.gpu else f"{able.cpus} cores",
    )


def _moment(moment: datetime, now: datetime) -> Moment:
    return Moment(
        text=ago((now - moment).total_seconds()),
        iso=moment.isoformat(timespec="seconds"),
        exact=moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def _tone(status: str) -> str:
    if status == "Offline":
        return "offline"
    if status.startswith("Error"):
        return "failed"
    return "ready" if status == "Idle" else "working"


def _news(ended: Sequence[Row], status: WorkerStatus) -> str:
    if status.status == "Offline" and status.seen_seconds_ago is not None:
        return "No worker answers. Jobs wait; nothing is lost."
    if not ended:
        return ""
    last = ended[0]
    return f"{last.kind} {last.repository}: {last.word.lower()}."
