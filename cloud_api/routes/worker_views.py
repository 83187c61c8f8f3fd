"""What answers show of workers, and what may be asked of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from cloud_api.routes.views import JobId, View
from cloud_api.services.workers import DutyAnswer, WorkerDetail
from cloud_api.workers import WorkerState, WorkerView
from shared.jobs.kinds import Kind
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import AttemptReport, Duty, DutyOrder, Gpu, LineState, Transport

#: The name of a node, or a worker's id.
WorkerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}(\.[0-9a-f]{12})?$")]

#: A text of one line without characters that would drive a terminal or turn the direction of writing.
_PLAIN = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN),
    AfterValidator(lambda note: note or None),
]
_MONTH = 31 * 86_400


class WorkerModel(View):
    """One worker."""

    worker: str
    node: str
    version: str
    schema_version: int
    state: WorkerState
    since: float = Field(description="Seconds since it came to be in this state.")
    why: str | None = Field(description="Why it is not there, or is given nothing.")
    seen_seconds_ago: float
    slots: int
    attempts: list[AttemptReport]
    duty: Duty = Field(description="Whether it takes jobs, as it keeps it itself.")
    by: str | None = Field(description="Who asked for its duty; null where that is not known.")
    wanted: DutyOrder | None = Field(description="What somebody wants of it and it has not done yet.")
    mailbox: bool
    transport: Transport | None = Field(description="How it reaches Redis.")
    line: LineState
    memory_mib: int
    load: float | None = Field(description="Load of the last minute for each core.")
    gpus: list[Gpu]
    power: Literal["mains", "battery"] | None
    battery: float | None = Field(description="Charge, 0 to 1.")
    redis_commands: int = Field(description="Redis commands that this process has sent.")
    ledger_idle: float | None = Field(description="Seconds since it last used Postgres.")
    capabilities: Capabilities
    last_error: str | None


class TakeableView(View):
    """A waiting job that a worker could take."""

    id: JobId
    kind: Kind
    repository: str


class WorkerDetailModel(WorkerModel):
    """One worker, and what waits that it could take."""

    others: list[str] = Field(description="Other processes of its node that are known.")
    could_take: list[TakeableView] = Field(
        description="Waiting jobs that it could take, most urgent first; 50 at most."
    )


class DutyRequest(BaseModel):
    """For how long, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Note | None = Field(default=None, description="Shown to everybody who looks.")
    seconds: float | None = Field(default=None, gt=0, le=_MONTH, description="Until resumed, when absent.")
    minutes: float | None = Field(default=None, gt=0, le=_MONTH / 60, description="The same in minutes.")

    @model_validator(mode="after")
    def _one_length(self) -> DutyRequest:
        if self.seconds is not None and self.minutes is not None:
            raise ValueError("give seconds or minutes, not both")
        return self

    @property
    def length(self) -> float | None:
        """Seconds, or ``None`` for until resumed."""
        return self.minutes * 60 if self.minutes is not None else self.seconds


class ResumeRequest(BaseModel):
    """What to say of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Note | None = None


class DutyView(View):
    """What became of a duty order. A worker shows in ``duty.order`` that it followed."""

    name: str
    order: DutyOrder
    by: str
    workers: list[str] = Field(description="Those who are there to follow it; empty: it is told when it is back.")
    message: str


DutyBody = DutyRequest | SkipJsonSchema[None]
ResumeBody = ResumeRequest | SkipJsonSchema[None]


def worker_view(worker: WorkerView) -> WorkerModel:
    """Return a worker as answers show it."""
    return WorkerModel.model_validate(worker)


def detail_view(detail: WorkerDetail) -> WorkerDetailModel:
    """Return a worker with what it could take."""
    could_take = [TakeableView.model_validate(job) for job in detail.could_take]
    known = worker_view(detail.view).model_dump()
    return WorkerDetailModel(**known, others=list(detail.others), could_take=could_take)


def duty_view(answer: DutyAnswer) -> DutyView:
    """Return what became of a duty order as answers show it."""
    return DutyView.model_validate(answer)
