"""An order to a worker outlasts the plane from the moment that it was given."""

from __future__ import annotations

from plane_factories import a_heartbeat

from cloud_api.board import Board
from cloud_api.duties import Duties
from cloud_api.presence import Presence
from cloud_api.services.workers import Workers
from shared.timing import Timing


def test_a_fresh_order_is_kept_at_once() -> None:
    """Once for each order, what is wanted is written down, after it is wanted and before the owner is answered."""
    presence = Presence(timing=Timing())
    presence.hear(a_heartbeat())
    duties = Duties(presence=presence)
    kept: list[int] = []
    workers = Workers(
        presence=presence,
        board=Board(),
        duties=duties,
        tell=lambda _: None,
        keep=lambda: kept.append(len(duties.wishes())),
    )
    name = presence.workers()[0].node

    workers.order(name, "paused", note=None, seconds=60.0, by="a person")
    workers.order(name, "open", note=None, seconds=None, by="a person")

    assert kept == [1, 1]
