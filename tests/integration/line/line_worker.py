"""The parts of a worker that hold a line, on a thread of their own."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from line_plane import LinePlane
from pydantic import SecretStr

from edge_worker.line import Line
from edge_worker.newest import Newest
from shared.nodes.heartbeat import LineState, Orders
from shared.timing import Timing, elapsed

WORKER = "den.0123456789ab"
TOKEN = "worker-token-for-the-tests"
#: Fast, and still slow enough for two busy cores.
QUICK = Timing(ping=0.3, line_silence=1.5, line_hello=1.0, reconnect=0.1)


def eventually(true: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Return when it is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        threading.Event().wait(0.005)


class Worker:
    """The parts of a worker that a line needs, and its thread."""

    def __init__(self, plane: LinePlane) -> None:
        self.plane = plane
        self.obeyed: list[Orders] = []
        #: A request's answer waits for this.
        self.ready = threading.Event()
        self.began = threading.Semaphore(0)
        self.answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
        #: Seconds that the machine is said to have slept.
        self.slept = 0.0
        self.line: Line | None = None

    def begin(self, *, timing: Timing = QUICK, answers: bool = True, url: str | None = None) -> Line:
        """Hold a line."""
        self.line = Line(
            control_url=url or self.plane.url + "/",
            token=SecretStr(TOKEN),
            worker=WORKER,
            obey=Newest(self.obeyed.append, forget_after=60.0),
            answers={"echo": self._respond} if answers else {},
            timing=timing,
            clock=lambda: elapsed() + self.slept,
        )
        self.thread = threading.Thread(target=self.line.run, daemon=True)
        self.thread.start()
        return self.line

    def _respond(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.answer(body)

    def is_(self, state: LineState) -> None:
        """Return once the line is so."""
        eventually(lambda: self.line is not None and self.line.state == state)

    def wait_for_ready(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer when it is time."""
        self.began.release()
        assert self.ready.wait(10)
        return body

    def end(self) -> float:
        """Stop the line; return how many seconds its thread took to end."""
        began = time.monotonic()
        self.ready.set()
        if self.line is not None:
            self.line.stop()
            self.thread.join(5)
            assert not self.thread.is_alive()
        return time.monotonic() - began


def a_request(body: dict[str, Any] | None = None, *, seconds: float = 5.0) -> dict[str, Any]:
    """Return a request for an echo."""
    body = {"text": "ping"} if body is None else body
    return {"id": secrets.token_hex(8), "kind": "echo", "milliseconds": round(seconds * 1000), "body": body}


def an_order(epoch: int = 1, **given: Any) -> dict[str, Any]:
    """Return orders."""
    return {"epoch": epoch, "lanes": ["ingest"], **given}
