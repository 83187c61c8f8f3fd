"""What the line decides: when it is tried again, what its ends mean, who is obeyed, and that a sleep is noticed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from edge_twins import Clock

from edge_worker.absence import Absence
from edge_worker.aside import aside
from edge_worker.newest import Newest
from edge_worker.tries import End, Tries
from shared.nodes.heartbeat import Orders
from shared.timing import Timing
from tests.unit.plane.asyncio_apart import run_apart

TIMING = Timing()


def tries(*, chance: float = 1.0, tell: Callable[[], None] = lambda: None) -> Tries:
    """Return tries whose every pause is this share of the longest that it may be."""
    return Tries(TIMING, tell=tell, chance=lambda: chance)


def test_pauses_grow_to_half_a_minute() -> None:
    """A plane that is away is asked after a second, and after a while twice a minute."""
    line = tries()

    pauses = [line.over("unreached") for _ in range(40)]

    assert pauses[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert set(pauses[6:]) == {30.0}


def test_pauses_are_spread_out() -> None:
    """Every pause is anything from nothing to its longest, so that workers do not come in step."""
    assert tries(chance=0.0).over("unreached") == 0.0
    assert tries(chance=0.5).over("unreached") == 0.5


@pytest.mark.parametrize("lived", [60.0, 3600.0])
def test_a_line_that_lived_is_tried_at_once(lived: float) -> None:
    """When a stream that lived ends, the next is asked for within half a second, whatever was before."""
    line = tries()
    for _ in range(5):
        line.over("unreached")
    line.opened(1)

    assert line.over("ended", lived) == 0.5
    assert line.over("unreached") == 1.0


def test_a_restart_is_over_in_time() -> None:
    """A plane that is away for a minute has its lines back within 45 s, even with the longest of all pauses."""
    line = tries()
    line.opened(1)
    at, times = line.over("ended", 600.0), [0.0]
    while at < 120:
        times.append(at)
        at += line.over("unreached")

    assert max(later - earlier for earlier, later in pairwise(times)) <= 30


def test_a_sleep_is_no_failure() -> None:
    """After a sleep the line is tried at once, and nothing is held against it."""
    line = tries()
    for _ in range(6):
        line.opened(1)
        assert line.over("away", 10.0) == 0.5

    assert line.state == "closed"


def test_three_early_ends_in_a_row_are_a_cut() -> None:
    """Something in between ends streams: the third early end says so, and the next stream alone does not mend it."""
    line, states = tries(), []
    for _ in range(4):
        line.opened(1)
        line.lives(59.0)
        states.append(line.state)
        line.over("ended", 59.0)
        states.append(line.state)

    assert states == ["open", "closed", "open", "closed", "open", "cut", "cut", "cut"]


def test_a_stream_that_lives_is_no_cut() -> None:
    """A minute of life is the end of it."""
    line = tries()
    for _ in range(3):
        line.opened(1)
        line.over("ended", 1.0)
    line.opened(1)

    line.lives(60.0)

    assert line.state == "open"
    assert line.over("ended", 61.0) == 0.5
    assert line.state == "closed"


def test_streams_that_are_cut_are_not_asked_for_in_a_rush() -> None:
    """Streams that end at once are asked for less and less often."""
    line, pauses = tries(), []
    for _ in range(7):
        line.opened(1)
        pauses.append(line.over("ended", 0.1))

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_another_plane_begins_anew() -> None:
    """Early ends because the plane restarted are not held against the way to it."""
    line = tries()
    for epoch in range(1, 10):
        line.opened(epoch)
        line.over("ended", 1.0)

    assert line.state == "closed"


def test_changes_are_told() -> None:
    """Each change of state is told once, so that nobody has to wait for the next heartbeat to see it."""
    told: list[int] = []
    line = tries(tell=lambda: told.append(1))

    counts = []
    for act in (
        lambda: line.over("unreached"),
        lambda: line.opened(1),
        lambda: line.lives(100.0),
        lambda: line.over("buffered"),
        lambda: line.over("buffered"),
    ):
        act()
        counts.append(len(told))

    assert counts == [0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (("buffered",), "buffered"),
        (("withheld",), "closed"),
        (("withheld", "withheld"), "buffered"),
        (("withheld", "unreached", "withheld"), "closed"),
        (("buffered", "unreached"), "closed"),
        (("buffered", "withheld"), "closed"),
        (("unknown",), "closed"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value,
)
def test_what_ends_mean(ends: tuple[End, ...], state: str) -> None:
    """A hello that is held back is proof; a head that is, when it happens twice while the plane answers otherwise."""
    line = tries()

    for end in ends:
        line.over(end)

    assert line.state == state


@pytest.mark.parametrize(
    ("end", "chance", "pause"), [("buffered", 0.0, 150), ("buffered", 0.5, 300), ("unknown", 1.0, 450)]
)
def test_what_hardly_helps_is_tried_slowly(end: End, chance: float, pause: float) -> None:
    """Where a try hardly helps there are five minutes between two, more or less."""
    assert tries(chance=chance).over(end) == pause


def test_the_newest_plane_is_obeyed_whichever_way_it_speaks() -> None:
    """Orders of a plane that started earlier are passed over; those of the same plane are not."""
    obeyed: list[int] = []
    newest = Newest(lambda orders: obeyed.append(orders.epoch), forget_after=60.0)

    for epoch in (5, 4, 5, 6, 3, 6):
        newest(Orders(epoch=epoch, lanes=()))

    assert obeyed == [5, 5, 6, 6]


def test_an_older_plane_is_obeyed_when_it_is_the_only_one_left() -> None:
    """A ledger that was made anew numbers its planes from the start: after a while in silence that is believed."""
    obeyed, now = list[int](), [0.0]
    newest = Newest(lambda orders: obeyed.append(orders.epoch), forget_after=60.0, clock=lambda: now[0])

    for moment, epoch in ((0, 9), (30, 1), (61, 1), (62, 1)):
        now[0] = float(moment)
        newest(Orders(epoch=epoch, lanes=()))

    assert obeyed == [9, 1, 1]


def test_orders_are_obeyed_one_after_the_other() -> None:
    """Two ways of hearing do not make two threads that act at once."""
    inside, most = [0], [0]

    def obey(_: Orders) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.01)
        inside[0] -= 1

    newest = Newest(obey, forget_after=60.0)
    threads = [threading.Thread(target=newest, args=(Orders(epoch=1, lanes=()),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]


def test_an_absence_is_noticed_once() -> None:
    """Time that passed without a look is an absence; looking again, it is over."""
    clock = Clock()
    absence = Absence(least=40.0, clock=clock)

    found = []
    for step in (5.0, 40.0, 41.0, 5.0):
        clock.now += step
        found.append(absence.over())

    assert found == [False, False, True, False]


def test_a_call_aside_gives_back_what_comes_of_it() -> None:
    """A result, and an error too, come back to who waits; who does not wait any more breaks nothing."""
    go = threading.Event()

    async def work() -> None:
        assert await aside(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await aside(lambda: 1 // 0)
        left = aside(lambda: go.wait(10))
        left.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert await aside(threading.current_thread) is not threading.current_thread()

    run_apart(work())
