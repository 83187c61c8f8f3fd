"""The states of a job."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job stands in the ledger."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def ended(self) -> bool:
        """Whether nothing can follow."""
        return self not in (State.QUEUED, State.RUNNING)
