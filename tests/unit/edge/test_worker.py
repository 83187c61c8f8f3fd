"""The worker: it works until it is asked to stop, and a part that breaks ends it where somebody sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from edge_twins import WORKER, Clock, Compute, ControlPlane, Ledger, an_attempt, eventually, orders, visible, waiting
from plane_factories import a_heartbeat, a_job
from pydantic import BaseModel, SecretStr

from edge_worker.attempt.messages import Done, Ended, Tidied, TidyUp
from edge_worker.claims import Claims
from edge_worker.hand import Hand
from edge_worker.heartbeats import Goodbye, Heartbeats
from edge_worker.runner import Conditions, Runner, Stops
from edge_worker.settle import Settler
from edge_worker.worker import Obedience, Worker
from shared.errors import LedgerUnavailable
from shared.jobs.states import State
from shared.ledger.records import OpenJob
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import EndReport, Heartbeat, Orders
from shared.timing import Timing

UNCHANGED = Done(summary={}, knowledge=None)


class Watched(Compute):
    """A compute process that notes what the hand held when it was told to tidy up."""

    hand: Hand
    seen: tuple[int, tuple[EndReport, ...]] | None = None
    tellings: list[int]

    def say(self, message: BaseModel) -> None:
        """Be told something."""
        super().say(message)
        if isinstance(message, TidyUp):
            running, ended = self.hand.show()
            self.seen = (len(running), ended)


class Broken(Ledger):
    """A ledger whose driver breaks in a way that nobody knows."""

    def open_jobs(self) -> list[OpenJob]:
        """Break."""
        raise RuntimeError("the driver broke")


class House:
    """A whole worker without a mailbox, told to look in its ledger by a plane on this machine."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.plane, self.ledger = ControlPlane(), ledger
        self.plane.always = orders(look=True)
        self.compute, self.stops = Watched(Clock()), Stops()
        self.timing = Timing(grace=0.1, heartbeat=0.02, mailbox_wait=10.0, reconnect=0.01)
        self.soon = threading.Event()
        self.hand = self.compute.hand = Hand(tell=self.soon.set, every=2.0)
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.claims = Claims(
            worker=WORKER,
            capabilities=Capabilities(node="den"),
            keeper=ledger.keeper,
            mailbox=None,
            bell=None,
            timing=self.timing,
        )
        self.stopped = threading.Event()
        self.worker = self._worker(Obedience(claims=self.claims, stops=self.stops))

    def disobey(self) -> None:
        """From now on orders break what follows them."""

        def obey(_: Orders) -> None:
            raise RuntimeError("an order broke")

        self.worker = self._worker(obey)

    def run(self, until: Callable[[], object]) -> bool:
        """Work until it is true; return what the worker returned."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.worker.run)
            eventually(until)
            self.worker.stop()
            return running.result(20)

    def _worker(self, obey: Callable[[Orders], None]) -> Worker:
        ledger, timing = self.ledger, self.timing
        settler = Settler(keeper=ledger.keeper, publisher=ledger.publisher, vector_store="lancedb", timing=timing)
        return Worker(
            claims=self.claims,
            runner=Runner(
                process=self.compute.process,
                keeper=ledger.keeper,
                publisher=ledger.publisher,
                settler=settler,
                stops=self.stops,
                conditions=Conditions(worker=WORKER, work_dir=self.scratch, job_timeout=3600.0, timing=timing),
                report=self.hand.report,
                clock=self.compute.clock,
                lease_clock=self.compute.clock,
            ),
            stops=self.stops,
            hand=self.hand,
            heartbeats=Heartbeats(
                control_url=self.plane.url,
                token=SecretStr("worker-token-for-the-tests"),
                compose=self._compose,
                hand=self.hand,
                obey=obey,
                soon=self.soon,
                timing=timing,
            ),
            process=self.compute.process,
            timing=timing,
            stopped=self.stopped,
            scratch=self.scratch,
        )

    def _compose(self, goodbye: Goodbye | None) -> Heartbeat:
        running, ended = self.hand.show()
        return a_heartbeat(attempts=running, ended=ended, goodbye=goodbye)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A worker with nothing to do."""
    house = House(tmp_path, Ledger())
    yield house
    house.plane.close()


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[House]:
    """A worker whose ledger breaks it."""
    house = House(tmp_path, Broken())
    yield house
    house.plane.close()


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"work", "heartbeats"}


def test_a_worker_stops_when_it_is_asked(house: House) -> None:
    """A stop on request ends both threads, the compute process and the scratch space, and says goodbye."""
    on_request = house.run(until=lambda: house.plane.heard)

    assert on_request is True
    eventually(lambda: not _threads())
    assert house.compute.kills >= 1
    assert not house.scratch.exists()
    assert house.plane.heard[-1]["goodbye"] == "stopping"


def test_tidying_begins_after_the_end_was_told(house: House) -> None:
    """The plane can know that an attempt is over before its superseded vectors are deleted."""
    job = a_job()
    house.ledger.open = [waiting(job)]
    house.ledger.seen = visible(4)
    house.compute.script = [UNCHANGED, Tidied()]

    house.run(until=lambda: house.compute.seen)

    assert house.compute.seen is not None
    running, ended = house.compute.seen
    assert running == 0
    assert [(end.job_id, end.state) for end in ended] in ([], [(job.id, State.SUCCEEDED)])
    told = [end for heartbeat in house.plane.heard for end in heartbeat["ended"]]
    assert job.id in {end["job_id"] for end in told}


def test_what_is_in_hand_is_given_back(house: House) -> None:
    """A worker that stops with an attempt in its hand gives the job back, deletes nothing, and says so."""
    job = a_job()
    house.ledger.open = [waiting(job)]
    house.compute.script = [
        lambda: eventually(lambda: house.stops.stopping),
        Ended(signal="cancelled", reason="cancel_requested", detail="Stopped."),
    ]

    house.run(until=lambda: "RunTask" in house.compute.words())

    ((_, how),) = house.ledger.named("snooze")
    assert how["reason"] == "worker_stopping"
    assert "TidyUp" not in house.compute.words()
    assert {"job_id": job.id, "state": "queued"}.items() <= {
        key: value for beat in house.plane.heard for end in beat["ended"] for key, value in end.items()
    }.items()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_work_breaks_ends(broken: House) -> None:
    """A thread that works no more ends the process, which is not what was asked for."""
    assert broken.worker.run() is False
    assert broken.plane.heard[-1]["goodbye"] == "stopping"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_tells_nothing_ends(house: House) -> None:
    """A thread that tells the plane no more ends the process, and the work with it."""
    house.disobey()

    on_request = house.worker.run()

    assert on_request is False
    assert "work" not in _threads()


def test_orders_reach_the_parts_that_they_are_for() -> None:
    """Lanes and looks go to the claims, cancels to the attempts."""
    ledger, stops, job = Ledger(away=1), Stops(), an_attempt()
    claims = Claims(
        worker=WORKER,
        capabilities=Capabilities(node="den"),
        keeper=ledger.keeper,
        mailbox=None,
        bell=None,
        timing=Timing(mailbox_wait=0.01, reconnect=0.01),
    )

    Obedience(claims=claims, stops=stops)(Orders(epoch=1, lanes=("attic",), look=True, cancel=(job.id,)))
    ledger.away, ledger.open = 0, [waiting(a_job())]
    found = claims.next()

    assert stops.wanted(job.id)
    assert not stops.stopping
    assert found is None
    assert [name for name, _ in ledger.moves] == ["open_jobs"]


def test_a_ledger_that_is_away_does_not_end_the_work(house: House) -> None:
    """A worker outlives the absence of its ledger."""
    house.ledger.away = 3
    house.compute.script = [UNCHANGED, Tidied(), LedgerUnavailable()]
    house.ledger.open = [waiting(a_job())]

    assert house.run(until=lambda: house.ledger.named("succeed")) is True
