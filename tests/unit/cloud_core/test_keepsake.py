"""The keepsake: what a plane leaves for the next one."""

from __future__ import annotations

import pytest
from plane_factories import a_report, a_running_job
from presence_house import DEN, House

from cloud_api.delivery import Delivery
from cloud_api.duties import Wish
from cloud_api.keepsake import Keepsake
from shared.nodes.heartbeat import Duty, DutyOrder


class Notes(Delivery):
    """A delivery that keeps notes in memory."""

    def __init__(self) -> None:
        super().__init__(None, pause=1, ttl=1)
        self.kept: list[str] = []

    def keep_note(self, name: str, text: str) -> None:
        """Keep it."""
        self.kept.append(text)

    def read_note(self, name: str) -> str | None:
        """Return the last one."""
        return self.kept[-1] if self.kept else None


def test_keepsake_survives_a_restart(house: House) -> None:
    """The next process shows who was there, with their age, and what is unchanged is not written twice."""
    notes, job = Notes(), a_running_job()
    house.hear(attempts=(a_report(job),), duty=Duty(state="draining", order="1"), transport="rest", line="open")
    house.now += 5
    keepsake = Keepsake(house.presence, notes, house.duties, now=lambda: 50_000.0)
    keepsake.keep()
    keepsake.keep()
    later = House()

    Keepsake(later.presence, notes, later.duties, now=lambda: 50_010.0).recall()

    (view,) = later.presence.workers()
    assert len(notes.kept) == 1
    assert (view.worker, view.seen_seconds_ago, view.attempts[0].job_id) == (DEN, 15.0, job.id)
    assert (view.state, view.transport) == ("draining", "rest")


def test_orders_that_were_not_followed_survive_a_restart(house: House) -> None:
    """A worker that was away is told by the next process, with the seconds that are left by then."""
    notes, wish = Notes(), DutyOrder(id="1", state="paused", note="gaming", seconds=600)
    house.hear(goodbye="sleeping")
    keepsake = Keepsake(house.presence, notes, house.duties, now=lambda: 50_000.0 + house.now)
    keepsake.keep()
    house.duties.want(Wish(name="den", order=wish, by="admin"))
    house.now += 100
    keepsake.keep()
    later = House()
    later.now = house.now + 200
    Keepsake(later.presence, notes, later.duties, now=lambda: 50_000.0 + later.now).recall()

    later.hear()

    order = later.duties.order_for(DEN)
    assert order is not None
    assert (order.note, order.seconds) == ("gaming", 300.0)


def test_orders_whose_time_is_over_are_not_recalled(house: House) -> None:
    """A pause that ended while no plane was there is told to nobody."""
    notes = Notes()
    house.hear(goodbye="sleeping")
    house.duties.want(Wish(name="den", order=DutyOrder(id="1", state="paused", seconds=600), by="admin"))
    Keepsake(house.presence, notes, house.duties, now=lambda: 50_000.0).keep()
    later = House()

    Keepsake(later.presence, notes, later.duties, now=lambda: 50_601.0).recall()
    later.hear()

    assert later.duties.order_for(DEN) is None


@pytest.mark.parametrize("text", ["", "null", "[]]", '[{"heartbeat": {}, "at": 1}]', "x" * 10_000])
def test_foreign_keepsake_is_dropped(house: House, text: str) -> None:
    """A copy that is not ours leads to nobody."""
    notes = Notes()
    notes.kept.append(text)

    Keepsake(house.presence, notes, house.duties).recall()

    assert house.presence.workers() == ()
