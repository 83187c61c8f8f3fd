"""Why an attempt should stop: asked from any thread, seen by the one that runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

#: Somebody cancelled the job; the attempt is not ours any more; or the job goes back: this worker stops or pauses.
Stop = Literal["cancelled", "lost", "worker_stopping", "worker_paused"]


class Stops:
    """The orders to stop, and whether any concerns a job."""

    def __init__(self, *, paused: Callable[[], bool] = lambda: False) -> None:
        """``paused`` says whether the worker's owner wants it to give back what runs."""
        self._paused = paused
        self._cancelled: set[str] = set()
        self._stopping = threading.Event()

    def cancel(self, job_id: str) -> None:
        """Somebody cancelled this job."""
        self._cancelled.add(job_id)

    def shut_down(self) -> None:
        """This worker is to stop."""
        self._stopping.set()

    def forget(self, job_id: str) -> None:
        """The attempt is over."""
        self._cancelled.discard(job_id)

    def why(self, job_id: str) -> Stop | None:
        """Return why the attempt should stop; a cancel outlives every reason to give the job back."""
        if job_id in self._cancelled:
            return "cancelled"
        if self._stopping.is_set():
            return "worker_stopping"
        return "worker_paused" if self._paused() else None

    @property
    def stopping(self) -> bool:
        """Whether this worker is to stop."""
        return self._stopping.is_set()

    def wait(self, seconds: float) -> bool:
        """Return after so long, or at once when this worker is to stop; whether it is."""
        return self._stopping.wait(seconds)
