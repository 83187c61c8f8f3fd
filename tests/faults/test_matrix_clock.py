"""Clocks that are wrong by minutes or a day decide nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.chaos.checker import check
from tests.chaos.history import Ask
from tests.faults.conftest import Build

_MINUTE, _DAY = 60.0, 86_400.0


@pytest.mark.parametrize(
    ("plane", "worker"),
    [(3 * _MINUTE, -3 * _MINUTE), (-3 * _MINUTE, 3 * _MINUTE), (_DAY, -_DAY), (-_DAY, _DAY)],
    ids=["plane-3-min-ahead", "plane-3-min-behind", "plane-a-day-ahead", "plane-a-day-behind"],
)
def test_no_clock_but_the_databases_decides(build: Build, plane: float, worker: float) -> None:
    """With plane and worker wrong in opposite ways, a running job is looked at and left alone, and all run once."""
    house = build()
    house.start_plane(ahead=plane)
    house.ready_worker("attic", ahead=worker)
    house.ready_worker("den")
    long, waiting = house.submit("long", epochs=100), house.submit("waiting")
    house.wait(long, "running")

    while house.states(long)[-1] == "running":
        for path in ("/api/v1/workers", "/api/v1/jobs", "/health"):
            assert house.http.get(path).status_code == 200
    house.wait(waiting)

    for job_id in (long, waiting):
        assert house.states(job_id) == ["queued", "running", "succeeded"]
    asks = [Ask(key=one, job_id=one, repository=one, fate="succeed") for one in (long, waiting)]
    assert check(house.history(asks)).problems == ()
    # Its clock was wrong indeed: it stands in every answer.
    said = datetime.fromisoformat(house.http.get("/health").json()["meta"]["timestamp"])
    assert abs((said - datetime.now(UTC)).total_seconds() - plane) < _MINUTE
