"""Whatever ends or disturbs a worker's line, over real HTTP: it is noticed, said once, and the line comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from line_plane import HELLO, LinePlane, Stream, cutting, greeting, silent
from line_worker import QUICK, TOKEN, WORKER, Worker, a_request, eventually
from pydantic import SecretStr
from structlog.testing import capture_logs

from edge_worker.line import Line
from shared.nodes.heartbeat import LineState
from shared.timing import Timing


@pytest.fixture
def plane() -> Iterator[LinePlane]:
    """A plane that greets."""
    plane = LinePlane()
    yield plane
    plane.close()


@pytest.fixture
def worker(plane: LinePlane) -> Iterator[Worker]:
    """A worker without a line yet."""
    worker = Worker(plane)
    yield worker
    worker.end()


@pytest.mark.parametrize("state", ["open", "withheld", "silent", "away", "pausing"])
def test_stopping_is_prompt(plane: LinePlane, worker: Worker, state: str) -> None:
    """Whatever the line waits for, it ends when it is told to, and the plane sees it leave."""
    plane.begin = silent if state == "silent" else greeting
    plane.withholds = state == "withheld"
    plane.refusals = [(404, "application/problem+json")] if state == "pausing" else []
    if state == "away":
        plane.close()
    line = worker.begin(timing=Timing())
    eventually(lambda: state == "away" or plane.asked_for_streams)
    if state == "open":
        worker.is_("open")

    seconds = worker.end()

    assert seconds < 1
    assert line.state == "closed"
    if state in {"open", "silent"}:
        assert plane.streams[0].left.wait(5)


def test_a_line_that_was_stopped_first_never_begins(plane: LinePlane, worker: Worker) -> None:
    """Stopping before the thread runs, and once more after it, is no race."""
    line = Line(
        control_url=plane.url, token=SecretStr(TOKEN), worker=WORKER, obey=lambda _: None, answers={}, timing=QUICK
    )

    line.stop()
    thread = threading.Thread(target=line.run)
    thread.start()
    thread.join(10)
    line.stop()

    assert not thread.is_alive()
    assert plane.asked_for_streams == 0


def test_a_request_in_hand_does_not_keep_the_thread(plane: LinePlane, worker: Worker) -> None:
    """A line ends although an answer is still being worked on."""
    worker.answer = worker.wait_for_ready
    line = worker.begin()
    worker.is_("open")
    plane.streams[0].say("request", a_request())
    worker.began.acquire()

    line.stop()
    worker.thread.join(2)

    assert not worker.thread.is_alive()


def test_a_line_comes_back_to_a_plane_that_restarts(plane: LinePlane, worker: Worker) -> None:
    """However long a plane was away, its workers are back within the longest pause of 30 s, here a fiftieth."""
    worker.begin()
    worker.is_("open")
    plane.close()
    worker.is_("closed")
    threading.Event().wait(1.5)

    again = LinePlane(port=plane.port, begin=lambda stream: stream.hello(epoch=2))
    began = time.monotonic()
    try:
        worker.is_("open")
    finally:
        worker.end()
        again.close()

    assert time.monotonic() - began < 45 / 50 + 1


def test_silence_ends_a_line(plane: LinePlane, worker: Worker) -> None:
    """A stream on which not even pings come is given up, and another one asked for."""
    worker.begin()
    eventually(lambda: len(plane.streams) == 2)

    assert plane.streams[0].left.wait(5)
    worker.is_("open")


def test_pings_keep_a_line(plane: LinePlane, worker: Worker) -> None:
    """As long as pings come, the stream is kept."""
    worker.begin()
    worker.is_("open")

    for _ in range(8):
        plane.streams[0].say("ping", {})
        threading.Event().wait(QUICK.ping)

    assert len(plane.streams) == 1


def test_a_hello_that_is_held_back_is_noticed(plane: LinePlane, worker: Worker) -> None:
    """A proxy that collects an answer lets the head through and nothing else: said once, and tried at a slow pace."""
    plane.begin = silent

    with capture_logs() as logs:
        worker.begin()
        worker.is_("buffered")
        threading.Event().wait(1.0)

    assert [one["state"] for one in logs if one["event"] == "line_disturbed"] == ["buffered"]
    assert plane.asked_for_streams == 1


def test_a_head_that_is_held_back_is_noticed(plane: LinePlane, worker: Worker) -> None:
    """A proxy that holds back even the head is told from a plane that is away by a plain request."""
    plane.withholds = True

    worker.begin()
    worker.is_("buffered")

    assert plane.asked_for_streams == 2
    assert plane.asked_for_health == 2


def test_a_line_that_is_let_through_again_is_open(plane: LinePlane, worker: Worker) -> None:
    """When the proxy is gone, the next slow try finds out."""
    plane.begin = silent
    worker.begin(timing=Timing(ping=0.02, line_silence=5.0, line_hello=0.5, reconnect=0.1))
    worker.is_("buffered")

    plane.begin = greeting

    worker.is_("open")


def test_a_line_that_is_cut_again_and_again_is_noticed(plane: LinePlane, worker: Worker) -> None:
    """Three streams in a row that ended early are no accident; one that lives is the end of it."""
    states: list[LineState] = []

    def cutting_three(stream: Stream) -> None:
        assert worker.line is not None
        states.append(worker.line.state)
        (cutting if len(states) <= 3 else greeting)(stream)

    def is_open_when_pinged() -> bool:
        plane.streams[-1].say("ping", {})
        return worker.line is not None and worker.line.state == "open"

    plane.begin = cutting_three
    with capture_logs() as logs:
        worker.begin()
        eventually(lambda: len(states) == 4)
        eventually(is_open_when_pinged)

    # As each stream was asked for: the third that ends makes it one that is cut.
    assert states == ["closed", "closed", "closed", "cut"]
    assert [one["state"] for one in logs if one["event"] == "line_disturbed"] == ["cut"]


def test_a_plane_that_restarts_often_is_no_proxy(plane: LinePlane, worker: Worker) -> None:
    """Streams that end early because the plane started anew do not count as cut."""
    epochs = iter(range(1, 100))

    def restarting(stream: Stream) -> None:
        stream.hello(epoch=next(epochs))
        if len(plane.streams) < 6:
            stream.end()

    plane.begin = restarting
    with capture_logs() as logs:
        worker.begin()
        eventually(lambda: len(plane.streams) == 6)
        worker.is_("open")

    assert not any(one["event"] == "line_disturbed" for one in logs)


def test_a_machine_that_slept_connects_anew(plane: LinePlane, worker: Worker) -> None:
    """After a sleep the stream is given up without waiting for its silence."""
    worker.begin(timing=Timing(ping=0.3, line_silence=30.0, line_hello=5.0, reconnect=0.1))
    worker.is_("open")

    worker.slept = 3600.0
    began = time.monotonic()
    eventually(lambda: len(plane.streams) == 2)

    assert time.monotonic() - began < 5
    assert plane.streams[0].left.wait(5)


def test_a_refused_token_is_said_once(plane: LinePlane, worker: Worker) -> None:
    """A token that the plane refuses is one error, and is tried again until it is taken."""
    plane.refusals = [(401, "application/problem+json")] * 4

    with capture_logs() as logs:
        worker.begin()
        eventually(lambda: plane.asked_for_streams > 4)
        plane.refusals = []
        worker.is_("open")

    assert [one["log_level"] for one in logs if one["event"] == "line_refused"] == ["error"]
    assert not any(TOKEN in str(one) for one in logs)


@pytest.mark.parametrize(
    ("status", "kind", "tried_again"),
    [
        (404, "application/problem+json", False),
        (405, "application/problem+json", False),
        (404, "text/html", True),
        (502, "text/html", True),
        (503, "application/problem+json", True),
        (302, "text/html", True),
        (200, "text/html", True),
        (204, "text/event-stream", True),
    ],
)
def test_what_is_no_line_is_asked_again(
    plane: LinePlane, worker: Worker, status: int, kind: str, tried_again: bool
) -> None:
    """A plane that is older than lines is asked at a slow pace, a host whose plane is away soon; none is followed."""
    plane.refusals = [(status, kind)]

    worker.begin()
    eventually(lambda: plane.asked_for_streams)
    threading.Event().wait(0.8)

    assert (plane.asked_for_streams > 1) is tried_again
    assert worker.line is not None
    assert worker.line.state == "closed"


def test_a_hello_that_cannot_be_acknowledged_opens_nothing(plane: LinePlane, worker: Worker) -> None:
    """A line is open when both ways are free."""
    plane.post_statuses = [503]

    worker.begin()
    worker.is_("open")

    assert plane.acknowledged() == [HELLO, HELLO]
    assert len(plane.streams) == 2
