"""Heartbeats: a real HTTP conversation with a plane that may say anything or nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from edge_twins import Answer, ControlPlane, an_attempt, eventually, orders
from plane_factories import a_heartbeat
from pydantic import SecretStr
from structlog.testing import capture_logs

from edge_worker.hand import Hand
from edge_worker.heartbeats import Heartbeats
from edge_worker.newest import Newest
from shared.ids import new_job_id
from shared.jobs.states import State
from shared.nodes.heartbeat import EndReport, Goodbye, Heartbeat, Orders
from shared.timing import Timing, elapsed

TOKEN = "worker-token-for-the-tests"


class House:
    """A worker's heartbeats on a thread, and the plane that they reach."""

    def __init__(self) -> None:
        self.plane = ControlPlane()
        self.soon = threading.Event()
        self.hand = Hand(tell=self.soon.set, every=2.0)
        self.obeyed: list[Orders] = []
        self.broken: Exception | None = None
        #: Seconds that the machine is said to have slept.
        self.slept = 0.0
        #: Done once each, in order, as the time is looked at.
        self.meanwhile: list[Callable[[], None]] = []
        self._begun: Heartbeats | None = None

    def begin(self, *, every: float = 60.0, pace: float = 0.002) -> Heartbeats:
        """Beat every so many seconds, and at most every half ``pace``."""
        self._begun = Heartbeats(
            control_url=self.plane.url + "/",
            token=SecretStr(TOKEN),
            compose=self._compose,
            hand=self.hand,
            obey=Newest(self.obeyed.append, forget_after=60.0),
            soon=self.soon,
            timing=Timing(heartbeat=every, pace=pace),
            clock=self._now,
        )
        self.thread = threading.Thread(target=self._begun.run, daemon=True)
        self.thread.start()
        return self._begun

    def end(self) -> None:
        """Say goodbye, unless that was done."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.stop("stopping")
            self.thread.join(5)

    def leave(self) -> None:
        """The goodbye was said otherwise."""
        self._begun = None

    def _now(self) -> float:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return elapsed() + self.slept

    def _compose(self, goodbye: Goodbye | None) -> Heartbeat:
        broken, self.broken = self.broken, None
        if broken is not None:
            raise broken
        running, ended = self.hand.show()
        return a_heartbeat(attempts=running, ended=ended, goodbye=goodbye)


@pytest.fixture
def house() -> Iterator[House]:
    """A worker whose heart does not beat yet."""
    house = House()
    yield house
    house.end()
    house.plane.close()


def _end(**changes: Any) -> EndReport:
    return EndReport.model_validate({"job_id": new_job_id(), "attempt": 1, "state": State.SUCCEEDED, **changes})


def test_a_heartbeat_says_who_speaks(house: House) -> None:
    """The first heartbeat leaves at once, with the worker's token, for the one path that there is."""
    house.begin()

    eventually(lambda: house.obeyed)

    assert house.plane.asked == [("/api/v1/workers/heartbeat", f"Bearer {TOKEN}")]
    assert house.plane.heard[0]["worker"] == "den.0123456789ab"


def test_orders_are_obeyed(house: House) -> None:
    """What the plane answers is followed, word for word."""
    job = an_attempt()
    house.plane.answers = [orders(3, look="ledger", cancel=[job.id])]

    house.begin()
    eventually(lambda: house.obeyed)

    assert house.obeyed == [Orders(epoch=3, lanes=("ingest",), look="ledger", cancel=(job.id,))]


def test_a_word_from_the_hand_makes_it_speak(house: House) -> None:
    """Who asks for a heartbeat gets one now, not at the next turn."""
    house.begin()
    eventually(lambda: house.obeyed)

    end = _end()
    house.hand.end(end)
    eventually(lambda: len(house.plane.heard) == 2)

    assert house.plane.heard[1]["ended"] == [end.model_dump(mode="json")]


def test_ends_are_told_until_they_were_heard(house: House) -> None:
    """An end that a failing plane may not have taken in is told again, and forgotten once it was."""
    end = _end()
    house.hand.end(end)
    house.plane.answers = [Answer(status=503), Answer(status=None), orders()]

    house.begin(every=0.01)
    eventually(lambda: len(house.plane.heard) > 4)

    told = [len(one["ended"]) for one in house.plane.heard[:5]]
    assert told == [1, 1, 1, 0, 0]
    assert house.hand.show() == ((), ())


def test_a_wrong_token_is_said_once(house: House) -> None:
    """A token that the plane refuses is one clear error, not one for every heartbeat."""
    house.plane.always = Answer(status=401, body=b'{"error": {"code": "UNAUTHORIZED"}}')

    with capture_logs() as logs:
        house.begin(every=0.01)
        eventually(lambda: len(house.plane.heard) > 4)
        house.end()

    said = [one for one in logs if one["event"] == "worker_token_refused"]
    assert [one["log_level"] for one in said] == ["error"]
    assert not any(TOKEN in str(one) for one in logs)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"[]"),
        Answer(body=b"null"),
        Answer(body=b"{}"),
        Answer(body=b'{"data": null}'),
        Answer(body=b'{"data": {"epoch": "soon", "lanes": []}}'),
        Answer(body=b"<html>Waking up</html>"),
        Answer(body=b"\xff\xfe\x00"),
        Answer(body=b"[" * 100_000),
        Answer(status=204),
        Answer(status=302),
        Answer(status=500, body=b"Internal Server Error"),
        Answer(status=None),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body[:20]!r}",
)
def test_no_answer_ends_the_heartbeats(house: House, answer: Answer) -> None:
    """Whatever a proxy or a broken plane answers is no order, and the next heartbeat leaves as usual."""
    house.plane.answers = [answer]

    house.begin(every=0.01)
    eventually(lambda: house.obeyed)

    assert len(house.plane.heard) >= 2
    assert house.thread.is_alive()


def test_a_heartbeat_that_breaks_is_not_the_last(house: House) -> None:
    """An error while a heartbeat is put together costs that one alone."""
    house.broken = RuntimeError("a probe broke")

    house.begin(every=0.01)
    eventually(lambda: house.obeyed)

    assert house.thread.is_alive()


def test_a_plane_that_is_not_there_is_looked_for(house: House) -> None:
    """A worker beats on while nobody listens."""
    house.plane.close()

    with capture_logs() as logs:
        house.begin(every=0.01)
        eventually(lambda: any(one["event"] == "control_plane_lost" for one in logs))
        house.soon.set()
        house.end()

    assert [one["event"] for one in logs].count("control_plane_lost") == 1
    assert house.obeyed == []
    house.plane = ControlPlane()


def test_an_older_plane_is_not_obeyed(house: House) -> None:
    """While two planes overlap, the orders of the one that started earlier are ignored."""
    house.plane.answers = [orders(5), orders(4), orders(5), orders(6), orders(3)]
    house.plane.always = orders(7)

    house.begin(every=0.01)
    eventually(lambda: any(one.epoch == 7 for one in house.obeyed))

    assert [one.epoch for one in house.obeyed][:4] == [5, 5, 6, 7]


def test_a_goodbye_is_said_once(house: House) -> None:
    """The last word is the goodbye; nothing follows it."""
    house.begin(every=0.01)
    eventually(lambda: house.obeyed)

    house.end()

    assert not house.thread.is_alive()
    goodbyes = [one["goodbye"] for one in house.plane.heard]
    assert goodbyes.count("stopping") == 1
    assert goodbyes[-1] == "stopping"


def test_a_goodbye_waits_for_the_heartbeat_before_it(house: House) -> None:
    """A heartbeat that is still under way is not overtaken: it would take the goodbye back."""
    answer_now = threading.Event()
    house.plane.answers = [Answer(body=orders().body, after=answer_now)]
    house.begin()
    eventually(lambda: house.plane.heard)

    stopping = threading.Thread(target=house.end)
    stopping.start()
    stopping.join(0.1)
    before = len(house.plane.heard)
    answer_now.set()
    stopping.join(10)

    assert before == 1
    assert [one["goodbye"] for one in house.plane.heard] == [None, "stopping"]


@pytest.mark.parametrize("looks", range(2))
def test_a_heartbeat_that_was_about_to_leave_does_not_take_a_goodbye_back(house: House, looks: int) -> None:
    """A goodbye stands until the next heartbeat is due, at whatever moment before one it is said."""
    heartbeats = house.begin()
    eventually(lambda: house.obeyed)

    house.meanwhile = [lambda: None] * looks + [lambda: heartbeats.say_goodbye("sleeping")]
    house.soon.set()
    eventually(lambda: any(one["goodbye"] for one in house.plane.heard))
    house.thread.join(0.2)

    assert house.plane.heard[-1]["goodbye"] == "sleeping"


def test_a_plane_that_hangs_does_not_keep_a_worker(house: House) -> None:
    """A goodbye is said although the heartbeat before it never got an answer."""
    never = threading.Event()
    house.plane.answers = [Answer(status=None, after=never)]
    heartbeats = house.begin()
    eventually(lambda: house.plane.heard)

    heartbeats.stop("stopping")
    never.set()
    house.thread.join(5)
    house.leave()

    assert house.plane.heard[-1]["goodbye"] == "stopping"
    assert not house.thread.is_alive()


def test_a_fast_hand_does_not_flood_the_plane(house: House) -> None:
    """While jobs end by the hundred, the plane hears of them ten times a second, and in the end of each."""
    house.begin(pace=0.2)
    eventually(lambda: house.obeyed)
    ends = [_end() for _ in range(300)]

    began = time.monotonic()
    for end in ends:
        house.hand.end(end)
        threading.Event().wait(1 / 300)
    seconds = time.monotonic() - began
    eventually(lambda: house.hand.show() == ((), ()))

    told = [end["job_id"] for one in house.plane.heard for end in one["ended"]]
    assert told == [end.job_id for end in ends]
    assert len(house.plane.heard) <= 2 + seconds * 10 + 2


def test_one_change_is_told_at_once(house: House) -> None:
    """After a quiet while nothing waits for anything."""
    house.begin(pace=5.0)
    eventually(lambda: house.obeyed)
    house.slept = 30.0

    began = time.monotonic()
    house.hand.end(_end())
    eventually(lambda: len(house.plane.heard) == 2)

    assert time.monotonic() - began < 1


def test_going_to_sleep_is_not_the_end(house: House) -> None:
    """A machine that goes to sleep says so, says nothing more before it does, and takes it back anew when it woke."""
    heartbeats = house.begin(every=2.0)
    eventually(lambda: house.obeyed)

    heartbeats.say_goodbye("sleeping")
    house.hand.end(_end())
    threading.Event().wait(0.5)
    before = [one["goodbye"] for one in house.plane.heard]
    house.slept = 10.0
    eventually(lambda: len(house.plane.heard) == 3)

    assert before == [None, "sleeping"]
    assert house.plane.connections[2] != house.plane.connections[1]
    assert house.plane.heard[2]["goodbye"] is None
    assert house.thread.is_alive()


def test_a_machine_that_slept_speaks_at_once(house: House) -> None:
    """What was slept counts as waited, and the next heartbeat takes no connection from before."""
    house.begin(every=2.0)
    eventually(lambda: house.obeyed)
    began = time.monotonic()

    with capture_logs() as logs:
        house.slept = 3600.0
        eventually(lambda: len(house.plane.heard) == 2)

    assert time.monotonic() - began < 1.5
    assert [one["event"] for one in logs] == ["absence_ended"]
    assert house.plane.connections[0] != house.plane.connections[1]


def test_a_refusal_is_said_once(house: House) -> None:
    """A worker that is given nothing says why and what to run, once for each reason, and when it is over."""
    reason = "This worker is too old. Run: pharos update"
    house.plane.answers = [orders(refused=reason), orders(refused=reason), orders(refused="Another."), orders()]

    with capture_logs() as logs:
        heartbeats = house.begin(every=0.01)
        eventually(lambda: len(house.obeyed) >= 2)
        eventually(lambda: len(house.obeyed) > 4)

    said = [(one["log_level"], one.get("reason")) for one in logs if one["event"].startswith("worker_")]
    assert said == [("error", reason), ("error", "Another."), ("info", None)]
    assert heartbeats.refused is None


def test_a_refusal_can_be_seen(house: House) -> None:
    """Whoever wants to know finds the plane's last word."""
    house.plane.always = orders(refused="Run: pharos db init")

    heartbeats = house.begin()
    eventually(lambda: heartbeats.refused)

    assert heartbeats.refused == "Run: pharos db init"
