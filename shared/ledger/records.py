"""A job as the ledger knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.nodes.capabilities import Needs
from shared.nodes.placement import lane_of

#: The one tenant there is until people can sign up; it stands in the first migration.
DEFAULT_TENANT = UUID("00000000-0000-7000-8000-000000000001")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row of ``pharos.jobs``."""

    id: str
    tenant_id: UUID
    kind: Kind
    repository: str
    repository_id: str
    payload: dict[str, Any]
    priority: Priority
    needs: Needs
    state: State
    reason: str | None
    detail: str | None
    attempt: int
    failures: int
    rescues: int
    generation: int | None
    worker_id: str | None
    node: str | None
    #: Not to be started before.
    run_after: datetime
    deadline_at: datetime | None
    cancel_requested_at: datetime | None
    created_at: datetime
    first_started_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Job:
        """Return the job in a row that has at least its columns."""
        values = {name: row[name] for name in _COLUMNS}
        values["kind"] = Kind(row["kind"])
        values["priority"] = Priority(row["priority"])
        values["state"] = State(row["state"])
        values["needs"] = Needs.model_validate(row["needs"]) if row["needs"] else _NO_NEEDS
        return cls(**values)

    @cached_property
    def lane(self) -> str:
        """The lane that it belongs on."""
        return lane_of(self.kind, self.needs, self.priority)

    @property
    def seconds(self) -> float | None:
        """How long its last attempt ran."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


_COLUMNS = tuple(field.name for field in fields(Job))
_NO_NEEDS = Needs()


@dataclass(frozen=True, kw_only=True)
class OpenJob:
    """A job that has not ended, with its times as seconds from the moment that the database was asked."""

    job: Job
    due: bool
    due_in: float
    deadline_in: float | None
    lease_in: float | None
    running_for: float | None
    #: How long it has been due; negative before.
    age: float

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> OpenJob:
        """Return what one row of the query ``open`` says."""
        return cls(
            job=Job.from_row(row),
            due=row["due"],
            due_in=row["due_in"],
            deadline_in=row["deadline_in"],
            lease_in=row["lease_in"],
            running_for=row["running_for"],
            age=row["age"],
        )
