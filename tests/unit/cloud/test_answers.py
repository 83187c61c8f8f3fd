"""Answers: the envelope, request ids, headers, pages, tags, and an OpenAPI description that is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_factories import REPOSITORY_ID, a_heartbeat, a_job, a_report, a_running_job, an_ended_job
from plane_twins import ADMIN, AS_WORKER, House

from cloud_api.app import create_app
from shared.jobs.kinds import Kind
from shared.jobs.states import State


def test_a_success_stands_in_the_envelope(admin: TestClient) -> None:
    """Data, meta and no error, with a request id and a time in UTC."""
    body = admin.get("/api/v1/workers").json()

    assert (body["success"], body["data"], body["error"]) == (True, [], None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["meta"]["timestamp"])
    assert body["meta"]["request_id"]


@pytest.mark.parametrize("given", ["abcdefgh", "A-b_" * 16])
def test_a_fitting_request_id_is_kept(given: str, stranger: TestClient, logs: list[Any]) -> None:
    """An id of 8 to 64 plain characters is taken over and comes back in header and body."""
    answer = stranger.get("/health", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "has space in it", "new\tline-in-it", "<script>alert(1)"])
def test_any_other_request_id_is_replaced(given: str, stranger: TestClient) -> None:
    """What does not look like an id never reaches a log line."""
    answer = stranger.get("/health", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] != given
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/health", "/sign-in", "/no/such", "/static/page.css", "/api/v1/jobs"])
def test_every_answer_has_the_security_headers(path: str, stranger: TestClient) -> None:
    """Pages, files, data and errors alike; strict transport only where HTTPS is spoken."""
    headers = stranger.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


def test_a_host_that_is_not_ours_is_refused(house: House) -> None:
    """With a list of host names any other one gets 400, as a problem."""
    app = create_app(
        services=house.services, admin_token=ADMIN, worker_token="w" * 16, allowed_hosts=("pharos.example",)
    )

    theirs = TestClient(app, base_url="http://evil.example").get("/health")
    ours = TestClient(app, base_url="http://pharos.example").get("/health")

    assert (theirs.status_code, theirs.json()["error"]["code"], ours.status_code) == (400, "BAD_REQUEST", 200)


def test_requests_are_logged_by_template_without_query(admin: TestClient, logs: list[Any]) -> None:
    """A log line names method, template, status and time, and no part of the path or query that a caller chose."""
    admin.post("/api/v1/ingestion/ingest/https://github.com/a/b?ref=topsecret")

    (line,) = [entry for entry in logs if entry["event"] == "request_answered"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/v1/ingestion/ingest/{repo_url:path}", 202)
    assert "topsecret" not in str(logs)
    assert "github.com/a/b" not in str(logs)


def test_health_is_open_and_says_no_more_than_states(stranger: TestClient) -> None:
    """Each part's state and age, and no error text."""
    answer = stranger.get("/health")

    assert answer.json()["data"]["parts"]["postgres"] == {
        "state": "connected",
        "age_seconds": 1.0,
        "latency_ms": 2.0,
        "transport": None,
    }
    assert "secret detail" not in answer.text


def test_a_job_is_shown_with_its_progress_while_it_runs(house: House, admin: TestClient) -> None:
    """A running job carries the stage that its worker reports, and is worth asking for again soon."""
    job = a_running_job()
    house.submit.jobs.append(job)
    house.presence.hear(a_heartbeat(attempts=(a_report(job),)))

    answer = admin.get(f"/api/v1/jobs/{job.id}")

    data = answer.json()["data"]
    assert data["progress"] == {"stage": "train", "done": 3, "total": 10}
    assert (data["state"], data["node"], data["position"]) == ("running", "den", 0)
    assert answer.headers["retry-after"] == "2"


def test_a_job_that_did_not_change_is_a_304(house: House, admin: TestClient) -> None:
    """The tag of a job changes with what is shown of it; an ended job asks for no retry."""
    job = a_job()
    house.submit.jobs.append(job)
    first = admin.get(f"/api/v1/jobs/{job.id}")
    tag = {"If-None-Match": first.headers["etag"]}

    same = admin.get(f"/api/v1/jobs/{job.id}", headers=tag)
    house.jobs.position = 2
    moved = admin.get(f"/api/v1/jobs/{job.id}", headers=tag)
    cancelled = admin.delete(f"/api/v1/jobs/{job.id}")
    ended = admin.get(f"/api/v1/jobs/{job.id}", headers=tag)

    assert first.headers["etag"].startswith('W/"')
    assert (same.status_code, moved.status_code, cancelled.status_code, ended.status_code) == (304, 200, 200, 200)
    assert first.headers["retry-after"] == same.headers["retry-after"] == "5"
    assert ended.json()["data"]["state"] == "cancelled"
    assert "retry-after" not in ended.headers


def test_jobs_are_paged_newest_first(house: House, admin: TestClient) -> None:
    """Following ``next_cursor`` shows every job once; ``Link`` leads the same way."""
    house.submit.jobs += [a_job(repository=f"github.com/acme/{number}") for number in range(5)]
    seen, path = [], "/api/v1/jobs?limit=2"

    while path:
        answer = admin.get(path)
        seen += [job["id"] for job in answer.json()["data"]]
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        assert (link is None) == (answer.json()["meta"]["next_cursor"] is None)
        path = link[1] if link else ""

    assert seen == sorted((job.id for job in house.submit.jobs), reverse=True)


def test_jobs_are_filtered_by_state_and_kind(house: House, admin: TestClient) -> None:
    """Only jobs of the state and the kind that were asked for are listed."""
    house.submit.jobs += [a_job(), an_ended_job(), a_job(kind=Kind.REMOVE)]

    ended = admin.get("/api/v1/jobs?state=succeeded").json()["data"]
    removals = admin.get("/api/v1/jobs?kind=remove&state=queued").json()["data"]

    assert [job["state"] for job in ended] == [State.SUCCEEDED]
    assert [job["kind"] for job in removals] == [Kind.REMOVE]


def test_what_was_learned_can_be_asked_for(admin: TestClient) -> None:
    """Repositories, files, likeness and both directions of the import graph."""
    base = f"/api/v1/repositories/{REPOSITORY_ID}"

    listed = admin.get("/api/v1/repositories").json()["data"]
    files = admin.get(f"{base}/files?limit=2").json()
    similar = admin.get(f"{base}/similar?path=src/file_1.py&limit=1").json()["data"]
    before = admin.get(f"{base}/dependents?path=src/file_2.py&depth=2").json()["data"]
    behind = admin.get(f"{base}/dependencies?path=src/file_0.py").json()["data"]

    assert [repository["name"] for repository in listed] == ["github.com/acme/api"]
    assert ([file["number"] for file in files["data"]], files["meta"]["next_cursor"]) == ([0, 1], "1")
    assert (similar["file"]["path"], [one["path"] for one in similar["similar"]]) == (
        "src/file_1.py",
        ["src/file_0.py"],
    )
    assert [(one["path"], one["depth"]) for one in before] == [("src/file_1.py", 1), ("src/file_0.py", 2)]
    assert [one["path"] for one in behind] == ["src/file_1.py"]


def test_removing_a_repository_is_a_job(admin: TestClient) -> None:
    """202 with the job that takes the vectors."""
    answer = admin.delete(f"/api/v1/repositories/{REPOSITORY_ID}")

    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["data"]["status_url"]


def test_a_heartbeat_is_answered_with_orders(house: House) -> None:
    """A worker tells of itself, is on the list at once, and gets its lanes."""
    client = house.client()

    orders = client.post(
        "/api/v1/workers/heartbeat",
        content=a_heartbeat().model_dump_json(),
        headers={**AS_WORKER, "Content-Type": "application/json"},
    )

    told = {name: value for name, value in orders.json()["data"].items() if value not in (None, [])}
    assert told == {"epoch": 1, "lanes": ["ingest"]}
    assert [worker.node for worker in house.presence.workers()] == ["den"]


def test_metrics_count_jobs_workers_requests_and_the_process(house: House, admin: TestClient) -> None:
    """Jobs by state, workers by state, requests by template, and this process's memory and CPU."""
    house.board.load((a_job(), a_job(), a_running_job()), ())
    house.presence.hear(a_heartbeat())
    admin.get(f"/api/v1/repositories/{REPOSITORY_ID}")
    admin.get("/made/up/path")

    figures = admin.get("/metrics")

    assert figures.headers["content-type"].startswith("text/plain")
    for line in (
        'pharos_jobs{state="queued"} 2.0',
        'pharos_jobs{state="running"} 1.0',
        'pharos_workers{state="ready"} 1.0',
        'pharos_http_requests_total{method="GET",route="/api/v1/repositories/{repository_id}",status="200"} 1.0',
        'pharos_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
    ):
        assert line in figures.text
    assert "made/up" not in figures.text


def test_the_description_names_every_failure_and_is_complete(admin: TestClient) -> None:
    """Each operation has a summary, its success model and the problems that it may answer, and every reference leads
    somewhere."""
    schema = admin.get("/openapi.json").json()
    operations = {
        f"{method} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }

    references = set(re.findall(r"#/components/schemas/([\w.-]+)", str(schema)))
    assert references <= set(schema["components"]["schemas"])
    for name, operation in operations.items():
        failures = {status for status in operation["responses"] if status >= "4"}
        assert operation["description"], name
        assert failures, name
        assert all("application/problem+json" in operation["responses"][status]["content"] for status in failures), name
        if name != "get /health":
            assert {"401", "403"} <= failures, name
    assert "429" in operations["post /api/v1/ingestion/ingest"]["responses"]
    assert schema["components"]["schemas"]["Problem"]["properties"]["error"]
    assert "HTTPValidationError" not in str(schema)


@pytest.mark.parametrize("query", ["foo=1", "depht=3", "state=queued&state=failed", "limit=5&limit=5"])
def test_a_slip_in_a_query_is_told(admin: TestClient, query: str) -> None:
    """A parameter that is not known, or stands twice, is refused instead of being left out in silence."""
    answer = admin.get(f"/api/v1/jobs?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    assert "known: cursor, kind, limit, state" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/health", "/api/v1/jobs", "/sign-in"])
def test_head_is_get_without_its_body(admin: TestClient, path: str) -> None:
    """HEAD answers what GET would, less the body."""
    got, asked = admin.get(path), admin.head(path)

    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("given", ["*", "strong", "weak"])
def test_tags_are_compared_weakly(admin: TestClient, given: str) -> None:
    """A caller that holds the answer, whichever way it writes the tag, is told that nothing changed."""
    tag = admin.get("/api/v1/ingestion/worker/status").headers["etag"]
    header = {"*": "*", "strong": tag.removeprefix("W/"), "weak": tag}[given]

    answer = admin.get("/api/v1/ingestion/worker/status", headers={"If-None-Match": header})

    assert (answer.status_code, answer.content) == (304, b"")
