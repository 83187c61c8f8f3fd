"""Duties: an order is offered until it is followed, and to whom it concerns alone."""

from __future__ import annotations

import pytest
from presence_house import ATTIC, DEN, OTHER, House

from cloud_api.duties import Wish
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Duty, DutyOrder


def _want(house: House, name: str = "den", *, asked: tuple[str, ...] = (DEN,), order: str = "1", **how: object) -> None:
    wanted = DutyOrder.model_validate({"id": order, "state": "paused", **how})
    house.duties.want(Wish(name=name, order=wanted, by="admin", asked=frozenset(asked)))


def _offered(house: House, worker: str = DEN) -> str | None:
    order = house.duties.order_for(worker)
    return None if order is None else order.id


def test_order_is_offered_until_it_is_followed(house: House) -> None:
    """Every heartbeat is answered with the order until one shows it, also after the duty is over."""
    house.hear()
    _want(house)

    offered = [_offered(house), _offered(house)]
    house.hear(after=20, duty=Duty(state="paused", order="1"))
    followed = _offered(house)
    house.hear(after=20)

    assert offered == ["1", "1"]
    assert followed is None
    assert _offered(house) is None


def test_seconds_run_while_nobody_follows(house: House) -> None:
    """A pause counts from when it was asked for; when it is over before anybody heard of it, it is dropped."""
    house.hear()
    _want(house, seconds=600)
    house.now += 100

    order = house.duties.order_for(DEN)
    house.now += 500

    assert order is not None
    assert order.seconds == 500.0
    assert _offered(house) is None


def test_newer_order_replaces_the_older(house: House) -> None:
    """What was asked for last is what is offered, for a node in place of what its single workers were told."""
    house.hear()
    _want(house, DEN)
    _want(house, state="open", order="2")

    assert _offered(house) == "2"


def test_single_worker_of_a_node(house: House) -> None:
    """An order for one worker of a node goes to that one, before what was asked of the whole node."""
    house.hear()
    house.hear(worker=OTHER)
    _want(house, asked=(DEN, OTHER))
    _want(house, OTHER, asked=(OTHER,), state="open", order="2")

    assert (_offered(house), _offered(house, OTHER)) == ("1", "2")


def test_every_worker_of_a_node_follows(house: House) -> None:
    """One that followed does not speak for another that was there."""
    house.hear()
    house.hear(worker=OTHER)
    _want(house, asked=(DEN, OTHER))
    house.hear(after=20, duty=Duty(state="paused", order="1"))

    assert (_offered(house), _offered(house, OTHER)) == (None, "1")


def test_absent_worker_is_told_when_it_is_back(house: House) -> None:
    """An order for a node that is away goes to the next process of that node."""
    house.hear(goodbye="stopping")
    _want(house, asked=())
    house.hear(worker=OTHER, after=3600)

    assert _offered(house, OTHER) == "1"


def test_later_process_finds_what_was_kept(house: House) -> None:
    """A process that comes after one that followed reads its duty from its own disk, and is not told again."""
    house.hear()
    _want(house)
    house.hear(after=20, duty=Duty(state="paused", order="1"))
    _offered(house)
    house.hear(worker=OTHER, after=3600)

    assert _offered(house, OTHER) is None


def test_other_nodes_are_left_alone(house: House) -> None:
    """An order concerns its own node, and who was never heard is told nothing."""
    house.hear()
    house.hear(worker=ATTIC, capabilities=Capabilities(node="attic"))
    _want(house)

    assert _offered(house, ATTIC) is None
    assert _offered(house, "cellar.0123456789ab") is None


@pytest.mark.parametrize(("shown", "by"), [("1", "admin"), ("0", None), (None, None)])
def test_who_asked_is_known_of_the_order_that_is_followed(house: House, shown: str | None, by: str | None) -> None:
    """The name beside a duty is that of who gave this very order."""
    house.hear()
    _want(house)
    house.hear(after=20, duty=Duty(state="paused", order=shown))

    told = house.duties.told(house.view())

    assert told.by == by
    assert (told.wanted is None) == (by is not None)


def test_orders_for_forgotten_workers_are_forgotten(house: House) -> None:
    """What one process was told is kept no longer than that process is known."""
    house.hear()
    house.hear(worker=OTHER)
    _want(house, OTHER, asked=(OTHER,))
    house.hear(after=61)
    _want(house, "attic", asked=(), order="2")

    assert [wish.name for wish in house.duties.wishes()] == ["attic"]
