"""The history: the jobs that ended last, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cloud_api.board import KEPT, Board
from shared.jobs.states import State
from shared.ledger.jobs import JobReader
from shared.ledger.records import Job


@dataclass(frozen=True, kw_only=True)
class HistoryView:
    """Figures over ``jobs``; ``None`` where there is nothing to divide by."""

    jobs: tuple[Job, ...]
    success_rate: float | None
    error_rate: float | None
    skip_rate: float | None
    #: Of the jobs that succeeded.
    mean_seconds: float | None
    #: Over the span from the first end to the last.
    jobs_per_hour: float | None


class History:
    """The last hundred come from memory, more from Postgres."""

    def __init__(self, *, reader: JobReader, board: Board) -> None:
        self._reader = reader
        self._board = board

    def last(self, *, tenant: UUID, limit: int) -> HistoryView:
        """Return the ``limit`` jobs that ended last, newest first."""
        view = self._board.snapshot()
        if limit <= KEPT and view.loaded_at is not None:
            mine = tuple(job for job in view.ended if job.tenant_id == tenant)
            return summarise(mine[:limit])
        return summarise(self._reader.ended(tenant=tenant, limit=limit))


def summarise(jobs: Sequence[Job]) -> HistoryView:
    """Return what the jobs say together: shares of all of them, the mean of successes, and the pace."""
    total = len(jobs)
    seconds = [job.seconds for job in jobs if job.state is State.SUCCEEDED and job.seconds is not None]
    return HistoryView(
        jobs=tuple(jobs),
        success_rate=_share(jobs, State.SUCCEEDED, total),
        error_rate=_share(jobs, State.FAILED, total),
        skip_rate=_share(jobs, State.SKIPPED, total),
        mean_seconds=sum(seconds) / len(seconds) if seconds else None,
        jobs_per_hour=_pace(jobs),
    )


def _share(jobs: Sequence[Job], state: State, total: int) -> float | None:
    return sum(job.state is state for job in jobs) / total if total else None


def _pace(jobs: Sequence[Job]) -> float | None:
    ends = [job.finished_at for job in jobs if job.finished_at is not None]
    if len(ends) < 2:
        return None
    span = (max(ends) - min(ends)).total_seconds()
    return (len(ends) - 1) * 3600 / span if span > 0 else None
