"""Who may pass which door: a table over every route that there is, so that a new one cannot be forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from plane_factories import REPOSITORY_ID, a_heartbeat, a_job
from plane_twins import ADMIN, AS_ADMIN, AS_WORKER, House
from search_twins import a_searchable

#: All that a stranger may see. Anything else that a route adds must ask for a token, or this file says why not.
_OPEN = {
    ("GET", "/health"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/errors/{name}"),
}
_LINE = "/api/v1/workers/line"
#: All that the worker token opens, and what a knock is answered there: a line needs a name, and the others a question.
_FOR_WORKERS = {
    ("POST", "/api/v1/workers/heartbeat"): 200,
    ("GET", _LINE): 422,
    ("POST", f"{_LINE}/acknowledgements"): 409,
    ("POST", f"{_LINE}/answers"): 409,
}
#: Doors for people where a knock passes the gate and comes to nothing: nobody holds a line, the job has not ended.
_IN_VAIN = {
    ("POST", "/api/v1/workers/echo"): 503,
    ("POST", "/api/v1/workers/{name}/echo"): 503,
    ("POST", "/api/v1/jobs/{job_id}/retry"): 409,
    ("POST", "/ui/jobs/{job_id}/retry"): 409,
}
#: Pages send strangers to the sign-in form.
_PAGES = {("GET", "/"), ("GET", "/ui/search"), ("POST", "/ui/submit"), ("POST", "/ui/jobs/{job_id}/retry")}
_JOB = a_job()
_VALUES = {
    "{job_id}": _JOB.id,
    "{repository_id}": REPOSITORY_ID,
    "{repo_url:path}": "https://github.com/a/b",
    "{worker}": "den",
    "/workers/{name}": "/workers/den",
    "{name}": "not-found",
    "{community}": "0",
}
_SAID = {"worker": "den.0123456789ab", "id": "0123456789abcdef"}
_QUERIES = {
    "similar": {"path": "src/file_0.py"},
    "dependents": {"path": "src/file_0.py"},
    "dependencies": {"path": "src/file_0.py"},
    "paths": {"source": "src/file_0.py", "target": "src/file_1.py"},
    "search": {"q": "where is a token checked?"},
}
_BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/ingestion/ingest": {"json": {"url": "a/b"}},
    "/api/v1/workers/heartbeat": {"json": json.loads(a_heartbeat().model_dump_json())},
    f"{_LINE}/acknowledgements": {"json": _SAID},
    f"{_LINE}/answers": {"json": {**_SAID, "body": {}}},
    "/api/v1/jobs": {"json": {"kind": "ingest", "payload": {"url": "a/b"}}},
    "/api/v1/workers/echo": {"json": {}},
    "/api/v1/workers/{name}/echo": {"json": {}},
    "/api/v1/workers/{worker}/pause": {"json": {"note": "gaming", "minutes": 15}},
    "/api/v1/repositories/{repository_id}/impact": {"json": {"changes": [{"path": "src/file_1.py"}]}},
    "/api/v1/search": {"json": {"query": "where is a token checked?"}},
    "/ui/submit": {"data": {"repository": "a/b"}},
    "/sign-in": {"data": {"token": ADMIN}},
}


def _doors() -> list[tuple[str, str]]:
    contexts = iter_route_contexts(House().app.routes)
    found = {(method, str(context.path)) for context in contexts for method in context.methods or ()}
    return sorted(door for door in found if door[0] != "HEAD")


_DOORS = _doors()
_GUARDED = [door for door in _DOORS if door not in _OPEN]


def _path(door: tuple[str, str]) -> str:
    path = door[1]
    for name, value in _VALUES.items():
        path = path.replace(name, value)
    return path


def _knock(client: TestClient, door: tuple[str, str], **headers: str) -> Any:
    query = _QUERIES.get(door[1].rsplit("/", 1)[-1]) if door[0] == "GET" else None
    return client.request(door[0], _path(door), params=query, headers=headers, **_BODIES.get(door[1], {}))


def _with_job(house: House) -> House:
    house.submit.jobs.append(_JOB)
    house.texts.repositories = [a_searchable()]
    house.presence.hear(a_heartbeat())
    return house


def _assert_passed(door: tuple[str, str], answer: Any) -> None:
    if door in _IN_VAIN:
        assert answer.status_code == _IN_VAIN[door]
    else:
        assert answer.status_code < 400


def _named(door: tuple[str, str]) -> str:
    return " ".join(door)


@pytest.fixture(scope="module")
def shut() -> House:
    """A control plane for all who are refused: they change nothing, so that one will do."""
    return _with_job(House())


def test_the_table_knows_every_kind_of_door() -> None:
    """The doors that the table names exist, and there are guarded ones."""
    assert set(_DOORS) >= _OPEN | set(_FOR_WORKERS) | set(_IN_VAIN) | _PAGES
    assert len(_GUARDED) > 25


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_a_stranger_is_refused_before_anything_is_looked_at(door: tuple[str, str], shut: House) -> None:
    """Without a credential a door answers 401 (a page: the sign-in form), whatever else is wrong with the request."""
    answer = _knock(shut.client(), door)

    if door in _PAGES:
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
@pytest.mark.parametrize(
    "credential", ["Bearer wrong-token", "Basic YWRtaW46eA==", "Bearer", f"Token {ADMIN}", "Bearer é"]
)
def test_a_wrong_credential_is_refused(door: tuple[str, str], credential: str, shut: House) -> None:
    """A wrong token, an empty one, or another scheme opens nothing."""
    headers = [(b"authorization", credential.encode())]

    answer = shut.client().request(door[0], _path(door), headers=headers, **_BODIES.get(door[1], {}))

    assert answer.status_code == (303 if door in _PAGES else 401)


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_admin_token_opens_every_door_for_people_and_no_other(door: tuple[str, str], house: House) -> None:
    """The admin token passes everywhere but at the workers' doors."""
    answer = _knock(_with_job(house).client(), door, **AS_ADMIN)

    if door in _FOR_WORKERS:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    else:
        _assert_passed(door, answer)


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_worker_token_opens_the_workers_doors_alone(door: tuple[str, str], house: House) -> None:
    """The worker token passes at the heartbeat and at the line's three doors, and nowhere else; nothing is changed."""
    answer = _knock(_with_job(house).client(), door, **AS_WORKER)

    assert answer.status_code == _FOR_WORKERS.get(door, 403)
    assert house.submit.jobs == [_JOB]
    assert house.told == []


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_page_s_cookie_opens_what_the_admin_token_opens(door: tuple[str, str], house: House) -> None:
    """A signed-in browser passes at every door for people when the request comes from our own page."""
    answer = _knock(_with_job(house).page(), door)

    if door in _FOR_WORKERS:
        assert answer.status_code == 403
    else:
        _assert_passed(door, answer)


@pytest.mark.parametrize("door", [door for door in _DOORS if door[0] != "GET"], ids=_named)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver.evil.example", "http://testserver:81", ""]
)
def test_a_change_from_another_site_is_refused(door: tuple[str, str], origin: str, shut: House) -> None:
    """With the cookie, and at the sign-in form, a foreign, odd or missing ``Origin`` gets 403 and changes nothing."""
    page = shut.page()
    del page.headers["Origin"]

    answer = _knock(page, door, **({"Origin": origin} if origin else {}))

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert shut.submit.jobs == [_JOB]
    assert shut.told == []


@pytest.mark.parametrize("door", [door for door in _DOORS if door in _OPEN and door[0] == "GET"], ids=_named)
def test_open_doors_are_open(door: tuple[str, str], stranger: TestClient) -> None:
    """Health, the sign-in form and the error pages need nothing."""
    assert _knock(stranger, door).status_code == 200


def test_a_bearer_needs_no_origin(admin: TestClient) -> None:
    """A program with a token is no browser: ``Origin`` is not asked for."""
    answer = admin.post(
        "/api/v1/ingestion/ingest", json={"url": "a/b"}, headers={"Origin": "https://elsewhere.example"}
    )

    assert answer.status_code == 202


def test_strangers_learn_nothing_from_validation(stranger: TestClient) -> None:
    """401 comes before the body is read: broken JSON and unknown fields are not spoken of."""
    broken = stranger.post("/api/v1/ingestion/ingest", content=b"{", headers={"Content-Type": "application/json"})
    unknown = stranger.get("/api/v1/jobs?limit=x")

    assert (broken.status_code, unknown.status_code) == (401, 401)


def test_failures_are_logged_with_the_address_and_counted(house: House, admin: TestClient, logs: list[Any]) -> None:
    """A wrong token leaves a line with the caller's address, no token, and a figure in the metrics."""
    house.client().get("/api/v1/jobs", headers={"Authorization": "Bearer sesame-sesame"})

    figures = admin.get("/metrics").text

    refusals = [entry for entry in logs if entry["event"] == "credential_refused"]
    assert [(entry["kind"], entry["client"]) for entry in refusals] == [("bearer", "testclient")]
    assert "sesame" not in str(logs)
    assert 'pharos_credentials_refused_total{kind="bearer"} 1.0' in figures
