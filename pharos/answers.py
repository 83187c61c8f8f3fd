"""What the control plane answers, as far as the command line reads it; its OpenAPI document has the whole."""

from __future__ import annotations

from typing import Any, TypedDict

#: Files in one answer about dependents or dependencies; there may be more.
MOST = 1000


class Progress(TypedDict):
    """How far a running job is."""

    stage: str
    done: int
    total: int


class Action(TypedDict):
    """The one thing that would help; ``node`` is where to run the command."""

    code: str
    text: str
    command: str | None
    node: str | None


class Waiting(TypedDict):
    """Why a job waits."""

    code: str
    text: str
    capable: list[str]
    position: int
    eta_seconds: float | None
    action: Action | None


class Job(TypedDict):
    """A job."""

    id: str
    kind: str
    state: str
    repository: str
    repository_id: str
    position: int | None
    attempt: int
    reason: str | None
    detail: str | None
    node: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    progress: Progress | None
    waiting: Waiting | None
    result: dict[str, Any] | None


class Accepted(TypedDict):
    """What became of a submission."""

    job_id: str
    state: str
    repository: str
    repository_id: str
    position: int
    deduplicated: bool
    retry_of: str | None
    waiting: Waiting | None


class WorkerStatus(TypedDict):
    """The one line about the busiest worker."""

    status: str
    node: str | None
    stage: str | None
    done: int
    total: int
    seen_seconds_ago: float | None


class Attempt(TypedDict):
    """A job in a worker's hand."""

    job_id: str
    attempt: int
    repository: str
    stage: str
    done: int
    total: int


class Duty(TypedDict):
    """Whether a worker takes jobs, and the order that made it so."""

    state: str
    note: str | None
    seconds_left: float | None
    order: str | None


class DutyOrder(TypedDict):
    """What somebody wants of a worker."""

    id: str
    state: str
    note: str | None
    seconds: float | None


class Worker(TypedDict):
    """One worker; ``since`` is the seconds that it has been in its state."""

    worker: str
    node: str
    state: str
    since: float
    why: str | None
    attempts: list[Attempt]
    duty: Duty
    by: str | None
    wanted: DutyOrder | None
    power: str | None
    battery: float | None
    seen_seconds_ago: float
    memory_mib: int
    capabilities: dict[str, Any]
    line: str
    transport: str | None


class Takeable(TypedDict):
    """A waiting job that a worker could take."""

    id: str
    kind: str
    repository: str


class WorkerDetail(Worker):
    """One worker, and what waits that it could take."""

    others: list[str]
    could_take: list[Takeable]


class DutyAnswer(TypedDict):
    """What became of a duty order; ``workers`` are there to follow it."""

    name: str
    order: DutyOrder
    by: str
    workers: list[str]
    message: str


class Echo(TypedDict):
    """A text that a worker said again over its line."""

    worker: str
    node: str
    hops: int
    round_trip_ms: float
    text: str


class Part(TypedDict):
    """One thing that the control plane stands on; ``transport`` is how Redis is reached, where that is known."""

    state: str
    transport: str | None


class Health(TypedDict):
    """``status`` is ``ok``, ``degraded`` or ``down``."""

    status: str
    parts: dict[str, Part]


class UsageMeter(TypedDict):
    """One meter of the month's plans, in commands or hours, as its name says; ``reached_on`` is a date."""

    meter: str
    used: float
    limit: float
    share: float
    forecast: float | None
    reached_on: str | None
    warning: str | None


class Searches(TypedDict):
    """How searches were answered since the control plane began."""

    answered: int
    cached: int
    degraded: int


class Usage(TypedDict):
    """What this month has taken of the plans."""

    month: str
    since: str
    meters: list[UsageMeter]
    searches: Searches


class RepositoryText(TypedDict):
    """The text of a repository that can be searched."""

    commit: str
    generation: int
    collection: str
    model: str
    passages: int
    node: str | None
    indexed_at: str


class Repository(TypedDict):
    """A repository as it was last indexed; without commit and time where its text alone was."""

    id: str
    name: str
    ref: str | None
    commit: str | None
    files: int
    edges: int
    indexed_at: str | None
    text: RepositoryText | None


class File(TypedDict):
    """A source file."""

    path: str
    language: str
    isolated: bool
    flags: list[str]
    rank: float
    importers: int
    imports: int


class Likeness(TypedDict):
    """A file that is like another; ``score`` is a cosine."""

    path: str
    language: str
    score: float


class Similar(TypedDict):
    """A file and those most like it, best first; ``unlike`` is why there are none."""

    file: File
    similar: list[Likeness]
    unlike: str | None


class Reached(TypedDict):
    """A file that lies ``depth`` imports away."""

    path: str
    language: str
    depth: int
    kinds: list[str] | None
    line: int | None


class SignIn(TypedDict):
    """A link that signs a browser in, once; ``expires_in`` is in seconds."""

    path: str
    expires_in: int
