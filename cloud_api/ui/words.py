"""The page's fixed vocabulary: words for states, times, durations and what became of a submission."""

from __future__ import annotations

import math

from shared.errors import PharosError, QueueFull
from shared.jobs.kinds import Kind
from shared.jobs.states import State

STATE_WORDS = {
    State.QUEUED: "Waiting",
    State.RUNNING: "Running",
    State.SUCCEEDED: "Done",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
    State.SKIPPED: "Expired",
}
KIND_WORDS = {Kind.INGEST: "Index", Kind.REMOVE: "Remove"}
WORKER_WORDS = {
    "ready": "Ready",
    "working": "Working",
    "paused": "Paused",
    "draining": "Draining",
    "left": "Offline",
    "offline": "Offline",
    "too_old": "Too old",
}
#: What people read for reasons that carry no text of their own.
_REASONS = {"cancel_requested": "Cancelled on request.", "deadline_passed": "Waited too long and was skipped, as set."}


def ago(seconds: float) -> str:
    """Return how long ago something was, coarsely: a page that shows it changes once a minute."""
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h ago"
    return f"{int(seconds // 86400)} days ago"


def duration(seconds: float | None) -> str:
    """Return a length of time with its units; empty when there is none."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"


def reason_text(reason: str | None, detail: str | None) -> str:
    """Return why a job stands where it stands; empty when there is nothing to say."""
    if detail:
        return detail
    return _REASONS.get(reason, reason.replace("_", " ")) if reason else ""


def submit_success(repository: str | None, *, again: bool) -> str:
    """Return the line beside the box after a submission."""
    name = repository or "The repository"
    if again:
        return f"{name} was asked for before. Nothing was added twice."
    return f"{name} was added."


def submit_failure(error: PharosError) -> str:
    """Return the line beside the box when nothing was added."""
    if not isinstance(error, QueueFull):
        return error.message
    queue, waiting = error.details.get("queue", "The queue"), error.details.get("waiting", "as many as it may")
    retry_after = error.details.get("retry_after")
    minutes = max(1, math.ceil(retry_after / 60)) if isinstance(retry_after, int | float) else 1
    return (
        f"{queue} is full ({waiting} waiting). Nothing was added. Try again in about {minutes} min, "
        "or raise PHAROS_QUEUE_CAP."
    )
