"""The part of the page that changes, as a value: made from memory alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cloud_api.board import BoardView
from cloud_api.ui.words import KIND_WORDS, STATE_WORDS, ago, duration, reason_text
from cloud_api.ui.workers import WorkerRow, worker_row
from cloud_api.workers import WorkerStatus, WorkerView
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.facts import Waiting
from shared.nodes.heartbeat import AttemptReport

#: Ended jobs that the page shows, and waiting ones.
_SHOWN = 20
_SHOWN_WAITING = 50
#: How a job can end of which somebody may want another run.
_AGAIN = frozenset({State.FAILED, State.CANCELLED, State.SKIPPED})


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
class Reason:
    """Why a job waits, and what would help."""

    text: str
    action: str
    command: str


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
    waiting: Reason | None
    #: Whether it may be run again.
    again: bool


@dataclass(frozen=True, kw_only=True)
class BoardPage:
    """Everything that the board shows."""

    loaded: bool
    tone: str
    status: str
    workers: tuple[WorkerRow, ...]
    running: tuple[Row, ...]
    #: The first of them, in their order.
    waiting: tuple[Row, ...]
    waiting_count: int
    ended: tuple[Row, ...]
    #: One sentence about what happened last, read out when it changes.
    news: str

    def repository_of(self, job_id: str) -> str | None:
        """Return the name of the repository that a job on the board is about."""
        return next((row.repository for row in (*self.running, *self.waiting, *self.ended) if row.id == job_id), None)


def board_of(
    view: BoardView,
    *,
    status: WorkerStatus,
    workers: Sequence[WorkerView],
    why: Callable[[Job], Waiting | None],
    tenant: UUID,
    now: datetime,
) -> BoardPage:
    """Return the board of one tenant. ``why`` says of a job why it is no further."""
    # One that sleeps still lists what another may have taken over.
    reports = {(report.job_id, report.attempt): report for worker in workers for report in worker.attempts}
    mine = [job for job in view.open_jobs if job.tenant_id == tenant]
    running = tuple(
        _row(job, now, report=reports.get((job.id, job.attempt)), waiting=why(job))
        for job in mine
        if job.state is State.RUNNING
    )
    queued = [job for job in mine if job.state is State.QUEUED]
    waiting = tuple(_row(job, now, waiting=why(job)) for job in queued[:_SHOWN_WAITING])
    ended = tuple(_row(job, now) for job in view.ended if job.tenant_id == tenant)[:_SHOWN]
    rows = tuple(worker_row(worker, now) for worker in workers)
    return BoardPage(
        loaded=view.loaded_at is not None,
        tone=_tone(status.status),
        status=status.status,
        workers=rows,
        running=running,
        waiting=waiting,
        waiting_count=len(queued),
        ended=ended,
        news=_news(ended, status),
    )


def _row(job: Job, now: datetime, *, report: AttemptReport | None = None, waiting: Waiting | None = None) -> Row:
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
        position=waiting.position if waiting is not None else 0,
        took=duration(job.seconds),
        # Where another attempt is due, the reason for waiting says how the one before ended.
        reason="" if waiting is not None and waiting.code == "retry_at" else reason_text(job.reason, job.detail),
        node=job.node or "",
        files=files if isinstance(files, int) else None,
        when=_moment(moment, now),
        progress=_progress(report),
        waiting=_reason(waiting),
        again=job.state in _AGAIN,
    )


def _reason(waiting: Waiting | None) -> Reason | None:
    if waiting is None:
        return None
    action = waiting.action
    return Reason(
        text=waiting.text,
        action=action.text if action is not None else "",
        command=(action.command or "") if action is not None else "",
    )


def _progress(report: AttemptReport | None) -> Progress | None:
    if report is None:
        return None
    return Progress(stage=report.stage.replace("_", " ").capitalize(), done=report.done, total=report.total)


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
