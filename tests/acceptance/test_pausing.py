"""A worker that is told to pause or to drain does so, keeps to it over restarts, and loses no job."""

from __future__ import annotations

from typing import Any

from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack

#: Passes that keep a job in training for long enough to be caught at it.
_LONG = 100


def _in_training(stack: Stack, job_id: str) -> None:
    stack.until(
        lambda: stack.job(job_id),
        lambda job: (job["progress"] or {}).get("stage") == "train" and job["progress"]["done"] > 0,
    )


def _worker(stack: Stack, node: str = "alienware") -> dict[str, Any]:
    answer = stack.http.get(f"/api/v1/workers/{node}")
    return dict(answer.json()["data"] or {}) if answer.status_code == 200 else {}


def _tell(stack: Stack, verb: str, **body: object) -> dict[str, Any]:
    answer = stack.http.post(f"/api/v1/workers/alienware/{verb}", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json()["data"])


def _becomes(stack: Stack, *states: str) -> dict[str, Any]:
    return dict(stack.until(lambda: _worker(stack), lambda seen: seen.get("state") in states))


def test_a_paused_worker_gives_back_its_job_and_goes_on_after_a_restart(stack: Stack, commit: Commit) -> None:
    """Pause takes the job out of its hand uncounted, holds over a restart of the worker, and ends with resume."""
    source = stack.folder / "source"
    commit(source, package(300))
    stack.start_plane()
    first = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    order = _tell(stack, "pause", note="gaming")["order"]
    paused = _becomes(stack, "paused")
    back = stack.wait(asked["job_id"], "queued")
    first.stop()
    stack.start_worker()
    again = stack.until(
        lambda: _worker(stack), lambda seen: seen["worker"] != paused["worker"] and seen["state"] == "paused"
    )
    waiting = stack.job(asked["job_id"])
    _tell(stack, "resume")
    ended = stack.wait(asked["job_id"])

    assert (paused["duty"]["note"], paused["duty"]["order"], paused["by"]) == ("gaming", order["id"], "admin")
    assert (again["duty"]["order"], again["by"]) == (order["id"], "admin")
    assert (back["state"], waiting["state"], ended["state"]) == ("queued", "queued", "succeeded")
    assert stack.rows("select rescues, failures from pharos.jobs") == [(0, 0)]


def test_a_draining_worker_ends_what_it_runs_and_takes_nothing_else(stack: Stack, commit: Commit) -> None:
    """Drain lets the running job end; the next one waits until the worker is resumed."""
    sources = [stack.folder / f"source{number}" for number in range(2)]
    for number, source in enumerate(sources):
        commit(source, package(20 if number else 300))
    stack.start_plane()
    stack.start_worker()
    first = stack.submit(sources[0], epochs=_LONG)
    _in_training(stack, first["job_id"])

    _tell(stack, "drain")
    _becomes(stack, "draining")
    second = stack.submit(sources[1])
    ended = stack.wait(first["job_id"])
    idle = stack.until(lambda: _worker(stack), lambda seen: not seen["attempts"])
    waiting = stack.job(second["job_id"])
    _tell(stack, "resume")

    assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
    assert (idle["state"], waiting["state"]) == ("draining", "queued")
    assert stack.wait(second["job_id"])["state"] == "succeeded"


def test_an_order_waits_for_a_worker_over_a_restart_of_the_plane(stack: Stack) -> None:
    """A worker that is away when it is told to pause hears of it when it is back, also from the next plane."""
    plane = stack.start_plane()
    worker = stack.start_worker()
    _becomes(stack, "ready")
    worker.stop()
    _becomes(stack, "left")

    told = _tell(stack, "pause", minutes=30)
    plane.stop()
    stack.start_plane()
    stack.start_worker()
    paused = _becomes(stack, "paused")

    assert told["workers"] == []
    assert "will be told when it is back" in told["message"]
    assert paused["duty"]["order"] == told["order"]["id"]
    assert paused["duty"]["seconds_left"] < 1800
