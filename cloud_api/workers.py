"""Workers as they are seen: one view of each, made from what it said last, and who of several is asked first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cloud_api.refusal import UPDATE, refusal
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import (
    AttemptReport,
    Duty,
    DutyOrder,
    DutyState,
    Goodbye,
    Gpu,
    Heartbeat,
    LineState,
    Transport,
)

WorkerState = Literal["ready", "working", "paused", "draining", "left", "offline", "too_old"]

_DUTY_STATES: dict[DutyState, WorkerState | None] = {"open": None, "paused": "paused", "draining": "draining"}
_GOODBYES: dict[Goodbye, str] = {"sleeping": "going to sleep", "stopping": "asked to stop"}
#: What stands in for the load of a worker that cannot tell it: all cores busy.
_UNKNOWN_LOAD = 1.0


@dataclass(frozen=True, kw_only=True)
class WorkerView:
    """One worker as people see it."""

    worker: str
    node: str
    version: str
    schema_version: int
    capabilities: Capabilities
    state: WorkerState
    #: Seconds since it came to be so.
    since: float
    #: Why it is not there, or is given nothing.
    why: str | None
    goodbye: Goodbye | None
    seen_seconds_ago: float
    #: What it has in its hand; what a worker that went to sleep goes on with when it wakes.
    attempts: tuple[AttemptReport, ...]
    #: Slots that have work, of so many.
    busy: int
    slots: int
    duty: Duty
    #: Who asked for its duty, where that is known.
    by: str | None = None
    #: What somebody wants of it and it has not done yet.
    wanted: DutyOrder | None = None
    mailbox: bool
    transport: Transport | None
    line: LineState
    memory_mib: int
    load: float | None
    gpus: tuple[Gpu, ...]
    power: Literal["mains", "battery"] | None
    battery: float | None
    redis_commands: int
    ledger_idle: float | None
    last_error: str | None

    @property
    def there(self) -> bool:
        """Whether it is there, whether or not it takes jobs."""
        return self.state in {"ready", "working", "paused", "draining"}

    @property
    def takes(self) -> bool:
        """Whether it takes jobs, as far as its slots go."""
        return self.state in {"ready", "working"}

    @property
    def free(self) -> bool:
        """Whether it could start a job now."""
        return self.takes and self.busy < self.slots


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """The one line about the worker that is busiest: ``Idle``, ``Training Graph on …``, ``Error: …`` or ``Offline``."""

    status: str
    node: str | None = None
    worker: str | None = None
    repository: str | None = None
    stage: str | None = None
    done: int = 0
    total: int = 0
    seen_seconds_ago: float | None = None


def view_of(
    said: Heartbeat, *, age: float, since: float, lost_after: float, last_error: str | None = None
) -> WorkerView:
    """Return a worker as it is ``age`` seconds after its last word; ``since``: seconds in the state of that word."""
    state = state_of(said, age=age, lost_after=lost_after)
    # Asleep it keeps what it has in its hand, and goes on with it unless another took it meanwhile.
    keeps = age <= lost_after or said.goodbye == "sleeping"
    return WorkerView(
        worker=said.worker,
        node=said.capabilities.node,
        version=said.version,
        schema_version=said.schema_version,
        capabilities=said.capabilities,
        state=state,
        since=age if state == "offline" else since,
        why=_why(said, state),
        goodbye=said.goodbye,
        seen_seconds_ago=age,
        attempts=said.attempts if keeps else (),
        busy=said.busy if keeps else 0,
        slots=said.slots,
        duty=_aged(said.duty, age),
        mailbox=said.mailbox,
        transport=said.transport,
        line=said.line if age <= lost_after and said.goodbye is None else "closed",
        memory_mib=said.memory_mib,
        load=said.load,
        gpus=said.gpus,
        power=said.power,
        battery=said.battery,
        redis_commands=said.redis_commands,
        ledger_idle=said.ledger_idle,
        last_error=last_error,
    )


def state_of(said: Heartbeat, *, age: float, lost_after: float) -> WorkerState:
    """Return the state of a worker that said this ``age`` seconds ago."""
    if said.goodbye is not None:
        return "too_old" if said.goodbye == "too_old" else "left"
    if age > lost_after:
        return "offline"
    if refusal(said.schema_version) is not None:
        return "too_old"
    return _DUTY_STATES[said.duty.state] or ("working" if said.attempts else "ready")


def least_loaded(views: Iterable[WorkerView]) -> list[WorkerView]:
    """Return workers in the order in which they are asked: the most room first, then the least load, then mains."""
    return sorted(views, key=_burden)


def _burden(view: WorkerView) -> tuple[float, float, bool, str]:
    load = _UNKNOWN_LOAD if view.load is None else view.load
    return view.busy / view.slots, load, view.power == "battery", view.worker


def _why(said: Heartbeat, state: WorkerState) -> str | None:
    if state == "offline":
        return "lost: no goodbye"
    if state == "too_old":
        unfit = f"Its version does not fit the ledger. On its machine run: {UPDATE}; then start it again."
        return refusal(said.schema_version) or unfit
    return _GOODBYES.get(said.goodbye) if said.goodbye is not None else None


def _aged(duty: Duty, age: float) -> Duty:
    if duty.seconds_left is None:
        return duty
    return duty.model_copy(update={"seconds_left": max(0.0, duty.seconds_left - age)})
