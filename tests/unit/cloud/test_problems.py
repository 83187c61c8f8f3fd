"""Errors as HTTP: statuses, bodies, and what they keep to themselves."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from plane_factories import REPOSITORY_ID, a_job
from plane_twins import House

from cloud_api.http.problems import KNOWN
from cloud_api.services.health import HealthView, PartView
from shared import errors

_NEVER_ANSWERED = {"INTERNAL", "CONFIGURATION"}
_SIGNALS = errors.JobSignal


def _tree(root: type[errors.PharosError]) -> list[type[errors.PharosError]]:
    return [root, *(below for child in root.__subclasses__() for below in _tree(child))]


_ANSWERED = [
    error
    for error in _tree(errors.PharosError)
    if error.__module__ == "shared.errors" and not issubclass(error, _SIGNALS) and error.code not in _NEVER_ANSWERED
]
_STATUS = {
    "BAD_REQUEST": 400,
    "INVALID_REQUEST": 400,
    "INVALID_REPOSITORY": 400,
    "LEDGER_REFUSED": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "QUEUE_FULL": 429,
    "IDEMPOTENCY_CONFLICT": 422,
    "LIVES_ELSEWHERE": 409,
    "NOT_ENDED": 409,
    "TOO_LATE": 409,
    "NO_WORKER": 503,
    "NOT_ANSWERED": 504,
    "UNAVAILABLE": 503,
    "LEDGER_UNAVAILABLE": 503,
    "MAILBOX_UNAVAILABLE": 503,
    "STORE_UNAVAILABLE": 503,
}


def _check_problem(body: dict[str, Any], *, status: int, code: str) -> None:
    assert body["status"] == status
    assert body["error"]["code"] == code
    assert body["type"] == "/errors/" + code.lower().replace("_", "-")
    assert body["title"]
    assert body["detail"] == body["error"]["message"]
    assert body["success"] is False
    assert body["data"] is None
    assert set(body["meta"]) >= {"request_id", "timestamp"}


@pytest.mark.parametrize("error", _ANSWERED, ids=lambda error: error.code)
def test_every_error_of_the_tree_has_its_status_and_both_bodies_in_one(
    error: type[errors.PharosError], house: House, admin: TestClient
) -> None:
    """Every error that a service may raise is answered with its status, as problem+json and as our envelope."""
    house.submit.error = error("It happened. Nothing was changed. Try again.")

    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b"})

    assert answer.status_code == _STATUS[error.code]
    assert answer.headers["content-type"] == "application/problem+json"
    _check_problem(answer.json(), status=_STATUS[error.code], code=error.code)


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_type_leads_to_a_page_that_explains_it(code: str, stranger: TestClient) -> None:
    """The ``type`` of every problem is an address where its meaning stands."""
    answer = stranger.get("/errors/" + code.lower().replace("_", "-"))

    assert answer.status_code == 200
    assert KNOWN[code].title in answer.text


def test_an_unknown_error_page_is_a_404(stranger: TestClient) -> None:
    """A code that does not exist has no page."""
    assert stranger.get("/errors/no-such-thing").status_code == 404


def test_a_full_queue_says_when_to_come_back(house: House, admin: TestClient) -> None:
    """429 carries ``Retry-After`` and names the queue in its details."""
    house.submit.cap = 0

    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b"})

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "360"
    assert answer.json()["error"]["details"] == [{"queue": "ingest", "waiting": 0, "cap": 0, "retry_after": 360}]


def test_a_ledger_that_cannot_record_is_a_503_with_retry_after(house: House, admin: TestClient) -> None:
    """503 carries ``Retry-After``."""
    house.submit.error = errors.LedgerUnavailable()

    answer = admin.post("/api/v1/ingestion/ingest/a/b")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_what_nobody_foresaw_is_a_500_without_detail(house: House, admin: TestClient, logs: list[Any]) -> None:
    """An unknown exception is logged in full and answered without a word of it, with id and security headers."""
    house.submit.error = RuntimeError("the password is hunter2")

    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b"})

    _check_problem(answer.json(), status=500, code="INTERNAL")
    assert "hunter2" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert any(entry["event"] == "request_failed" and entry["exc_info"] for entry in logs)


def test_a_configuration_error_is_not_shown_to_callers(house: House, admin: TestClient) -> None:
    """An error of ours that callers can do nothing about is a bare 500."""
    house.submit.error = errors.ConfigurationError("PHAROS_DATABASE_URL is wrong")

    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b"})

    assert answer.status_code == 500
    assert "PHAROS_DATABASE_URL" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/no/such/address", 404, "NOT_FOUND"),
        ("PUT", "/api/v1/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("GET", f"/api/v1/jobs/job_{'0' * 26}", 404, "NOT_FOUND"),
        ("GET", "/api/v1/jobs/not-an-id", 422, "VALIDATION_FAILED"),
        ("GET", "/api/v1/jobs?limit=0", 422, "VALIDATION_FAILED"),
        ("GET", "/api/v1/jobs?limit=201", 422, "VALIDATION_FAILED"),
        ("GET", "/api/v1/jobs?cursor=x", 422, "VALIDATION_FAILED"),
        ("GET", "/api/v1/jobs?state=queue", 422, "VALIDATION_FAILED"),
        ("GET", "/api/v1/ingestion/jobs/history?limit=1001", 422, "VALIDATION_FAILED"),
        ("GET", f"/api/v1/repositories/{REPOSITORY_ID}/similar", 422, "VALIDATION_FAILED"),
        ("GET", f"/api/v1/repositories/{REPOSITORY_ID}/similar?path=no.py", 404, "NOT_FOUND"),
        ("GET", f"/api/v1/repositories/{REPOSITORY_ID}/dependents?path=no.py", 404, "NOT_FOUND"),
        ("GET", "/static/no.css", 404, "NOT_FOUND"),
    ],
)
def test_framework_errors_are_problems_too(method: str, path: str, status: int, code: str, admin: TestClient) -> None:
    """Unknown addresses, wrong methods and wrong parameters have the same body as our own errors."""
    answer = admin.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    _check_problem(answer.json(), status=status, code=code)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/jobs", "GET, POST"),
        (f"/api/v1/jobs/job_{'0' * 26}", "DELETE, GET"),
        (f"/api/v1/repositories/{REPOSITORY_ID}", "DELETE, GET"),
        ("/sign-in", "GET, POST"),
        ("/static/page.css", "GET, HEAD"),
    ],
)
def test_a_wrong_method_names_those_that_are_right(path: str, methods: str, admin: TestClient) -> None:
    """405 carries every method of the address in ``Allow``."""
    assert admin.put(path).headers["allow"] == methods


def test_validation_never_echoes_what_was_sent(admin: TestClient) -> None:
    """A wrong value is named by its place, and the value itself does not come back."""
    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a/b", "epochs": "s3cret-value"})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["where"] == "body.epochs"
    assert "s3cret-value" not in answer.text


def test_a_body_that_is_not_json_is_a_400(admin: TestClient) -> None:
    """Text that cannot be read as JSON is a bad request."""
    answer = admin.post(
        "/api/v1/ingestion/ingest", content=b'{"url": "a/b"', headers={"Content-Type": "application/json"}
    )

    _check_problem(answer.json(), status=400, code="BAD_REQUEST")


@pytest.mark.parametrize("body", [{}, {"url": ""}, {"url": 7}, {"url": "x" * 501}, {"url": None}])
def test_an_address_of_the_wrong_form_is_a_400(body: dict[str, Any], admin: TestClient) -> None:
    """What cannot be an address at all is an invalid repository too, not a validation error."""
    answer = admin.post("/api/v1/ingestion/ingest", json=body)

    _check_problem(answer.json(), status=400, code="INVALID_REPOSITORY")


def test_a_body_of_more_than_a_megabyte_is_refused(admin: TestClient) -> None:
    """1 MB is the largest body, said as a problem."""
    answer = admin.post("/api/v1/ingestion/ingest", json={"url": "a" * 1_000_001})

    _check_problem(answer.json(), status=413, code="BODY_TOO_LARGE")
    assert answer.headers["x-request-id"]


def test_a_body_without_a_length_is_cut_off_too(admin: TestClient) -> None:
    """A chunked body is counted as it comes."""
    chunks = (b"x" * 100_000 for _ in range(11))

    answer = admin.post("/api/v1/ingestion/ingest", content=chunks, headers={"Content-Type": "application/json"})

    _check_problem(answer.json(), status=413, code="BODY_TOO_LARGE")


def test_a_password_in_a_path_does_not_come_back(admin: TestClient, logs: list[Any]) -> None:
    """The path of a refused address is shown without its user name and token, and is in no log line at all."""
    answer = admin.post("/api/v1/ingestion/ingest/https://user:hunter2@github.com/a/b")

    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert "hunter2" not in str(logs)


def test_ready_is_a_503_when_no_job_can_be_recorded(house: House, admin: TestClient) -> None:
    """``/health/ready`` fails when the ledger is down, and names each part; ``/health`` stays 200."""
    house.health.view = HealthView(status="down", parts={"postgres": PartView(state="down", detail="at 10.0.0.1")})

    ready, alive = admin.get("/health/ready"), admin.get("/health")

    _check_problem(ready.json(), status=503, code="UNAVAILABLE")
    assert ready.json()["error"]["details"] == [{"postgres": "down"}]
    assert (alive.status_code, alive.json()["data"]["status"]) == (200, "down")
    assert "10.0.0.1" not in alive.text


def test_a_job_of_another_tenant_does_not_exist(house: House, admin: TestClient) -> None:
    """Somebody else's job is a 404."""
    theirs = a_job(tenant_id=uuid4())
    house.submit.jobs.append(theirs)

    assert admin.get(f"/api/v1/jobs/{theirs.id}").status_code == 404
