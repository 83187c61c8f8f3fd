"""Usage where people see it: the API, the figures for Prometheus, and the line on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from plane_twins import AS_WORKER, House

from cloud_api.budget import Plan
from cloud_api.usage import Usage

#: A day into a month of 30 days.
NOON = datetime(2026, 11, 2, tzinfo=UTC)


def _spend(house: House, commands: int, *, now: datetime = NOON) -> None:
    """Let the month so far have taken so many commands."""
    moments = [datetime(2026, 11, 1, tzinfo=UTC)]

    def clock() -> float:
        return moments[0].timestamp()

    usage = Usage(
        plan=Plan(redis_commands=500_000, postgres_hours=400, host_hours=750),
        commands=lambda: commands,
        ledger_idle=lambda: [3.0],
        now=lambda: moments[0],
        clock=clock,
    )
    moments[0] = now
    house.app.state.services = replace(house.services, usage=usage)


@pytest.fixture
def admin_of(house: House, admin: TestClient) -> TestClient:
    """Somebody with the admin token, after a quiet day."""
    _spend(house, 1000)
    return admin


def test_usage_is_shown_with_its_forecast(admin_of: TestClient) -> None:
    """Each meter with what is used, the limit, and what the month comes to."""
    data = admin_of.get("/api/v1/usage").json()["data"]

    redis, postgres, host = data["meters"]
    assert (data["month"], data["since"]) == ("2026-11-01", "2026-11-01T00:00:00Z")
    assert redis == {
        "meter": "redis_commands",
        "used": 1000,
        "limit": 500_000,
        "share": 0.002,
        "forecast": 30_000,
        "reached_on": None,
        "warning": None,
    }
    assert (postgres["meter"], postgres["limit"]) == ("postgres_hours", 400)
    assert (host["meter"], host["used"], host["forecast"]) == ("host_hours", 24, 720)


def test_usage_can_be_polled(admin_of: TestClient) -> None:
    """It says how often a look is worth it, and 304 to whoever holds the answer."""
    first = admin_of.get("/api/v1/usage")
    again = admin_of.get("/api/v1/usage", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.headers["Retry-After"], again.status_code) == ("60", 304)


def test_usage_is_for_people(stranger: TestClient) -> None:
    """Neither a stranger nor a worker may see it."""
    assert stranger.get("/api/v1/usage").status_code == 401
    assert stranger.get("/api/v1/usage", headers=AS_WORKER).status_code == 403


def test_a_plan_that_ends_says_when(house: House, admin: TestClient) -> None:
    """The answer has the day and the sentence."""
    _spend(house, 50_000)

    redis = admin.get("/api/v1/usage").json()["data"]["meters"][0]

    assert redis["reached_on"] == "2026-11-11"
    assert "end on 11 November" in redis["warning"]


def test_prometheus_sees_the_month(house: House, admin: TestClient) -> None:
    """Each meter as a gauge in base units, with its limit, and its forecast once there is one."""
    text = admin.get("/metrics").text
    figures = dict(re.findall(r"^(pharos_month_\w+) (\S+)$", text, re.MULTILINE))

    assert set(figures) == {
        f"pharos_month_{name}{ending}"
        for name in ("redis_commands", "postgres_awake_seconds", "host_awake_seconds")
        for ending in ("", "_limit")
    }
    assert float(figures["pharos_month_redis_commands_limit"]) == 500_000
    assert float(figures["pharos_month_postgres_awake_seconds_limit"]) == 400 * 3600
    house.sent = 12
    assert "pharos_month_redis_commands 12.0" in admin.get("/metrics").text


def test_the_page_shows_the_meter(house: House) -> None:
    """One line under the workers, without any alarm while all is well."""
    page = house.page()
    _spend(house, 182_340, now=datetime(2026, 11, 29, tzinfo=UTC))

    text = page.get("/").text

    assert "This month, free plans: Redis 182,340/500,000 · Postgres 0/400 h · host 672/750 h" in text
    assert "Redis commands end" not in text


def test_the_page_warns_in_words(house: House) -> None:
    """A plan that ends is said by a sentence and a sign, not by a colour, also in what is polled."""
    page = house.page()
    _spend(house, 182_340)

    for path in ("/", "/ui/board"):
        text = page.get(path).text
        assert "At this pace this month&#39;s 500,000 Redis commands end on 3 November." in text
        assert "Warning:" in text
        assert text.count("<svg") >= 1


def test_the_page_keeps_still_while_hours_pass(house: House) -> None:
    """The polled part is the same a minute later: what ticks is shown in whole hours."""
    page = house.page()
    _spend(house, 5, now=datetime(2026, 11, 2, 0, 1, tzinfo=UTC))
    first = page.get("/ui/board").headers["ETag"]
    _spend(house, 5, now=datetime(2026, 11, 2, 0, 2, tzinfo=UTC))

    assert page.get("/ui/board").headers["ETag"] == first
