"""Both ends of the line together: the control plane as it is served, and workers' lines as they are held."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
from line_served import Served
from plane_factories import a_heartbeat
from plane_twins import AS_ADMIN, WORKER
from pydantic import SecretStr
from raw_line import ATTIC, DEN

from edge_worker.line import Line
from edge_worker.newest import Newest
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Orders
from shared.timing import Timing

ECHO = "/api/v1/workers/echo"


def _eventually(true: Callable[[], object], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        threading.Event().wait(0.005)


@contextmanager
def _line(
    served: Served,
    worker: str = DEN,
    *,
    obey: Callable[[Orders], None] = lambda _: None,
    answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body,
) -> Iterator[Line]:
    line = Line(
        control_url=served.url,
        token=SecretStr(WORKER),
        worker=worker,
        obey=Newest(obey, forget_after=60.0),
        answers={"echo": answer},
        timing=Timing(),
    )
    served.house.presence.hear(
        a_heartbeat(worker=worker, capabilities=Capabilities(node=worker.partition(".")[0], cpus=8))
    )
    thread = threading.Thread(target=line.run, daemon=True)
    thread.start()
    _eventually(lambda: line.state == "open")
    yield line
    line.stop()
    thread.join(5)
    assert not thread.is_alive()


def _client(served: Served) -> httpx2.Client:
    return httpx2.Client(base_url=served.url, headers=AS_ADMIN, timeout=30.0)


def test_orders_go_down_a_line(served: Served) -> None:
    """What the plane tells a worker is obeyed at once, and a plane knows which lines are open."""
    obeyed: list[Orders] = []
    orders = Orders(epoch=8, lanes=("ingest",), look="ledger")

    with _line(served, obey=obeyed.append):
        told = served.house.lines.tell(DEN, orders)
        _eventually(lambda: obeyed)
        held = served.house.lines.is_open(DEN)
    _eventually(lambda: not served.house.lines.is_open(DEN))

    assert (told, held) == (True, True)
    assert obeyed == [orders]


def test_an_echo_takes_moments(served: Served) -> None:
    """A text is back within milliseconds, with one post of the worker's for each."""
    with _line(served), _client(served) as http:
        answers = [http.post(ECHO, json={"text": f"text {number}"}).json()["data"] for number in range(50)]

    assert [answer["text"] for answer in answers] == [f"text {number}" for number in range(50)]
    assert statistics.median(answer["round_trip_ms"] for answer in answers) < 50


def test_many_callers_are_answered(served: Served) -> None:
    """Sixteen at once get their own answers."""
    with _line(served), _client(served) as http, ThreadPoolExecutor(16) as callers:
        texts = [f"text {number}" for number in range(160)]
        answers = list(callers.map(lambda text: http.post(ECHO, json={"text": text}).json()["data"]["text"], texts))

    assert answers == texts


def test_a_slow_worker_keeps_its_request(served: Served) -> None:
    """A worker that acknowledged is waited for; nobody else is asked meanwhile."""
    others: list[dict[str, Any]] = []

    def slowly(body: dict[str, Any]) -> dict[str, Any]:
        threading.Event().wait(0.6)
        return body

    def other(body: dict[str, Any]) -> dict[str, Any]:
        others.append(body)
        return body

    with ExitStack() as lines, _client(served) as http:
        lines.enter_context(_line(served, DEN, answer=slowly))
        lines.enter_context(_line(served, ATTIC, answer=other))
        answer = http.post(f"/api/v1/workers/{DEN}/echo", json={}).json()["data"]

    assert (answer["worker"], answer["hops"]) == (DEN, 0)
    assert others == []


def test_a_worker_that_breaks_hands_on(served: Served) -> None:
    """What one worker cannot answer another is asked for."""

    def broken(_: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("the GPU fell out")

    with ExitStack() as lines, _client(served) as http:
        lines.enter_context(_line(served, DEN, answer=broken))
        lines.enter_context(_line(served, ATTIC, answer=broken))
        failed = http.post(ECHO, json={})
    with ExitStack() as lines, _client(served) as http:
        lines.enter_context(_line(served, DEN, answer=broken))
        lines.enter_context(_line(served, ATTIC))
        answers = [http.post(ECHO, json={}).json()["data"]["worker"] for _ in range(4)]

    assert failed.status_code == 504
    assert "broke over it (RuntimeError)" in failed.json()["error"]["message"]
    assert set(answers) == {ATTIC}
