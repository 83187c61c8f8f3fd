"""What this month has taken of the plans, in ``pharos status`` and ``pharos doctor``."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import RecordedPlane, play_status, usage

WARNING = "At this pace this month's 500,000 Redis commands end on 27 November. Raise the plan, or pause workers."


@pytest.fixture
def spent(recorded: RecordedPlane) -> RecordedPlane:
    """A control plane that will run out of Redis commands."""
    recorded.play("GET", "/api/v1/usage", usage(reached_on="2026-11-27", warning=WARNING))
    play_status(recorded)
    return recorded


def test_status_shows_the_plans(pharos: Pharos, recorded: RecordedPlane) -> None:
    """One line: what is used, of what, and what the month comes to; nothing more while all is well."""
    play_status(recorded)

    shown = pharos("status")

    assert shown.exit_code == 0
    line = "Redis 182,340/500,000 (month: 260,000), Postgres 31/400 h, host 31/750 h"
    assert f"this month     {line}" in shown.stdout
    assert "WARN" not in shown.stdout


@pytest.mark.usefixtures("spent")
def test_status_warns_before_a_plan_ends(pharos: Pharos) -> None:
    """The sentence with the day is printed, and what works today is no failure."""
    shown = pharos("status")

    assert shown.exit_code == 0
    assert f"WARN           {WARNING}" in shown.stdout


@pytest.mark.usefixtures("spent")
def test_status_json_has_usage(pharos: Pharos) -> None:
    """A script reads the same."""
    seen = json.loads(pharos("status", "--json").stdout)

    assert seen["usage"]["meters"][0]["reached_on"] == "2026-11-27"


@pytest.mark.parametrize(("warning", "grade"), [(None, "OK"), (WARNING, "WARN")], ids=["lasts", "ends"])
def test_doctor_looks_at_the_budget(pharos: Pharos, recorded: RecordedPlane, warning: str | None, grade: str) -> None:
    """A plan that ends is a warning with its day and what to do."""
    recorded.play("GET", "/api/v1/usage", usage(warning=warning))
    play_status(recorded)

    (found,) = [one for one in json.loads(pharos("doctor", "--json").stdout) if one["group"] == "budget"]

    assert found["grade"] == grade
    assert (warning or "Redis 182,340/500,000") in found["found"]
    assert bool(found["fix"]) is (warning is not None)


def test_doctor_asks_nobody_without_a_plane(alone: Pharos) -> None:
    """Where no control plane is known there is no budget to look at."""
    rows = json.loads(alone("doctor", "--json").stdout)

    assert [one for one in rows if one["group"] == "budget"] == []


def test_status_tells_of_searches_once_there_were_some(pharos: Pharos, recorded: RecordedPlane) -> None:
    """How many, and which shares came from memory or were less than they could be; no line before the first."""
    play_status(recorded)
    recorded.play("GET", "/api/v1/usage", usage() | {"searches": {"answered": 1_200, "cached": 300, "degraded": 12}})

    before, after = pharos("status").stdout, pharos("status").stdout

    assert "searches" not in before
    assert "searches       1,200 since the start, 25% cached, 1% degraded" in after
