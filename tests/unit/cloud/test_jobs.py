"""Jobs over HTTP: submitted with their needs, run again by hand, and each with the reason why it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_factories import NOON, a_heartbeat, a_job, a_report, a_running_job, an_ended_job
from plane_twins import House

from cloud_api.services.submit import Submit, SubmitRules
from shared.errors import InvalidRepository, NotEnded
from shared.ids import new_job_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities, Needs

PATH = "/api/v1/jobs"


def _a_day_old(house: House) -> None:
    """Let the plane have begun so long ago that everybody has spoken."""
    house.presence.born -= 86_400


def _waiting(client: TestClient, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{PATH}/{job_id}").json()["data"]["waiting"]
    return found


def test_a_job_is_submitted_with_what_it_needs(house: House, admin: TestClient) -> None:
    """Kind, payload, priority and every need arrive, and the answer is that of an ingest."""
    needs = {"gpu": True, "gpu_memory": 6, "memory": 16, "model": "bge-small", "node": "rig"}
    work = {"url": "acme/api", "ref": "v1.2", "epochs": 3, "force": True}

    answer = admin.post(PATH, json={"kind": "ingest", "payload": work, "priority": "high", "needs": needs})

    (job,) = house.submit.jobs
    data = answer.json()["data"]
    assert (answer.status_code, answer.headers["location"]) == (202, f"{PATH}/{job.id}")
    assert (data["job_id"], data["position"], data["retry_of"]) == (job.id, 1, None)
    assert (job.priority, job.needs) == (Priority.HIGH, Needs.model_validate(needs))
    assert {key: job.payload[key] for key in ("ref", "epochs", "force")} == {"ref": "v1.2", "epochs": 3, "force": True}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"kind": "embed", "payload": {"url": "a/b"}}, "body.kind"),
        ({"payload": {"url": "a/b"}}, "body.kind"),
        ({"kind": "ingest", "payload": {"url": "a/b", "epochs": 0}}, "body.payload.epochs"),
        ({"kind": "ingest", "payload": {"url": "a/b"}, "needs": {"node": "No Node"}}, "body.needs.node"),
        ({"kind": "ingest", "payload": {"url": "a/b"}, "needs": {"gpus": 2}}, "body.needs.gpus"),
        ({"kind": "ingest", "payload": {"url": "a/b"}, "priority": "now"}, "body.priority"),
        ({"kind": "ingest", "payload": {"url": "a/b"}, "epochs": 3}, "body.epochs"),
    ],
    ids=["kind", "no_kind", "epochs", "node", "gpus", "priority", "flat"],
)
def test_what_no_job_can_have_is_refused(body: dict[str, Any], where: str, house: House, admin: TestClient) -> None:
    """A 422 names the place, nothing is queued, and for a kind that is not there it names those that are."""
    answer = admin.post(PATH, json=body)

    details = answer.json()["error"]["details"]
    assert answer.status_code == 422
    assert where in [detail["where"] for detail in details]
    assert house.submit.jobs == []
    if body.get("kind") == "embed":
        assert "'ingest'" in details[0]["what"]


def test_one_key_is_one_job_by_this_door_too(admin: TestClient) -> None:
    """The same Idempotency-Key leads to the same job; with another payload it is refused."""
    headers = {"Idempotency-Key": "one-key"}
    first = admin.post(PATH, json={"kind": "ingest", "payload": {"url": "a/b"}}, headers=headers).json()["data"]

    again = admin.post(PATH, json={"kind": "ingest", "payload": {"url": "a/b"}}, headers=headers).json()["data"]
    other = admin.post(PATH, json={"kind": "ingest", "payload": {"url": "a/c"}}, headers=headers)

    assert (again["job_id"], again["replayed"]) == (first["job_id"], True)
    assert other.json()["error"]["code"] == "IDEMPOTENCY_CONFLICT"


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.SKIPPED, State.SUCCEEDED])
def test_an_ended_job_is_run_again(state: State, house: House, admin: TestClient) -> None:
    """However it ended, its work becomes a new job that says which one it repeats."""
    ended = an_ended_job(state=state, needs=Needs(gpu=True), priority=Priority.HIGH)
    house.submit.jobs.append(ended)

    answer = admin.post(f"{PATH}/{ended.id}/retry")

    data, job = answer.json()["data"], house.submit.jobs[-1]
    assert (answer.status_code, answer.headers["location"]) == (202, f"{PATH}/{job.id}")
    assert (data["job_id"], data["retry_of"], data["state"]) == (job.id, ended.id, "queued")
    assert (job.needs, job.priority, job.repository) == (ended.needs, ended.priority, ended.repository)


def test_a_retry_whose_answer_was_lost_is_found_by_its_key(house: House, admin: TestClient) -> None:
    """Asked twice with one key, one job is made."""
    ended = an_ended_job(state=State.FAILED)
    house.submit.jobs.append(ended)
    headers = {"Idempotency-Key": "once"}

    first, second = (admin.post(f"{PATH}/{ended.id}/retry", headers=headers).json()["data"] for _ in range(2))

    assert (first["job_id"], second["replayed"]) == (second["job_id"], True)
    assert len(house.submit.jobs) == 2


@pytest.mark.parametrize("job", [a_job(), a_running_job()], ids=["waits", "runs"])
def test_a_job_that_has_not_ended_cannot_be_run_again(job: Any, house: House, admin: TestClient) -> None:
    """A 409 that says so; nothing is added."""
    house.submit.jobs.append(job)

    answer = admin.post(f"{PATH}/{job.id}/retry")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NOT_ENDED")
    assert len(house.submit.jobs) == 1


def test_an_unknown_job_cannot_be_run_again(admin: TestClient) -> None:
    """There is nothing to repeat."""
    assert admin.post(f"{PATH}/{new_job_id()}/retry").status_code == 404


def test_a_job_says_why_it_waits(house: House, admin: TestClient) -> None:
    """The reason has a code, a sentence, who could, the place, and the one thing that would help."""
    _a_day_old(house)
    job = a_job(needs=Needs(gpu_memory=6))
    house.submit.jobs.append(job)
    house.board.note(job)
    rig = Capabilities(node="rig", gpu=True, gpu_memory=8)
    house.presence.hear(a_heartbeat(worker="rig.0123456789ab", capabilities=rig, goodbye="sleeping"))
    house.presence.hear(a_heartbeat())

    waiting = _waiting(admin, job.id)

    assert waiting == {
        "code": "capable_offline",
        "text": "It needs a GPU with 6 GiB. rig has that, but went to sleep a moment ago; den has none. The job starts "
        "by itself when rig is back; nothing is lost. If that takes more than 24 h, it is skipped, as set.",
        "capable": ["rig"],
        "position": 1,
        "eta_seconds": None,
        "action": {"code": "wake_worker", "text": "Wake rig", "command": None, "node": None},
    }


def test_the_reason_follows_the_world(house: House, admin: TestClient) -> None:
    """One job from an empty house to its start, with the code of each moment."""
    job = a_job()
    house.submit.jobs.append(job)
    house.board.note(job)
    codes = [_waiting(admin, job.id)["code"]]
    _a_day_old(house)
    codes.append(_waiting(admin, job.id)["code"])
    busy = a_running_job(repository="github.com/acme/web", worker_id="den.0123456789ab")
    house.board.note(busy)
    house.presence.hear(a_heartbeat(attempts=(a_report(busy),)))
    codes.append(_waiting(admin, job.id)["code"])
    house.presence.hear(a_heartbeat(duty={"state": "paused", "note": "Gaming", "seconds_left": 600}))
    codes.append(_waiting(admin, job.id)["code"])
    house.board.note(an_ended_job(id=busy.id))
    house.presence.hear(a_heartbeat(mailbox=True))
    codes.append(_waiting(admin, job.id)["code"])
    house.presence.hear(a_heartbeat(attempts=(a_report(job),)))
    codes.append(_waiting(admin, job.id)["code"])

    assert codes == ["listening", "no_worker", "capable_busy", "capable_paused", "no_mailbox", "starting"]


def test_an_eta_comes_from_what_such_jobs_took(house: House, admin: TestClient) -> None:
    """The median of recent successes of the same repository, else of the same kind, less what has passed."""
    ended = [
        an_ended_job(repository="github.com/acme/web", finished_at=NOON + timedelta(seconds=seconds))
        for seconds in (30, 50, 900)
    ]
    busy = a_running_job(
        repository="github.com/acme/web", worker_id="den.0123456789ab", started_at=NOON - timedelta(seconds=10)
    )
    house.board.load((busy, job := a_job()), tuple(ended))
    house.submit.jobs.append(job)
    house.presence.hear(a_heartbeat(attempts=(a_report(busy),)))

    waiting = _waiting(admin, job.id)

    assert (waiting["code"], waiting["eta_seconds"]) == ("capable_busy", 40.0)
    assert "starts in less than a minute" in waiting["text"]


def test_a_lost_running_job_says_so(house: House, admin: TestClient) -> None:
    """A job that the ledger has running and nobody has in hand tells what becomes of it."""
    job = a_running_job(worker_id="den.0123456789ab")
    house.submit.jobs.append(job)
    house.board.note(job)
    house.presence.hear(a_heartbeat(attempts=(a_report(job),), goodbye="sleeping"))

    data = admin.get(f"{PATH}/{job.id}").json()["data"]

    assert (data["state"], data["waiting"]["code"]) == ("running", "rescue_pending")
    assert "den went to sleep a moment ago while it had this job." in data["waiting"]["text"]


@pytest.mark.parametrize("job", [an_ended_job(), an_ended_job(state=State.CANCELLED)], ids=["done", "cancelled"])
def test_an_ended_job_waits_for_nothing(job: Any, house: House, admin: TestClient) -> None:
    """It has no reason, whatever the board still shows."""
    house.board.note(replace(job, state=State.QUEUED, finished_at=None))
    house.submit.jobs.append(job)

    assert _waiting(admin, job.id) is None


def test_a_list_has_the_reasons_too(house: House, admin: TestClient) -> None:
    """Waiting jobs carry their place and their reason, ended ones neither."""
    _a_day_old(house)
    later = NOON + timedelta(seconds=1)
    jobs = [
        an_ended_job(),
        a_job(repository="github.com/a/one"),
        a_job(repository="github.com/a/two", created_at=later),
    ]
    house.submit.jobs.extend(jobs)
    for job in jobs:
        house.board.note(job)

    listed = {row["id"]: row for row in admin.get(PATH).json()["data"]}

    rows = [listed[job.id] for job in jobs]
    assert [row["waiting"] and row["waiting"]["code"] for row in rows] == [None, "no_worker", "no_worker"]
    assert [row["position"] for row in rows] == [None, 1, 2]


def test_minutes_that_go_by_change_no_tag(house: House, admin: TestClient) -> None:
    """A poll of a waiting job is a 304 while its sentence stays the same, though its seconds run."""
    job = a_job()
    house.submit.jobs.append(job)
    house.presence.hear(a_heartbeat(duty={"state": "paused", "seconds_left": 600}))
    first = admin.get(f"{PATH}/{job.id}")

    house.presence.hear(a_heartbeat(duty={"state": "paused", "seconds_left": 599}))
    same = admin.get(f"{PATH}/{job.id}", headers={"If-None-Match": first.headers["etag"]})
    house.presence.hear(a_heartbeat())
    other = admin.get(f"{PATH}/{job.id}", headers={"If-None-Match": first.headers["etag"]})

    assert first.json()["data"]["waiting"]["eta_seconds"] == pytest.approx(600, abs=2)
    assert (same.status_code, other.status_code) == (304, 200)


def test_a_submission_is_answered_with_its_reason(house: House, admin: TestClient) -> None:
    """At once, as long as the queue is short; a long one does not hold up the answer."""
    _a_day_old(house)
    house.submit.cap = 1000

    short = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b"}).json()["data"]
    house.board.load([a_job() for _ in range(201)], ())
    long = admin.post("/api/v1/ingestion/ingest", json={"url": "a/c"}).json()["data"]

    assert (short["waiting"]["code"], short["waiting"]["position"]) == ("no_worker", 1)
    assert long["waiting"] is None


def _submit(hosts: tuple[str, ...] = ("github.com",)) -> Submit:
    nothing: Any = None
    return Submit(
        keeper=nothing,
        repositories=nothing,
        delivery=nothing,
        dispatch=nothing,
        board=nothing,
        remind=lambda: None,
        rules=SubmitRules(git_hosts=hosts, local_roots=(), cap=1, ttl=1),
    )


def test_running_again_asks_the_rules_of_today() -> None:
    """What has not ended is refused before anything is asked, and so is a host that is admitted no more."""
    with pytest.raises(NotEnded):
        _submit().again(a_running_job(), idempotency=None)
    with pytest.raises(InvalidRepository):
        _submit(hosts=("codeberg.org",)).again(an_ended_job(kind=Kind.INGEST), idempotency=None)
