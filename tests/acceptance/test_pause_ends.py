"""A worker's duty survives a crash and ends by itself."""

from __future__ import annotations

import time
from typing import Any

from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack, kill

_PAUSE = 30.0


def _worker(stack: Stack) -> dict[str, Any]:
    answer = stack.http.get("/api/v1/workers/alienware")
    return dict(answer.json()["data"] or {}) if answer.status_code == 200 else {}


def test_a_pause_outlives_a_crash_and_ends_by_itself(stack: Stack, commit: Commit) -> None:
    """A worker that is killed in its pause starts paused, takes nothing until the end that was named, and then goes on.

    Nobody says so a second time: the job that waited is taken as soon as the pause is over.
    """
    source = stack.folder / "source"
    commit(source, package(5))
    stack.start_plane()
    first = stack.start_worker()
    stack.until(lambda: _worker(stack), lambda seen: seen.get("state") == "ready")

    began = time.monotonic()
    answer = stack.http.post("/api/v1/workers/alienware/pause", json={"seconds": _PAUSE, "note": "gaming"})
    paused = stack.until(lambda: _worker(stack), lambda seen: seen["duty"]["state"] == "paused")
    kill(first)
    stack.start_worker()
    again = stack.until(
        lambda: _worker(stack),
        lambda seen: seen["worker"] != paused["worker"] and seen["duty"]["state"] == "paused",
    )
    job = stack.wait(stack.submit(source)["job_id"])
    took = time.monotonic() - began
    after = stack.until(lambda: _worker(stack), lambda seen: seen["duty"]["state"] == "open")

    assert answer.status_code == 202
    assert again["duty"]["note"] == "gaming"
    assert 0 < again["duty"]["seconds_left"] < _PAUSE
    assert (job["state"], job["attempt"]) == ("succeeded", 1)
    assert took >= _PAUSE
    assert after["duty"]["order"] == again["duty"]["order"]
