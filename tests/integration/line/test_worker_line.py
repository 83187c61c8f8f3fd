"""What comes down a worker's line, over real HTTP: orders are obeyed, requests answered, the rest passed over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from line_plane import HELLO, LinePlane
from line_worker import QUICK, TOKEN, WORKER, Worker, a_request, an_order, eventually
from pydantic import SecretStr
from structlog.testing import capture_logs

from edge_worker.line import Line
from shared.errors import NotFound, Unavailable
from shared.nodes.heartbeat import Orders
from shared.nodes.line import MAX_BODY


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


def test_a_line_is_asked_for_and_acknowledged(plane: LinePlane, worker: Worker) -> None:
    """A worker shows its token, names itself, asks for an event stream, and acknowledges the hello."""
    worker.begin()
    worker.is_("open")

    stream = plane.streams[0]
    assert stream.query == f"worker={WORKER}"
    assert stream.headers["authorization"] == f"Bearer {TOKEN}"
    assert stream.headers["accept"] == "text/event-stream"
    assert stream.headers["accept-encoding"] == "identity"
    assert [(path, body) for path, body, _ in plane.posts] == [
        ("/api/v1/workers/line/acknowledgements", {"worker": WORKER, "id": HELLO})
    ]


def test_a_line_goes_through_a_proxy(plane: LinePlane, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names a proxy, the stream and the posts go through it."""
    monkeypatch.setenv("http_proxy", plane.url)

    worker.begin(url="http://plane.invalid")
    worker.is_("open")

    assert plane.streams[0].headers["host"] == "plane.invalid"
    assert plane.acknowledged() == [HELLO]


def test_orders_are_obeyed_in_turn(plane: LinePlane, worker: Worker) -> None:
    """Orders come through at once and in their order; an older plane's do not."""
    worker.begin()
    worker.is_("open")
    said = [an_order(5, look="mailbox"), an_order(4, look="ledger"), an_order(6, lanes=["ingest", "node:den"])]

    for orders in said:
        plane.streams[0].say("orders", orders)
    eventually(lambda: len(worker.obeyed) == 2)

    assert worker.obeyed == [Orders.model_validate(said[0]), Orders.model_validate(said[2])]


def test_a_quick_answer_is_its_own_acknowledgement(plane: LinePlane, worker: Worker) -> None:
    """A request that is answered at once costs one post."""
    worker.begin()
    worker.is_("open")
    request = a_request()

    plane.streams[0].say("request", request)
    eventually(plane.answers)

    told = {"worker": WORKER, "id": request["id"], "body": {"text": "ping"}, "error": None}
    told |= {"elsewhere": False, "missing": False}
    assert plane.answers() == [told]
    assert plane.acknowledged() == [HELLO]


def test_a_slow_request_is_acknowledged_first(plane: LinePlane, worker: Worker) -> None:
    """While somebody works on a request, the plane knows that it arrived."""
    worker.answer = worker.wait_for_ready
    worker.begin()
    worker.is_("open")
    request = a_request()

    plane.streams[0].say("request", request)
    eventually(lambda: request["id"] in plane.acknowledged())
    answered_before = plane.answers()
    worker.ready.set()
    eventually(plane.answers)

    assert answered_before == []
    assert plane.answers()[0]["body"] == {"text": "ping"}


def test_requests_do_not_wait_for_each_other(plane: LinePlane, worker: Worker) -> None:
    """A request that takes long holds up neither orders nor other requests."""
    slow, quick = a_request({"text": "slow"}), a_request({"text": "quick"})
    worker.answer = lambda body: worker.wait_for_ready(body) if body["text"] == "slow" else body
    worker.begin()
    worker.is_("open")

    plane.streams[0].say("request", slow)
    plane.streams[0].say("orders", an_order())
    plane.streams[0].say("request", quick)
    eventually(lambda: plane.answers() and worker.obeyed)

    assert [answer["id"] for answer in plane.answers()] == [quick["id"]]


def test_a_request_is_dropped_when_its_time_is_over(plane: LinePlane, worker: Worker) -> None:
    """Nobody is told what nobody waits for any more."""
    worker.answer = worker.wait_for_ready
    worker.begin()
    worker.is_("open")
    late, timely = a_request({"text": "late"}, seconds=0.2), a_request({"text": "timely"})

    with capture_logs() as logs:
        plane.streams[0].say("request", late)
        eventually(lambda: any(one["event"] == "request_dropped" for one in logs))
    worker.ready.set()
    plane.streams[0].say("request", timely)
    eventually(plane.answers)

    assert [answer["id"] for answer in plane.answers()] == [timely["id"]]


def test_a_worker_says_when_its_hands_are_full(plane: LinePlane, worker: Worker) -> None:
    """What it cannot answer it refuses at once, so that another worker is asked; then it has room again."""
    worker.answer = worker.wait_for_ready
    worker.begin()
    worker.is_("open")
    for _ in range(16):
        plane.streams[0].say("request", a_request())
        worker.began.acquire()

    plane.streams[0].say("request", a_request())
    eventually(plane.answers)
    refused = plane.answers()
    worker.ready.set()
    eventually(lambda: len(plane.answers()) == 17)
    plane.streams[0].say("request", a_request())
    eventually(lambda: len(plane.answers()) == 18)

    assert [answer["error"] for answer in refused] == ["This worker has its hands full."]
    assert sum(answer["error"] is None for answer in plane.answers()) == 17


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("ours", "The GPU is away."),
        ("foreign", "This worker broke over it (ValueError)."),
        ("unserialisable", "This worker broke over it (PydanticSerializationError)."),
        ("large", f"The answer has more than {MAX_BODY} bytes. Ask for less."),
        ("unknown", "This worker does not know how to answer echo."),
        ("missing", "There is no such commit."),
    ],
)
def test_what_cannot_be_answered_is_said(plane: LinePlane, worker: Worker, answer: str, error: str) -> None:
    """Every request has an answer: a body, or in plain words why there is none, and never what an exception holds."""

    def respond(body: dict[str, Any]) -> dict[str, Any]:
        if answer == "ours":
            raise Unavailable("The GPU is away.")
        if answer == "missing":
            raise NotFound("There is no such commit.")
        if answer == "foreign":
            raise ValueError("a secret in a message")
        return {"text": object() if answer == "unserialisable" else "x" * MAX_BODY}

    worker.answer = respond
    worker.begin(answers=answer != "unknown")
    worker.is_("open")

    plane.streams[0].say("request", a_request())
    eventually(plane.answers)

    assert plane.answers()[0]["error"] == error
    assert plane.answers()[0]["elsewhere"] == (answer in {"ours", "unknown"})
    assert plane.answers()[0]["missing"] == (answer == "missing")
    assert plane.answers()[0]["body"] is None


def test_too_late_is_no_trouble(plane: LinePlane, worker: Worker) -> None:
    """An answer that came too late is refused, and nobody is bothered with it."""
    worker.begin()
    worker.is_("open")
    plane.post_statuses = [409]

    with capture_logs() as logs:
        plane.streams[0].say("request", a_request())
        eventually(lambda: any(one["event"] == "answer_refused" for one in logs))

    assert {one["log_level"] for one in logs} == {"debug"}


def test_a_kept_connection_that_died_costs_no_answer(plane: LinePlane, worker: Worker) -> None:
    """An answer whose connection breaks is posted again."""
    worker.begin()
    worker.is_("open")
    plane.post_statuses = [None]

    plane.streams[0].say("request", a_request())
    eventually(lambda: len(plane.answers()) == 2)

    assert plane.answers()[0] == plane.answers()[1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_every_dialect_of_event_streams_is_read(plane: LinePlane, worker: Worker, end: str) -> None:
    """Comments, unknown fields, data on several lines, all three ends of lines, and characters cut in two."""
    worker.begin()
    worker.is_("open")
    text = end.join(
        [": a comment", "retry: 5", "event:orders", 'data: {"epoch": 1,', 'data:"lanes": ["größer"]}', "x: y", "", ""]
    ).encode()

    for at in range(len(text)):
        plane.streams[0].raw(text[at : at + 1])
    plane.streams[0].say("orders", an_order(look="mailbox"))
    eventually(lambda: len(worker.obeyed) == 2)

    assert worker.obeyed[0].lanes == ("größer",)
    assert worker.obeyed[1].look == "mailbox"


@pytest.mark.parametrize(
    "text",
    [
        b"event: orders\ndata: {}\n\n",
        b"event: request\ndata: []\n\n",
        b'event: request\ndata: {"id": "../../etc", "kind": "echo", "milliseconds": 1, "body": {}}\n\n',
        b'event: request\ndata: {"id": "0123456789abcdef", "kind": "os.system", "milliseconds": 1, "body": {}}\n\n',
        b'event: request\ndata: {"id": "0123456789abcdef", "kind": "echo", "milliseconds": -1, "body": {}}\n\n',
        b"event: orders\ndata: \xff\xfe\x00\n\n",
        b"event: orders\ndata: " + b"[" * 100_000 + b"\n\n",
        b"event: a word of next year\ndata: {}\n\n",
        b"data: {}\n\nevent: orders\n\n",
    ],
    ids=lambda text: repr(text[:34]),
)
def test_what_is_not_understood_is_passed_over(plane: LinePlane, worker: Worker, text: bytes) -> None:
    """No event of a broken or newer plane ends the line, and none of them does anything."""
    worker.begin()
    worker.is_("open")

    plane.streams[0].raw(text)
    plane.streams[0].say("orders", an_order(look="mailbox"))
    eventually(lambda: worker.obeyed)

    assert [orders.look for orders in worker.obeyed] == ["mailbox"]
    assert plane.answers() == []
    assert plane.asked_for_streams == 1


def test_an_event_without_end_ends_the_stream(plane: LinePlane, worker: Worker) -> None:
    """A worker does not fill its memory with one event."""
    worker.begin()
    worker.is_("open")

    for _ in range(9):
        plane.streams[0].raw(b"data: " + b"x" * 65536)
    eventually(lambda: len(plane.streams) == 2)
    worker.is_("open")

    assert plane.streams[0].left.wait(5)


def test_orders_that_break_are_not_the_last(plane: LinePlane, worker: Worker) -> None:
    """An error while orders are followed costs those alone."""
    obeyed: list[Orders] = []

    def obey(orders: Orders) -> None:
        if orders.look == "ledger":
            raise RuntimeError("a broken order")
        obeyed.append(orders)

    worker.line = Line(
        control_url=plane.url, token=SecretStr(TOKEN), worker=WORKER, obey=obey, answers={}, timing=QUICK
    )
    worker.thread = threading.Thread(target=worker.line.run, daemon=True)
    worker.thread.start()
    worker.is_("open")

    plane.streams[0].say("orders", an_order(look="ledger"))
    plane.streams[0].say("orders", an_order(look="mailbox"))
    eventually(lambda: obeyed)

    assert [orders.look for orders in obeyed] == ["mailbox"]
