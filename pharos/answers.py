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
    result: dict[str, Any] | None


class Accepted(TypedDict):
    """What became of a submission."""

    job_id: str
    state: str
    repository: str
    repository_id: str
    position: int
    deduplicated: bool


class WorkerStatus(TypedDict):
    """The one line about the busiest worker."""

    status: str
    node: str | None
    stage: str | None
    done: int
    total: int
    seen_seconds_ago: float | None


class Worker(TypedDict):
    """One worker."""

    worker: str
    node: str
    state: str
    seen_seconds_ago: float
    memory_mib: int
    capabilities: dict[str, Any]


class Part(TypedDict):
    """One thing that the control plane stands on."""

    state: str


class Health(TypedDict):
    """``status`` is ``ok``, ``degraded`` or ``down``."""

    status: str
    parts: dict[str, Part]


class Repository(TypedDict):
    """A repository as it was last indexed."""

    id: str
    name: str
    ref: str | None
    commit: str
    files: int
    edges: int
    indexed_at: str


class File(TypedDict):
    """A source file."""

    path: str
    language: str
    isolated: bool


class Likeness(TypedDict):
    """A file that is like another; ``score`` is a cosine."""

    path: str
    language: str
    score: float


class Similar(TypedDict):
    """A file and those most like it, best first."""

    file: File
    similar: list[Likeness]


class Reached(TypedDict):
    """A file that lies ``depth`` imports away."""

    path: str
    language: str
    depth: int


class SignIn(TypedDict):
    """A link that signs a browser in, once; ``expires_in`` is in seconds."""

    path: str
    expires_in: int
