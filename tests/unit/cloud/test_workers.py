"""The workers' API: who is there and what they could take, and who is to pause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from plane_factories import a_heartbeat, a_job, a_report, a_running_job
from plane_twins import House

from shared.jobs.kinds import Priority
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import Duty

DEN, OTHER = "den.0123456789ab", "den.ffffffffffff"
WORKERS = "/api/v1/workers"


def test_a_worker_is_shown_with_everything_that_it_said(house: House, admin: TestClient) -> None:
    """State, duty, transport, line, load, GPUs, power and attempts, by the node's name or by the worker's id."""
    report = a_report(a_running_job())
    gpu = {"name": "RTX 3070", "use": 0.9, "memory_used_mib": 5222, "memory_mib": 8192}
    said: dict[str, Any] = {"transport": "rest", "line": "buffered", "load": 0.4, "power": "battery", "battery": 0.6}
    house.presence.hear(a_heartbeat(attempts=(report,), gpus=(gpu,), mailbox=True, **said))

    by_node, by_id = (admin.get(f"{WORKERS}/{name}").json()["data"] for name in ("den", DEN))

    assert by_node["worker"] == by_id["worker"] == DEN
    assert {name: by_node[name] for name in said} == said
    assert (by_node["state"], by_node["why"], by_node["gpus"]) == ("working", None, [gpu])
    assert [one["job_id"] for one in by_node["attempts"]] == [report.job_id]


def test_a_worker_is_shown_with_the_jobs_that_it_could_take(house: House, admin: TestClient) -> None:
    """Waiting jobs whose needs it meets, most urgent first; none that runs, needs more, or is somebody else's."""
    house.presence.hear(a_heartbeat())
    mine = [a_job(priority=Priority.HIGH), a_job(needs=Needs(node="den"))]
    others = (a_job(needs=Needs(gpu=True)), a_running_job(), a_job(tenant_id=uuid4()))
    house.board.load((*mine, *others), ())

    shown = admin.get(f"{WORKERS}/den").json()["data"]["could_take"]

    assert [one["id"] for one in shown] == [job.id for job in mine]
    assert shown[0] == {"id": mine[0].id, "kind": "ingest", "repository": mine[0].repository}


def test_of_several_on_a_node_the_one_that_is_there_is_shown(house: House, admin: TestClient) -> None:
    """A node's name leads to the process that is there, with the ids of the others."""
    house.presence.hear(a_heartbeat(worker=OTHER))
    house.presence.recall(a_heartbeat(goodbye="sleeping"), 5.0)

    shown = admin.get(f"{WORKERS}/den").json()["data"]

    assert (shown["worker"], shown["others"]) == (OTHER, [DEN])


@pytest.mark.parametrize("path", ["/attic", "/attic.0123456789ab"])
def test_an_unknown_worker_is_not_found(house: House, admin: TestClient, path: str) -> None:
    """A name that nobody bears is answered with those that are known."""
    house.presence.hear(a_heartbeat())

    answers = [admin.get(f"{WORKERS}{path}"), admin.post(f"{WORKERS}{path}/pause")]

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert "known: den" in answer.json()["detail"]


def test_a_name_that_no_worker_can_have_is_refused(admin: TestClient) -> None:
    """What does not look like a name never reaches a service."""
    answer = admin.post(f"{WORKERS}/Not%20a%20name/pause")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_FAILED")


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("drain", "draining"), ("resume", "open")])
def test_an_order_is_told_at_once_and_offered_until_it_is_followed(
    house: House, admin: TestClient, verb: str, state: str
) -> None:
    """Who is there is told; the order stands beside the worker until a heartbeat shows it, then who asked does."""
    house.presence.hear(a_heartbeat())

    answer = admin.post(f"{WORKERS}/den/{verb}", json={"note": " gaming "})
    done = answer.json()["data"]
    wanted = admin.get(f"{WORKERS}/den").json()["data"]["wanted"]
    house.presence.hear(a_heartbeat(duty=Duty(state=state, note="gaming", order=done["order"]["id"])))
    after = admin.get(f"{WORKERS}/den").json()["data"]

    assert (answer.status_code, done["workers"], done["by"], house.told) == (202, [DEN], "admin", [DEN])
    assert done["order"] == wanted
    assert (wanted["state"], wanted["note"], wanted["seconds"]) == (state, "gaming", None)
    assert (after["wanted"], after["by"], after["duty"]["note"]) == (None, "admin", "gaming")


@pytest.mark.parametrize(
    ("line", "message"), [("open", "told over its line"), ("closed", "next heartbeat, within 20 s")], ids=["open", "no"]
)
def test_the_answer_says_when_it_is_heard(house: House, admin: TestClient, line: str, message: str) -> None:
    """With a line at once, without it within one heartbeat."""
    house.presence.hear(a_heartbeat(line=line))

    assert message in admin.post(f"{WORKERS}/den/pause").json()["data"]["message"]


def test_an_order_for_who_is_away_is_kept(house: House, admin: TestClient) -> None:
    """A worker that sleeps is told when it is back, whatever process of its node that is."""
    house.presence.hear(a_heartbeat(goodbye="sleeping"))

    done = admin.post(f"{WORKERS}/{DEN}/drain").json()["data"]
    house.presence.hear(a_heartbeat(worker=OTHER))

    assert (done["workers"], house.told) == ([], [])
    assert done["message"] == "den is away (going to sleep). It will be told when it is back."
    assert house.duties.order_for(OTHER) is not None


def test_one_of_two_on_a_node_is_paused_alone(house: House, admin: TestClient) -> None:
    """A worker's id means that worker, a node's name all that are there."""
    house.presence.hear(a_heartbeat())
    house.presence.hear(a_heartbeat(worker=OTHER))

    admin.post(f"{WORKERS}/{OTHER}/pause")
    alone = list(house.told)
    admin.post(f"{WORKERS}/den/resume")

    assert alone == [OTHER]
    assert house.told[1:] == [DEN, OTHER]


@pytest.mark.parametrize(
    ("body", "seconds"),
    [({}, None), (None, None), ({"seconds": 90}, 90), ({"minutes": 15}, 900)],
    ids=["empty", "none", "seconds", "minutes"],
)
def test_the_length_of_a_pause(
    house: House, admin: TestClient, body: dict[str, float] | None, seconds: float | None
) -> None:
    """Seconds or minutes, or until somebody resumes it."""
    house.presence.hear(a_heartbeat())

    assert admin.post(f"{WORKERS}/den/pause", json=body).json()["data"]["order"]["seconds"] == seconds


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("pause", {"note": "x" * 201}),
        ("pause", {"note": "two\nlines"}),
        ("pause", {"note": "a\u202eb"}),
        ("pause", {"note": "a\x1b[2J"}),
        ("pause", {"seconds": 0}),
        ("pause", {"seconds": -1}),
        ("pause", {"seconds": 1e9}),
        ("pause", {"seconds": 60, "minutes": 1}),
        ("drain", {"hours": 1}),
        ("resume", {"seconds": 60}),
    ],
    ids=["long", "lines", "bidi", "escape", "zero", "negative", "endless", "both", "unknown", "resume"],
)
def test_a_body_that_is_not_understood_changes_nothing(
    house: House, admin: TestClient, verb: str, body: dict[str, object]
) -> None:
    """A long, many-lined or steering note, a length out of range, and an unknown word are refused."""
    house.presence.hear(a_heartbeat())

    answer = admin.post(f"{WORKERS}/den/{verb}", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_FAILED")
    assert (house.told, house.duties.wishes()) == ([], [])


def test_everything_is_answered_from_memory(house: House, admin: TestClient) -> None:
    """Workers are listed, shown and told while every part that needs Postgres or Redis fails."""
    broken: Any = None
    house.presence.hear(a_heartbeat())
    house.app.state.services = replace(
        house.services, submit=broken, jobs=broken, history=broken, repositories=broken, health=broken
    )

    answers = [admin.get(WORKERS), admin.get(f"{WORKERS}/den"), admin.post(f"{WORKERS}/den/pause")]

    assert [answer.status_code for answer in answers] == [200, 200, 202]


def _row(house: House, **said: Any) -> str:
    house.presence.hear(a_heartbeat(**said))
    return " ".join(house.page().get("/ui/board").text.split())


def test_the_page_shows_why_when_and_by_whom_a_worker_is_paused(house: House, admin: TestClient) -> None:
    """The state in a word, the note, until when, and who asked."""
    house.presence.hear(a_heartbeat())
    order = admin.post(f"{WORKERS}/den/pause", json={"note": "<b>gaming", "seconds": 600}).json()["data"]["order"]

    asked = _row(house)
    paused = _row(house, duty=Duty(state="paused", note="<b>gaming", seconds_left=600, order=order["id"]))

    assert "Was asked to pause and has not followed yet." in asked
    assert "Paused" in paused
    assert "UTC, asked by admin: &lt;b&gt;gaming" in paused
    assert "Was asked" not in paused


def test_the_page_shows_what_a_worker_runs_on(house: House) -> None:
    """GPU use, load, power, transport and a line in trouble stand in the row, rounded."""
    gpu = {"name": "RTX 3070", "use": 0.91, "memory_used_mib": 5222, "memory_mib": 8192}
    able = Capabilities(node="den", gpu=True, gpu_name="RTX 3070")

    text = _row(
        house,
        capabilities=able,
        gpus=(gpu,),
        load=0.42,
        power="battery",
        battery=0.63,
        mailbox=True,
        transport="rest",
        line="buffered",
    )

    assert "RTX 3070, heard just now, GPU 90 % (5.1 of 8.0 GiB), load 40 %, on battery (65 %), Redis over HTTPS" in text
    assert "A proxy holds its line back" in text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"goodbye": "sleeping"}, "went to sleep 40 min ago"),
        ({"goodbye": "stopping"}, "was stopped 40 min ago"),
        ({}, "lost 40 min ago, no goodbye"),
        ({"goodbye": "too_old", "schema_version": 1}, "git pull &amp;&amp; python bootstrap.py"),
    ],
    ids=["sleeping", "stopping", "lost", "too old"],
)
def test_the_page_tells_a_goodbye_from_a_loss(house: House, said: dict[str, Any], words: str) -> None:
    """Asleep, stopped, lost, or too old with what to run there: each in its own words."""
    house.presence.recall(a_heartbeat(**said), 2400.0)

    assert words in " ".join(house.page().get("/ui/board").text.split())
