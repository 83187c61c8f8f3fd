"""Who may pass which door: a table over every route that there is, so that a new one cannot be forgotten."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from plane_factories import REPOSITORY_ID, a_heartbeat, a_job
from plane_twins import ADMIN, AS_ADMIN, AS_WORKER, WORKER, House

from cloud_api.auth.codes import SignInCodes
from cloud_api.auth.session import LIFETIME, Sessions

#: All that a stranger may see. Anything else that a route adds must ask for a token, or this file says why not.
_OPEN = {
    ("GET", "/health"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/errors/{name}"),
}
_FOR_WORKERS = {("POST", "/api/v1/workers/heartbeat")}
#: Pages send strangers to the sign-in form.
_PAGES = {("GET", "/"), ("POST", "/ui/submit")}
_JOB = a_job()
_VALUES = {
    "{job_id}": _JOB.id,
    "{repository_id}": REPOSITORY_ID,
    "{repo_url:path}": "https://github.com/a/b",
    "{name}": "not-found",
}
_QUERIES = {"similar", "dependents", "dependencies"}
_BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/ingestion/ingest": {"json": {"url": "a/b"}},
    "/api/v1/workers/heartbeat": {"json": json.loads(a_heartbeat().model_dump_json())},
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
    query = {"path": "src/file_0.py"} if door[1].rsplit("/", 1)[-1] in _QUERIES else None
    return client.request(door[0], _path(door), params=query, headers=headers, **_BODIES.get(door[1], {}))


def _with_job(house: House) -> House:
    house.submit.jobs.append(_JOB)
    return house


def _named(door: tuple[str, str]) -> str:
    return " ".join(door)


def test_the_table_knows_every_kind_of_door() -> None:
    """The doors that the table names exist, and there are guarded ones."""
    assert set(_DOORS) >= _OPEN | _FOR_WORKERS | _PAGES
    assert len(_GUARDED) > 15


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_a_stranger_is_refused_before_anything_is_looked_at(door: tuple[str, str], stranger: TestClient) -> None:
    """Without a credential a door answers 401 (a page: the sign-in form), whatever else is wrong with the request."""
    answer = _knock(stranger, door)

    if door in _PAGES:
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
@pytest.mark.parametrize(
    "credential", ["Bearer wrong-token", "Basic YWRtaW46eA==", "Bearer", f"Token {ADMIN}", "Bearer é"]
)
def test_a_wrong_credential_is_refused(door: tuple[str, str], credential: str, stranger: TestClient) -> None:
    """A wrong token, an empty one, or another scheme opens nothing."""
    headers = [(b"authorization", credential.encode())]

    answer = stranger.request(door[0], _path(door), headers=headers, **_BODIES.get(door[1], {}))

    assert answer.status_code == (303 if door in _PAGES else 401)


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_admin_token_opens_every_door_for_people_and_no_other(door: tuple[str, str], house: House) -> None:
    """The admin token passes everywhere but at the workers' door."""
    answer = _knock(_with_job(house).client(), door, **AS_ADMIN)

    if door in _FOR_WORKERS:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    else:
        assert answer.status_code < 400


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_worker_token_opens_the_workers_door_alone(door: tuple[str, str], house: House) -> None:
    """The worker token passes at the heartbeat and nowhere else."""
    answer = _knock(_with_job(house).client(), door, **AS_WORKER)

    assert answer.status_code == (200 if door in _FOR_WORKERS else 403)


@pytest.mark.parametrize("door", _GUARDED, ids=_named)
def test_the_page_s_cookie_opens_what_the_admin_token_opens(door: tuple[str, str], house: House) -> None:
    """A signed-in browser passes at every door for people when the request comes from our own page."""
    answer = _knock(_with_job(house).page(), door)

    if door in _FOR_WORKERS:
        assert answer.status_code == 403
    else:
        assert answer.status_code < 400


@pytest.mark.parametrize("door", [door for door in _DOORS if door[0] != "GET"], ids=_named)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver.evil.example", "http://testserver:81", ""]
)
def test_a_change_from_another_site_is_refused(door: tuple[str, str], origin: str, house: House) -> None:
    """With the cookie, and at the sign-in form, a foreign, odd or missing ``Origin`` gets 403 and changes nothing."""
    page = _with_job(house).page()
    del page.headers["Origin"]

    answer = _knock(page, door, **({"Origin": origin} if origin else {}))

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert house.submit.jobs == [_JOB]


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


def test_signing_in_sets_a_cookie_that_scripts_cannot_read(house: House) -> None:
    """The session is HttpOnly, SameSite=Lax, 30 days long, and does not hold the token."""
    client = house.client()

    answer = client.post("/sign-in", data={"token": f" {ADMIN} "}, headers={"Origin": "http://testserver"})

    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=lax", "Max-Age=2592000", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert ADMIN not in cookie
    assert base64.urlsafe_b64encode(ADMIN.encode()).decode().rstrip("=") not in cookie


def test_over_https_the_cookie_is_secure_and_transport_is_strict(house: House) -> None:
    """Where the page came by HTTPS the cookie never leaves it, and browsers are told to stay on HTTPS."""
    client = house.client("https://testserver")

    answer = client.post("/sign-in", data={"token": ADMIN}, headers={"Origin": "https://testserver"})

    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age=" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("token", ["", "wrong", WORKER, ADMIN[:-1]])
def test_a_wrong_token_in_the_form_is_said_beside_it(token: str, house: House) -> None:
    """The form comes back with 401, the reason, and no cookie."""
    answer = house.client().post("/sign-in", data={"token": token}, headers={"Origin": "http://testserver"})

    assert answer.status_code == 401
    assert "That token is not right" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_sign_in_link_works_once(house: House, admin: TestClient) -> None:
    """The code in a link signs one browser in; the second use is refused."""
    path = admin.post("/api/v1/sign-in-codes").json()["data"]["path"]
    first, second = house.client(), house.client()

    answers = [client.get(path).status_code for client in (first, second)]

    assert answers == [303, 401]
    assert first.get("/").status_code == 200
    assert second.get("/").status_code == 303


def test_a_code_is_void_after_fifteen_minutes() -> None:
    """A code that was not used within 900 s opens nothing."""
    now = 0.0
    codes = SignInCodes(clock=lambda: now)
    early, late = codes.issue(), codes.issue()

    now = 899.0
    in_time = codes.redeem(early)
    now = 900.0
    too_late = codes.redeem(late)

    assert (in_time, too_late) == (True, False)


def test_a_hundred_codes_are_kept_at_most() -> None:
    """The oldest code goes when a hundred others are open."""
    codes = SignInCodes()
    first, *others = [codes.issue() for _ in range(101)]

    assert not codes.redeem(first)
    assert all(codes.redeem(code) for code in others)


def test_signing_out_takes_the_cookie_away(house: House) -> None:
    """After signing out the browser is a stranger again."""
    page = house.page()

    answer = page.post("/sign-out")

    assert answer.headers["location"] == "/sign-in"
    assert page.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "MTc2NTAwMDAwMDAwMA.AAAA", "W10.AAAA"])
def test_a_forged_cookie_is_no_session(cookie: str, house: House) -> None:
    """A cookie that was not signed here opens nothing."""
    client = house.client()
    client.cookies.set(Sessions(admin_token=ADMIN).cookie, cookie)

    assert client.get("/api/v1/jobs").status_code == 401


def test_a_session_ends_after_thirty_days_or_with_another_token() -> None:
    """A cookie holds for 30 days and only under the admin token that it was issued under."""
    from starlette.responses import Response

    now = 1_000_000.0
    sessions, response = Sessions(admin_token=ADMIN, clock=lambda: now), Response()
    sessions.start(response, secure=False)
    cookie = response.headers["set-cookie"].split(";")[0].removeprefix(f"{sessions.cookie}=")

    now += LIFETIME - 1
    valid = sessions.valid(cookie)
    elsewhere = Sessions(admin_token="another-admin-token", clock=lambda: now).valid(cookie)
    now += 2
    expired = sessions.valid(cookie)

    assert (valid, elsewhere, expired) == (True, False, False)


def test_two_planes_on_one_host_have_cookies_of_their_own() -> None:
    """Signing in at one control plane leaves the session at another on the same host alone."""
    one, other = Sessions(admin_token=ADMIN), Sessions(admin_token="another-admin-token")

    assert one.cookie != other.cookie
    assert one.cookie == Sessions(admin_token=ADMIN).cookie
