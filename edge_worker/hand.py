"""What this worker has in its hand, for the heartbeat: written by the thread that works, read by the one that tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared.nodes.heartbeat import AttemptReport, EndReport


class Hand:
    """The attempts that run, and the ends that the control plane has not heard of yet."""

    def __init__(self, *, tell: Callable[[], None], every: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``tell`` asks for a heartbeat now; progress alone asks for one at most once in ``every`` seconds."""
        self._tell = tell
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], AttemptReport] = {}
        self._ended: list[EndReport] = []
        self._told_at = 0.0

    def report(self, report: AttemptReport) -> None:
        """An attempt began, or is further along."""
        with self._lock:
            # By attempt: a worker that was taken for lost may be given its own job again, in another slot.
            key = (report.job_id, report.attempt)
            before = self._running.get(key)
            self._running[key] = report
            fresh = before is None or before.stage != report.stage
            due = fresh or self._clock() - self._told_at >= self._every
            if due:
                self._told_at = self._clock()
        if due:
            self._tell()

    def end(self, report: EndReport) -> None:
        """An attempt is over."""
        with self._lock:
            self._running.pop((report.job_id, report.attempt), None)
            self._ended.append(report)
        self._tell()

    def show(self) -> tuple[tuple[AttemptReport, ...], tuple[EndReport, ...]]:
        """Return what runs, and the ends to be told."""
        with self._lock:
            return tuple(self._running.values()), tuple(self._ended[:256])

    def heard(self, ended: tuple[EndReport, ...]) -> None:
        """The control plane knows of these ends now."""
        with self._lock:
            known = {(report.job_id, report.attempt, report.state) for report in ended}
            self._ended = [one for one in self._ended if (one.job_id, one.attempt, one.state) not in known]
