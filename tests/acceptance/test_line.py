"""The line between processes: a plane that is killed, a worker that is frozen, and whoever waits for an answer."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import httpx2

from pharos.doctor.ways import look_at_lines, look_at_mailbox
from pharos.target import Target
from tests.acceptance.stack import ADMIN, TIME_SCALE, Stack, kill

#: Seconds in which every line is back, as promised and as scaled here, and what two busy cores take to notice.
_BACK = 45 * TIME_SCALE + 3


def _echo(stack: Stack, *, seconds: float = 2.0) -> httpx2.Response:
    return stack.http.post("/api/v1/workers/echo", json={"seconds": seconds})


def _until_it_answers(stack: Stack, *, within: float) -> dict[str, Any]:
    answer = stack.until(lambda: _echo(stack), lambda answer: answer.status_code == 200, within=within)
    return dict(answer.json()["data"])


def test_a_line_comes_back_to_a_plane_that_was_killed(stack: Stack) -> None:
    """A plane that dies without a word and starts anew has its worker's line back in time, and the doctor says so."""
    plane = stack.start_plane()
    stack.start_worker()
    _until_it_answers(stack, within=60)

    kill(plane)
    stack.start_plane()
    began = time.monotonic()
    answer = _until_it_answers(stack, within=60)
    taken = time.monotonic() - began
    target = Target(url=str(stack.http.base_url), token=ADMIN, source="test")

    assert answer["node"] == "alienware"
    assert taken < _BACK
    assert look_at_lines(target).grade == "OK"
    assert look_at_mailbox(target).found == "alienware over TCP"


def test_a_frozen_worker_keeps_nobody_waiting(stack: Stack) -> None:
    """Who asks a frozen worker is told at the deadline; another one answers in its place; thawed, it is back."""
    stack.start_plane()
    worker = stack.start_worker()
    _until_it_answers(stack, within=60)

    os.kill(worker.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        alone = _echo(stack, seconds=0.5)
        waited = time.monotonic() - began
        stack.start_worker("rig")
        stood_in = _until_it_answers(stack, within=60)
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    named = "/api/v1/workers/alienware/echo"
    back = stack.until(lambda: stack.http.post(named, json={}), lambda answer: answer.status_code == 200, within=30)

    assert alone.status_code in {503, 504}
    assert waited < 0.5 + 2
    assert stood_in["node"] == "rig"
    assert back.json()["data"]["node"] == "alienware"
