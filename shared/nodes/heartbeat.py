"""What a worker and the control plane say to each other every 20 s, and at once when something starts or ends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.ids import JOB_ID_PATTERN
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities

JobId = Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)]
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


class Heartbeat(_Word):
    """What a worker says of itself. It lists every attempt in its hand: one that is missing is lost."""

    worker: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}\.[0-9a-f]{12}$")]
    version: Annotated[str, StringConstraints(max_length=40)]
    schema_version: int
    capabilities: Capabilities
    slots: int = Field(default=1, ge=1, le=64)
    attempts: tuple[AttemptReport, ...] = Field(default=(), max_length=64)
    ended: tuple[EndReport, ...] = Field(default=(), max_length=256)
    #: Whether it reaches the mailbox at present.
    mailbox: bool = False
    #: Memory in use by the worker and its compute process, MiB.
    memory_mib: int = Field(default=0, ge=0)
    #: A goodbye differs from a loss.
    goodbye: Literal["stopping", "sleeping"] | None = None


class Orders(_Word):
    """What the control plane answers."""

    #: The plane's start number; a worker follows the newest and ignores an older one.
    epoch: int
    lanes: tuple[str, ...]
    #: Look in the ledger: something for you may not be on a lane.
    look: bool = False
    #: Jobs in your hand that somebody asked to cancel.
    cancel: tuple[JobId, ...] = ()
