"""Signing in and out: links that work once, a cookie that holds for 30 days, and what is no session."""

from __future__ import annotations

import base64

import pytest
from fastapi.testclient import TestClient
from plane_twins import ADMIN, WORKER, House

from cloud_api.auth.codes import SignInCodes
from cloud_api.auth.session import LIFETIME, Sessions


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
