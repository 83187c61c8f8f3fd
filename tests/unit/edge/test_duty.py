"""Duty: what the owner ordered holds over restarts, ends by itself, and never outlasts its order."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from edge_twins import Clock

from edge_worker.duty import OwnDuty
from shared.nodes.heartbeat import Duty, DutyOrder, DutyState


class House:
    """One file, two clocks, and as many lives of a worker as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "den.duty.json"
        self.wall, self.clock = Clock(), Clock()

    def live(self) -> OwnDuty:
        """Start a worker anew."""
        return OwnDuty(self.path, wall=self.wall, clock=self.clock)

    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.wall.now += seconds
        self.clock.now += seconds


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A worker that nobody told anything."""
    return House(tmp_path)


def _order(state: DutyState = "paused", *, name: str = "one", seconds: float | None = None) -> DutyOrder:
    return DutyOrder(id=name, state=state, note="I need the GPU", seconds=seconds)


def test_nobody_has_to_open_a_worker(house: House) -> None:
    """A worker without an order takes jobs."""
    assert house.live().now == Duty()


@pytest.mark.parametrize("state", ["paused", "draining"])
def test_an_order_holds_over_a_restart(house: House, state: DutyState) -> None:
    """A worker that starts anew does as it was told, with the note and the order's name."""
    house.live().follow(_order(state))

    after = house.live()

    assert after.now == Duty(state=state, note="I need the GPU", order="one")
    assert (after.open, after.paused) == (False, state == "paused")


def test_an_order_is_followed_once(house: House) -> None:
    """The plane repeats an order until it hears that it is followed: its time does not begin anew."""
    duty = house.live()
    first = duty.follow(_order(seconds=60))
    house.pass_time(40)

    again = duty.follow(_order(seconds=60))

    assert (first, again) == (True, False)
    assert duty.now.seconds_left == 20


def test_an_order_is_followed_once_over_a_restart(house: House) -> None:
    """An order that is repeated to a worker that has started anew is an old one."""
    house.live().follow(_order())

    assert house.live().follow(_order()) is False


def test_an_order_ends_by_itself(house: House) -> None:
    """When its time is over the worker is open, and says which order it has followed."""
    duty = house.live()
    duty.follow(_order(seconds=60))
    house.pass_time(60)

    assert duty.now == Duty(state="open", order="one")
    assert house.live().now == Duty(state="open", order="one")


def test_time_goes_on_while_the_worker_is_off(house: House) -> None:
    """A pause until noon ends at noon, whoever was switched off meanwhile."""
    house.live().follow(_order(seconds=3600))
    house.wall.now += 3000
    house.clock.now = 5.0

    assert house.live().now.seconds_left == 600


@pytest.mark.parametrize("back", [-86_400.0, -1e9], ids=["a day", "decades"])
def test_a_clock_that_is_put_back_makes_no_pause_longer(house: House, back: float) -> None:
    """However wrong the machine's clock is, a worker rests no longer than it was ordered to."""
    duty = house.live()
    duty.follow(_order(seconds=60))

    house.wall.now += back
    here, after = duty.now.seconds_left, house.live().now.seconds_left
    house.clock.now += 61

    assert (here, after) == (60, 60)
    assert duty.open


def test_a_newer_order_takes_the_place_of_the_one_before(house: House) -> None:
    """Resuming opens the worker, now and after a restart."""
    duty = house.live()
    duty.follow(_order())

    duty.follow(_order("open", name="two"))

    assert duty.now == house.live().now == Duty(state="open", order="two")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"order": {"id": "one", "state": "asleep"}}',
        '{"order": {"id": "one", "state": "paused"}, "until": NaN}',
        "\udcff",
    ],
    ids=["empty", "cut", "list", "word", "nan", "bytes"],
)
def test_a_damaged_file_opens_the_worker(house: House, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read is said, and the next order is kept in its place."""
    house.path.write_bytes(text.encode("utf-8", "surrogateescape"))

    duty = house.live()
    said = capsys.readouterr()
    before = duty.now
    duty.follow(_order())

    assert before == Duty()
    assert "duty_unreadable" in said.out + said.err
    assert house.live().paused


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_the_file_is_its_owners_alone(house: House) -> None:
    """Nobody else on the machine reads the note, and nothing is left beside the file."""
    house.live().follow(_order())

    assert stat.S_IMODE(house.path.stat().st_mode) == 0o600
    assert [path.name for path in house.path.parent.iterdir()] == [house.path.name]
    assert json.loads(house.path.read_text())["order"]["note"] == "I need the GPU"


def test_an_order_that_cannot_be_kept_is_followed_all_the_same(tmp_path: Path) -> None:
    """A disk that takes nothing keeps no worker from being paused."""
    house = House(tmp_path / "gone")
    duty = house.live()

    duty.follow(_order())

    assert duty.paused
