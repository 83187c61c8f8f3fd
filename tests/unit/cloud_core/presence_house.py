"""A presence on a clock that is moved by hand, and what is wanted of its workers."""

from __future__ import annotations

from typing import Any

from plane_factories import a_heartbeat

from cloud_api.duties import Duties
from cloud_api.presence import Presence
from cloud_api.workers import WorkerView
from shared.ledger.records import Job
from shared.timing import Timing

DEN, OTHER, ATTIC = "den.0123456789ab", "den.ffffffffffff", "attic.0123456789ab"


class House:
    """A presence on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.presence = Presence(timing=Timing(), clock=lambda: self.now)
        self.duties = Duties(self.presence, clock=lambda: self.now)

    def hear(self, *, after: float = 0.0, **said: Any) -> bool:
        """Let time go by, then a worker speak."""
        self.now += after
        return self.presence.hear(a_heartbeat(**said))

    def view(self, worker: str = DEN) -> WorkerView:
        """Return a worker that is known."""
        found = self.presence.find(worker)
        assert found is not None
        return found

    def states(self) -> dict[str, str]:
        """Return each worker's state."""
        return {view.worker: view.state for view in self.presence.workers()}

    def holds(self, job: Job, *, since: float, worker: str = DEN) -> bool:
        """Ask whether a worker may have a job that began so long ago."""
        return self.presence.holds(worker, job.id, 1, since=since)
