"""What a worker and the control plane say to each other every 20 s, and at once when something starts or ends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.ids import JOB_ID_PATTERN
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities

#: Where a worker posts it.
HEARTBEAT_PATH = "/api/v1/workers/heartbeat"

JobId = Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)]
#: Why a worker leaves: asked to, its machine goes to sleep, or its version does not fit the ledger.
Goodbye = Literal["stopping", "sleeping", "too_old"]
_Text = Annotated[str, StringConstraints(max_length=500)]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AttemptReport(_Word):
    """An attempt in the worker's hand and how far it is."""

    job_id: JobId
    attempt: int = Field(ge=1)
    kind: Kind = Kind.INGEST
    repository: _Text
    stage: Annotated[str, StringConstraints(max_length=40)] = "start"
    done: int = Field(default=0, ge=0)
    total: int = Field(default=0, ge=0)


class EndReport(_Word):
    """An attempt that this worker ended or gave back since its last heartbeat."""

    job_id: JobId
    attempt: int = Field(ge=1)
    state: State
    detail: _Text | None = None


class Gpu(_Word):
    """One GPU at this moment."""

    name: _Text
    #: Share of time in which it computed, 0 to 1.
    use: float | None = Field(default=None, ge=0, le=1)
    memory_used_mib: int = Field(default=0, ge=0)
    memory_mib: int = Field(default=0, ge=0)


DutyState = Literal["open", "paused", "draining"]


class Duty(_Word):
    """Whether a worker takes jobs, as its owner told it; it keeps this itself over restarts.

    ``paused`` also gives back what runs; ``draining`` lets it end.
    """

    state: DutyState = "open"
    note: Annotated[str, StringConstraints(max_length=200)] | None = None
    #: Seconds until it opens by itself; ``None`` lasts until somebody says otherwise.
    seconds_left: float | None = Field(default=None, ge=0)
    #: The order that made it so, so that the plane knows when it was followed.
    order: Annotated[str, StringConstraints(max_length=40)] | None = None


class DutyOrder(_Word):
    """What somebody wants of a worker, until it says in a heartbeat that it is so."""

    id: Annotated[str, StringConstraints(max_length=40)]
    state: DutyState
    note: Annotated[str, StringConstraints(max_length=200)] | None = None
    seconds: float | None = Field(default=None, gt=0)


#: How a worker reaches the mailbox.
Transport = Literal["tcp", "unix", "rest"]
#: How its line is: ``buffered`` and ``cut`` are what a proxy in between does to it.
LineState = Literal["open", "closed", "buffered", "cut"]


class Heartbeat(_Word):
    """What a worker says of itself. It lists every attempt in its hand: one that is missing is lost."""

    worker: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}\.[0-9a-f]{12}$")]
    version: Annotated[str, StringConstraints(max_length=40)]
    schema_version: int
    capabilities: Capabilities
    slots: int = Field(default=1, ge=1, le=64)
    attempts: tuple[AttemptReport, ...] = Field(default=(), max_length=64)
    #: Slots that have work; one may have several attempts in hand, done and to follow. ``None``: one for each.
    at_work: int | None = Field(default=None, ge=0, le=64)
    ended: tuple[EndReport, ...] = Field(default=(), max_length=256)
    #: Whether it reaches the mailbox at present.
    mailbox: bool = False
    #: How it reaches it, when it does.
    transport: Transport | None = None
    line: LineState = "closed"
    duty: Duty = Duty()
    #: Memory in use by the worker and its compute processes, MiB.
    memory_mib: int = Field(default=0, ge=0)
    #: Load of the last minute for each core.
    load: float | None = Field(default=None, ge=0)
    gpus: tuple[Gpu, ...] = Field(default=(), max_length=16)
    power: Literal["mains", "battery"] | None = None
    #: Charge, 0 to 1.
    battery: float | None = Field(default=None, ge=0, le=1)
    #: Redis commands that this process has sent since it began, all of them.
    redis_commands: int = Field(default=0, ge=0)
    #: Seconds since it last used Postgres; ``None`` when it has not.
    ledger_idle: float | None = Field(default=None, ge=0)
    #: A goodbye differs from a loss.
    goodbye: Goodbye | None = None

    @property
    def busy(self) -> int:
        """Slots that have work. One that has nothing in hand any more is as good as free."""
        return len(self.attempts) if self.at_work is None else min(self.at_work, len(self.attempts))


class Orders(_Word):
    """What the control plane answers."""

    #: The plane's start number; a worker follows the newest and ignores an older one.
    epoch: int
    lanes: tuple[str, ...]
    #: Look in the mailbox (nothing rings there over REST), or in the ledger: something for you may not be on a lane.
    look: Literal["mailbox", "ledger"] | None = None
    #: Jobs in your hand that somebody asked to cancel.
    cancel: tuple[JobId, ...] = ()
    duty: DutyOrder | None = None
    #: Why this worker is given nothing, and what to run on its machine.
    refused: str | None = None
