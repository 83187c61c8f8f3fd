"""The board: open jobs and the hundred that ended last, in memory, so that a page costs no Redis and no Postgres."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.jobs.kinds import Priority
from shared.ledger.records import Job

#: How many ended jobs are kept hot.
KEPT = 100

_Place = tuple[Priority, datetime, str]


@dataclass(frozen=True, kw_only=True)
class BoardView:
    """What there is to see; ``version`` changes with it."""

    version: int
    #: Most urgent and oldest first.
    open_jobs: tuple[Job, ...]
    #: Newest first.
    ended: tuple[Job, ...]
    loaded_at: datetime | None


class Board:
    """Reloaded whenever something is known to have changed, never because somebody looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Job] = {}
        # Kept in order, so that one more job among thousands costs next to nothing.
        self._order: list[_Place] = []
        self._ended: tuple[Job, ...] = ()
        self._version = 0
        self._loaded_at: datetime | None = None
        self._view = BoardView(version=0, open_jobs=(), ended=(), loaded_at=None)

    @property
    def open_count(self) -> int:
        """How many jobs have not ended."""
        return len(self._open)

    def snapshot(self) -> BoardView:
        """Return what was last known."""
        with self._lock:
            if self._view.version != self._version:
                self._view = BoardView(
                    version=self._version,
                    open_jobs=tuple(self._open[job_id] for _, _, job_id in self._order),
                    ended=self._ended,
                    loaded_at=self._loaded_at,
                )
            return self._view

    def load(self, open_jobs: Iterable[Job], ended: tuple[Job, ...]) -> None:
        """Replace everything by what the ledger says."""
        fresh = {job.id: job for job in open_jobs}
        with self._lock:
            if self._loaded_at is not None and (fresh, ended) == (self._open, self._ended):
                return
            self._open, self._ended = fresh, ended
            self._order = sorted(_place(job) for job in fresh.values())
            self._changed()

    def note(self, job: Job) -> None:
        """Take in one job that this process has just seen in the ledger."""
        with self._lock:
            before = self._open.pop(job.id, None)
            if before is not None:
                del self._order[bisect_left(self._order, _place(before))]
            if job.state.ended:
                self._ended = (job, *(one for one in self._ended if one.id != job.id))[:KEPT]
            else:
                self._open[job.id] = job
                insort(self._order, _place(job))
            self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._loaded_at = datetime.now(UTC)


def _place(job: Job) -> _Place:
    return job.priority, job.created_at, job.id
