"""The board: open jobs and the hundred that ended last, in memory, so that a page costs no Redis and no Postgres."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.ledger.records import Job

#: How many ended jobs are kept hot.
KEPT = 100


@dataclass(frozen=True, kw_only=True)
class BoardView:
    """What there is to see; ``version`` changes with it."""

    version: int
    open_jobs: tuple[Job, ...]
    #: Newest first.
    ended: tuple[Job, ...]
    loaded_at: datetime | None


class Board:
    """Reloaded whenever something is known to have changed, never because somebody looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._view = BoardView(version=0, open_jobs=(), ended=(), loaded_at=None)

    def snapshot(self) -> BoardView:
        """Return what was last known."""
        return self._view

    def load(self, open_jobs: tuple[Job, ...], ended: tuple[Job, ...]) -> None:
        """Replace everything by what the ledger says."""
        with self._lock:
            first = self._view.loaded_at is None
            if first or (open_jobs, ended) != (self._view.open_jobs, self._view.ended):
                self._put(open_jobs, ended)

    def note(self, job: Job) -> None:
        """Take in one job that this process has just seen in the ledger."""
        with self._lock:
            others = tuple(one for one in self._view.open_jobs if one.id != job.id)
            if job.state.ended:
                ended = (job, *(one for one in self._view.ended if one.id != job.id))[:KEPT]
                self._put(others, ended)
            else:
                ordered = sorted((*others, job), key=lambda one: (one.priority, one.created_at, one.id))
                self._put(tuple(ordered), self._view.ended)

    def _put(self, open_jobs: tuple[Job, ...], ended: tuple[Job, ...]) -> None:
        self._view = BoardView(
            version=self._view.version + 1, open_jobs=open_jobs, ended=ended, loaded_at=datetime.now(UTC)
        )
