"""A control plane on a host that sleeps."""

from __future__ import annotations

import sys

import pytest

from pharos.client import WAKING, PlaneClient
from pharos.failures import Unreachable
from tests.unit.cli.recorded_plane import RecordedPlane, accepted, health

# An address of this machine that does not look like loopback.
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="0.0.0.0 is no destination there")


def client(recorded: RecordedPlane, said: list[str], *, patience: float) -> PlaneClient:
    return PlaneClient(f"http://0.0.0.0:{recorded.port}", "t" * 16, tell=said.append, patience=patience, quiet=0.05)


def test_host_answers_until_plane_is_up(recorded: RecordedPlane) -> None:
    """While the host answers in place of a waking plane, the same request goes out again, and the person is told."""
    for _ in range(4):
        recorded.play_raw("POST", "/api/v1/ingestion/ingest", 502, b"<html>Bad gateway</html>", "text/html")
    recorded.play("POST", "/api/v1/ingestion/ingest", accepted(), status=202)
    said: list[str] = []

    with client(recorded, said, patience=20.0) as plane:
        answer = plane.submit({"url": "acme/api"})

    assert answer["position"] == 2
    assert len({asked.headers["idempotency-key"] for asked in recorded.asked}) == 1
    assert said == [WAKING]


def test_patience_ends(recorded: RecordedPlane) -> None:
    """A plane that never wakes is unreachable."""
    recorded.play_raw("GET", "/health", 503, b"", "text/plain")

    with client(recorded, [], patience=0.1) as plane, pytest.raises(Unreachable, match="503"):
        plane.health()


def test_own_503_is_an_answer(recorded: RecordedPlane) -> None:
    """A 503 of the plane itself is not taken for a sleeping host."""
    from shared.errors import LedgerUnavailable

    recorded.refuse("GET", "/health", 503, "LEDGER_UNAVAILABLE", "Postgres does not answer.")

    with client(recorded, [], patience=20.0) as plane, pytest.raises(LedgerUnavailable):
        plane.health()

    assert len(recorded.asked) == 1


def test_quick_answer_says_nothing(recorded: RecordedPlane) -> None:
    """A plane that is awake is not announced."""
    recorded.play("GET", "/health", health())
    said: list[str] = []

    with PlaneClient(f"http://0.0.0.0:{recorded.port}", "t" * 16, tell=said.append) as plane:
        plane.health()

    assert said == []
