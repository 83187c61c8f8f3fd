"""Submitting: every way to write an address, the 202 and its headers, idempotency, the queue."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from plane_factories import a_heartbeat, a_report, a_running_job, an_ended_job
from plane_twins import House

from shared.jobs.kinds import Priority
from shared.jobs.states import State
from shared.nodes.capabilities import Needs

PATH = "/api/v1/ingestion/ingest"


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/a/b",
        "https:%2F%2Fgithub.com%2Fa%2Fb.git",
        "https%3A%2F%2Fgithub.com%2Fa%2Fb",
        "https:/github.com/a/b",
        "github.com/a/b",
        "a/b",
        "git@github.com:a/b.git",
        "git%40github.com%3Aa/b",
        "https://github.com/A/B/",
    ],
)
def test_every_way_to_write_an_address_leads_to_one_repository(address: str, admin: TestClient) -> None:
    """Slashes, percent-encoding, a lost slash and the scp form arrive in the path and mean one canonical name."""
    answer = admin.post(f"{PATH}/{address}")

    assert answer.status_code == 202
    assert answer.json()["data"]["repository"] == "github.com/a/b"


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "https://127.0.0.1/a/b",
        "https://user:tok@github.com/a/b",
        "a/%2e%2e/b",
        "https://github.com/a/b/tree/main",
        "http://github.com/a/b",
        "https://evil.example/a/b",
        "ssh://git@github.com/a/b",
        "%2Fetc/passwd",
        "a",
        "x" * 501,
        "a/b%00c",
    ],
)
def test_everything_else_is_refused(address: str, house: House, admin: TestClient) -> None:
    """What is not the address of a repository that may be read is a 400, and nothing is queued."""
    answer = admin.post(f"{PATH}/{address}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REPOSITORY")
    assert house.submit.jobs == []


@pytest.mark.parametrize("query", ["tab=readme", "ref=main&x=1", "url=a/b", "token=secret"])
def test_an_unknown_query_parameter_is_refused(query: str, house: House, admin: TestClient) -> None:
    """An address whose tail became a query string is not mistaken for another one."""
    answers = [admin.post(f"{PATH}/a/b?{query}"), admin.post(f"{PATH}?{query}", json={"url": "a/b"})]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert {answer.json()["error"]["code"] for answer in answers} == {"INVALID_REQUEST"}
    assert house.submit.jobs == []


def test_an_accepted_job_says_where_to_look(admin: TestClient) -> None:
    """202 carries ``Location``, ``Retry-After``, the job's id and its place in the queue."""
    admin.post(PATH, json={"url": "a/first"})

    answer = admin.post(PATH, json={"url": "a/second"})

    data = answer.json()["data"]
    assert answer.status_code == 202
    assert answer.headers["location"] == data["status_url"] == f"/api/v1/jobs/{data['job_id']}"
    assert answer.headers["retry-after"] == "5"
    assert (data["position"], data["state"], data["deduplicated"], data["replayed"]) == (2, "queued", False, False)


def test_parameters_reach_the_job_by_both_doors(house: House, admin: TestClient) -> None:
    """Reference, epochs, force and priority mean the same in a query and in a body."""
    shape = "preset=fast&method=prone&include=vendored,generated"
    admin.post(f"{PATH}/a/one?ref=v1.2&epochs=3&force=true&priority=urgent&{shape}")
    admin.post(
        PATH,
        json={
            "url": "a/two",
            "ref": "v1.2",
            "epochs": 3,
            "preset": "fast",
            "method": "prone",
            "include": ["generated", "vendored", "generated"],
            "force": True,
            "priority": "urgent",
            "needs": {"gpu": True, "gpu_memory": 6},
        },
    )

    one, two = house.submit.jobs
    wanted = {"ref": "v1.2", "epochs": 3, "preset": "fast", "method": "prone", "force": True}
    wanted |= {"include": ("generated", "vendored")}
    assert [{key: job.payload[key] for key in wanted} for job in (one, two)] == [wanted, wanted]
    assert (one.priority, two.priority) == (Priority.URGENT, Priority.URGENT)
    assert (one.needs, two.needs) == (Needs(), Needs(gpu=True, gpu_memory=6))


@pytest.mark.parametrize(
    "query",
    [
        "include=tests",
        "method=x",
        "epochs=0",
        "epochs=101",
        "ref=--upload-pack",
        "ref=a%20b",
        "priority=now",
        "force=si",
        "preset=slow",
    ],
)
def test_a_parameter_out_of_range_is_a_422(query: str, admin: TestClient) -> None:
    """Values that no job can have are refused by both doors' one rule."""
    assert admin.post(f"{PATH}/a/b?{query}").status_code == 422


def test_the_same_work_waiting_is_not_queued_twice(house: House, admin: TestClient) -> None:
    """A second request for waiting work is answered with the first one's job."""
    first = admin.post(PATH, json={"url": "a/b"}).json()["data"]

    second = admin.post(f"{PATH}/https://github.com/a/b").json()["data"]

    assert (second["job_id"], second["deduplicated"]) == (first["job_id"], True)
    assert len(house.submit.jobs) == 1


@pytest.mark.parametrize("key", ['"8e03978e-40d5"', "8e03978e-40d5"])
def test_an_idempotency_key_leads_to_the_same_job(key: str, admin: TestClient) -> None:
    """The same key and request are replayed, quoted or bare; the same key with another request is a 422."""
    headers = {"Idempotency-Key": key}
    first = admin.post(PATH, json={"url": "a/b"}, headers=headers).json()["data"]

    again = admin.post(PATH, json={"url": "a/b", "epochs": 1}, headers={"Idempotency-Key": key.strip('"')})
    other = admin.post(PATH, json={"url": "a/c"}, headers=headers)

    assert (again.json()["data"]["job_id"], again.json()["data"]["replayed"]) == (first["job_id"], True)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("key", ['"', '"open', "two words", "x" * 201, "", '""'])
def test_a_malformed_idempotency_key_is_a_400(key: str, house: House, admin: TestClient) -> None:
    """A key that is no structured-field string is refused before anything is queued."""
    answer = admin.post(PATH, json={"url": "a/b"}, headers={"Idempotency-Key": key})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    assert house.submit.jobs == []


def test_the_ledger_never_sees_an_idempotency_key_itself(house: House, admin: TestClient) -> None:
    """What is kept are two SHA-256 digests."""
    admin.post(PATH, json={"url": "a/b"}, headers={"Idempotency-Key": "my-key"})

    ((key, (fingerprint, _)),) = house.submit.keys.items()
    assert (len(key), len(fingerprint)) == (32, 32)
    assert b"my-key" not in key


def test_the_worker_status_is_one_of_the_four_sentences(house: House, admin: TestClient) -> None:
    """Offline, Idle, Training Graph on …, Error: …, as the worker's last words say."""
    address, said = "/api/v1/ingestion/worker/status", []
    job = a_running_job()
    end = {"job_id": job.id, "attempt": 1, "state": State.FAILED, "detail": "out of memory"}

    said.append(admin.get(address).json()["data"]["status"])
    house.presence.hear(a_heartbeat())
    said.append(admin.get(address).json()["data"]["status"])
    house.presence.hear(a_heartbeat(attempts=(a_report(job),)))
    said.append(admin.get(address).json()["data"]["status"])
    house.presence.hear(a_heartbeat(ended=(end,)))
    said.append(admin.get(address).json()["data"]["status"])

    assert said == ["Offline", "Idle", "Training Graph on github.com/acme/api", "Error: out of memory"]


def test_a_status_that_did_not_change_is_a_304(house: House, admin: TestClient) -> None:
    """The tag leaves the ticking age out, so a poll of an idle worker costs no body."""
    house.presence.hear(a_heartbeat())
    first = admin.get("/api/v1/ingestion/worker/status")
    house.presence.hear(a_heartbeat())

    same = admin.get("/api/v1/ingestion/worker/status", headers={"If-None-Match": first.headers["etag"]})
    house.presence.hear(a_heartbeat(attempts=(a_report(a_running_job()),)))
    other = admin.get("/api/v1/ingestion/worker/status", headers={"If-None-Match": first.headers["etag"]})

    assert (same.status_code, same.headers["etag"], same.content) == (304, first.headers["etag"], b"")
    assert other.status_code == 200


def test_the_history_has_the_last_jobs_and_their_figures(house: House, admin: TestClient) -> None:
    """Rates are shares of the jobs shown; without any job there is nothing to divide by."""
    empty = admin.get("/api/v1/ingestion/jobs/history").json()["data"]
    failed = an_ended_job(state=State.FAILED, reason="clone_failed", detail="No such repository.", result=None)
    house.board.load((), (an_ended_job(), failed))

    full = admin.get("/api/v1/ingestion/jobs/history?limit=1000").json()["data"]
    one = admin.get("/api/v1/ingestion/jobs/history?limit=1").json()["data"]

    assert (empty["jobs"], empty["success_rate"], empty["mean_seconds"]) == ([], None, None)
    assert (full["success_rate"], full["error_rate"], full["skip_rate"], full["mean_seconds"]) == (0.5, 0.5, 0.0, 42.0)
    assert [job["state"] for job in full["jobs"]] == ["succeeded", "failed"]
    assert len(one["jobs"]) == 1
