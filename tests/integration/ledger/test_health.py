"""How the plane's dependencies are shown: works, works slowly, does not work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_world import Ledger

from cloud_api.delivery import Delivery
from cloud_api.services.health import Health
from shared.errors import StoreUnavailable


class Steps:
    """A clock that goes on by the same step each time it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 1000.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def _health(ledger: Ledger, *, step: float, ask_qdrant: Callable[[], None] = lambda: None) -> Health:
    return Health(
        databases=(ledger.app, ledger.keeper_database),
        delivery=Delivery(None, pause=1, ttl=1),
        ask_qdrant=ask_qdrant,
        clock=Steps(step),
    )


@pytest.mark.parametrize(("seconds", "state", "status"), [(0.4, "connected", "ok"), (0.6, "degraded", "degraded")])
def test_slow_answers_are_degraded(ledger: Ledger, seconds: float, state: str, status: str) -> None:
    """A dependency whose last answer took more than a second works, but not well, and neither does the plane."""
    view = _health(ledger, step=seconds).ready()

    assert {name: part.state for name, part in view.parts.items()} == {
        "postgres": state,
        "redis": "off",
        "qdrant": state,
    }
    assert view.parts["postgres"].latency_ms == pytest.approx(2000 * seconds)
    assert view.status == status


def test_dependency_that_was_not_asked_is_not_slow(ledger: Ledger) -> None:
    """Postgres is known to work from its last use, without a probe."""
    ledger.submit()

    parts = _health(ledger, step=10).now().parts

    assert (parts["postgres"].state, parts["qdrant"].state) == ("connected", "unknown")


def test_dependency_that_is_away_is_down_not_slow(ledger: Ledger) -> None:
    """No answer is worse than a slow one."""

    def away() -> None:
        raise StoreUnavailable

    view = _health(ledger, step=0.1, ask_qdrant=away).ready()

    assert (view.parts["qdrant"].state, view.parts["postgres"].state, view.status) == ("down", "connected", "degraded")
