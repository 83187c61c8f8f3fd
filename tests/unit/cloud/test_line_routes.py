"""The line's doors: what they refuse before anybody is asked, and how that is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_factories import a_heartbeat
from plane_twins import AS_WORKER, House

from cloud_api.lines import Lines
from cloud_api.services.line import Line
from shared.nodes.line import ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH, LINE_PATH
from shared.timing import Timing

DEN = "den.0123456789ab"
ECHO = "/api/v1/workers/echo"
MESSAGE = "0123456789abcdef"


@pytest.fixture
def worker(house: House) -> TestClient:
    """Somebody with the workers' token."""
    client = house.client()
    client.headers.update(AS_WORKER)
    return client


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x" * 201},
        {"text": None},
        {"text": "\ud800"},
        {"seconds": 0.05},
        {"seconds": 31},
        {"seconds": "nan"},
        {"text": "hi", "times": 2},
    ],
    ids=["long", "no text", "no character", "short time", "long time", "no time", "unknown field"],
)
def test_an_echo_is_asked_for_in_bounds(admin: TestClient, body: dict[str, Any]) -> None:
    """What is longer, later or other than an echo may be is refused, and nobody is asked."""
    answer = admin.post(ECHO, content=json.dumps(body), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_FAILED")


def test_without_a_worker_that_is_said(admin: TestClient) -> None:
    """When nobody holds a line an echo is refused at once, with when to try again."""
    answer = admin.post(ECHO, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NO_WORKER")
    assert answer.headers["retry-after"] == "10"


def test_a_named_worker_is_known_or_not(house: House, admin: TestClient) -> None:
    """A worker that was heard but holds no line is away; a name that was never heard is not found."""
    house.presence.hear(a_heartbeat())

    answers = [admin.post(f"/api/v1/workers/{name}/echo", json={}) for name in (DEN, "den", "attic", "Den")]

    assert [answer.status_code for answer in answers] == [503, 503, 404, 422]
    assert "den holds no line" in answers[1].json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "more"), [(ACKNOWLEDGEMENTS_PATH, {}), (ANSWERS_PATH, {"body": {}})], ids=["acknowledgement", "answer"]
)
def test_what_nobody_waits_for_is_too_late(worker: TestClient, path: str, more: dict[str, Any]) -> None:
    """A message that is not known here is 409, whatever it was once; one of another form is 422."""
    late = worker.post(path, json={"worker": DEN, "id": MESSAGE, **more})
    odd = [
        worker.post(path, json={"worker": name, "id": message, **more})
        for name, message in ((DEN, "x"), (DEN, None), ("den", MESSAGE), ("../den.0123456789ab", MESSAGE))
    ]

    assert (late.status_code, late.json()["error"]["code"]) == (409, "TOO_LATE")
    assert [answer.status_code for answer in odd] == [422] * 4


@pytest.mark.parametrize("query", ["", "?worker=den", "?worker=den.0123456789ab%0A", "?worker=den.0123456789AB"])
def test_a_line_is_held_under_a_worker_s_own_id(worker: TestClient, query: str) -> None:
    """Without the id of a worker there is no line."""
    assert worker.get(LINE_PATH + query).status_code == 422


def test_a_full_house_says_so(house: House, worker: TestClient) -> None:
    """A line too many is refused before anything is streamed."""
    lines = Lines(timing=Timing(), most_lines=0)
    line = Line(lines=lines, presence=house.presence, epoch=lambda: 7)
    house.app.state.services = replace(house.services, line=line)

    answer = worker.get(LINE_PATH, params={"worker": DEN})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert "0 lines are held already" in answer.json()["error"]["message"]
