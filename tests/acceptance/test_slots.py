"""Slots: one worker runs jobs of different repositories side by side, and never two of the same."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil

from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack

#: Passes that keep a job running while a second compute process loads its libraries.
_LONG = 100


def _running(stack: Stack, *jobs: dict[str, Any]) -> list[bool]:
    return [stack.job(job["job_id"])["state"] == "running" for job in jobs]


def test_jobs_of_different_repositories_run_side_by_side(stack: Stack, commit: Commit) -> None:
    """Two slots hold two repositories at once; a second job of the first repository waits for the first to end."""
    first, second = stack.folder / "first", stack.folder / "second"
    commit(first, package(400))
    commit(second, package(400, name="other"))
    stack.start_plane()
    stack.start_worker(PHAROS_SLOTS="2")
    one = stack.submit(first, epochs=_LONG)
    stack.wait(one["job_id"], "running")
    again, other = stack.submit(first, epochs=5), stack.submit(second, epochs=_LONG)

    stack.until(lambda: _running(stack, one, other), all)
    waits = stack.job(again["job_id"])["state"]
    ended = [stack.wait(asked["job_id"])["state"] for asked in (one, other, again)]

    (overlaps,) = stack.rows(
        "select count(*) from pharos.jobs a join pharos.jobs b on a.repository_id = b.repository_id and a.id < b.id"
        " where a.started_at < b.finished_at and b.started_at < a.finished_at"
    )
    assert waits == "queued"
    assert ended == ["succeeded"] * 3
    assert overlaps == (0,)


def test_every_slot_has_a_process_of_its_own_and_none_outlives_the_worker(stack: Stack, commit: Commit) -> None:
    """A second compute process starts when it is first needed; a worker that is killed takes both along."""
    first, second = stack.folder / "first", stack.folder / "second"
    commit(first, package(400))
    commit(second, package(400, name="other"))
    stack.start_plane()
    worker = stack.start_worker(PHAROS_SLOTS="2")
    one = stack.submit(first, epochs=_LONG)
    stack.wait(one["job_id"], "running")
    before = _computes(worker.pid)
    other = stack.submit(second, epochs=_LONG)
    stack.until(lambda: _running(stack, other), all)
    after = stack.until(lambda: _computes(worker.pid), lambda found: len(found) == 2)

    worker.stop(ask=signal.SIGKILL)

    assert (len(before), len(after)) == (1, 2)
    assert not psutil.wait_procs(after, timeout=10)[1]


def test_a_worker_that_stops_gives_back_every_job(stack: Stack, commit: Commit) -> None:
    """Asked to stop with two jobs in hand, a worker queues both again within its grace, and nothing is counted."""
    sources = [stack.folder / "first", stack.folder / "second"]
    for source in sources:
        commit(source, package(400))
    stack.start_plane()
    worker = stack.start_worker(PHAROS_SLOTS="2")
    asked = [stack.submit(source, epochs=_LONG) for source in sources]
    stack.until(lambda: _running(stack, *asked), all)

    began = time.monotonic()
    worker.stop()
    took = time.monotonic() - began

    jobs = [stack.job(one["job_id"]) for one in asked]
    assert worker.exit_code == 0
    assert took < 20
    assert [(job["state"], job["reason"]) for job in jobs] == [("queued", "worker_stopping")] * 2
    assert stack.rows("select sum(failures), sum(rescues) from pharos.jobs") == [(0, 0)]


def _computes(worker: int) -> list[psutil.Process]:
    children = psutil.Process(worker).children()
    return [child for child in children if "edge_worker.attempt.child" in child.cmdline()]
