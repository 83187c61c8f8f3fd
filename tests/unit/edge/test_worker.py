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
from edge_worker.conditions import Conditions
from edge_worker.duty import OwnDuty
from edge_worker.hand import Hand
from edge_worker.heartbeats import Heartbeats
from edge_worker.line import Line
from edge_worker.relay import Claimant, Relay
from edge_worker.runner import Runner
from edge_worker.settle import Settler
from edge_worker.slots import Slots
from edge_worker.stops import Stops
from edge_worker.worker import Obedience, Worker
from shared.errors import LedgerUnavailable
from shared.jobs.states import State
from shared.ledger.records import OpenJob
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import DutyOrder, EndReport, Goodbye, Heartbeat, Orders
from shared.timing import Timing

UNCHANGED = Done(summary={}, knowledge=None)
FAILED = Ended(signal="permanent", reason="why", detail="A sentence.")


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

    def __init__(self, folder: Path, ledger: Ledger, *, slots: int = 1) -> None:
        self.plane, self.ledger = ControlPlane(), ledger
        self.plane.always = orders(look="ledger")
        self.duty = OwnDuty(folder / "den.duty.json")
        self.stops = Stops(paused=lambda: self.duty.paused)
        self.timing = Timing(grace=0.1, heartbeat=0.02, mailbox_wait=10.0, reconnect=0.01, pace=0.01)
        self.soon = threading.Event()
        self.hand = Hand(tell=self.soon.set, every=2.0)
        self.computes = [Watched(Clock()) for _ in range(slots)]
        for compute in self.computes:
            compute.hand = self.hand
        self.compute = self.computes[0]
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.claims = Claims(
            worker=WORKER,
            capabilities=Capabilities(node="den"),
            keeper=ledger.keeper,
            mailbox=None,
            bell=None,
            duty=self.duty,
            timing=self.timing,
        )
        self.stopped, self.sleeping = threading.Event(), threading.Event()
        self.worker = self._worker(Obedience(claims=self.claims, stops=self.stops, duty=self.duty, tell=self.soon.set))

    def disobey(self) -> None:
        """From now on orders break what follows them."""

        def obey(_: Orders) -> None:
            raise RuntimeError("an order broke")

        self.worker = self._worker(obey)

    def run(self, until: Callable[[], object]) -> bool:
        """Work until it is true; return what the worker returned."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.worker.run)
            try:
                eventually(until)
            finally:
                self.worker.stop()
            return running.result(20)

    def _worker(self, obey: Callable[[Orders], None]) -> Worker:
        token = SecretStr("worker-token-for-the-tests")
        return Worker(
            claims=self.claims,
            slots=Slots([self._runner(compute) for compute in self.computes], hand=self.hand, freed=self.claims.freed),
            stops=self.stops,
            heartbeats=Heartbeats(
                control_url=self.plane.url,
                token=token,
                compose=self._compose,
                hand=self.hand,
                obey=obey,
                soon=self.soon,
                timing=self.timing,
            ),
            line=Line(
                control_url=self.plane.url, token=token, worker=WORKER, obey=obey, answers={}, timing=self.timing
            ),
            timing=self.timing,
            stopped=self.stopped,
            sleeping=self.sleeping,
            scratch=self.scratch,
        )

    def _runner(self, compute: Watched) -> Runner:
        ledger, timing = self.ledger, self.timing
        return Runner(
            process=compute.process,
            keeper=ledger.keeper,
            publisher=ledger.publisher,
            settler=Settler(keeper=ledger.keeper, publisher=ledger.publisher, vector_store="lancedb", timing=timing),
            stops=self.stops,
            conditions=Conditions(worker=WORKER, work_dir=self.scratch, job_timeout=3600.0, most=1, timing=timing),
            report=self.hand.report,
            ended=self.hand.end,
            relay=Relay(
                worker=WORKER,
                capabilities=Capabilities(node="den"),
                lease=600.0,
                turns=ledger.turns,
                mailbox=None,
                claimant=Claimant(lanes=tuple, leave=lambda _: None, lost=lambda _: None),
            ),
            clock=compute.clock,
            lease_clock=compute.clock,
        )

    def _compose(self, goodbye: Goodbye | None) -> Heartbeat:
        running, ended = self.hand.show()
        return a_heartbeat(attempts=running, ended=ended, goodbye=goodbye, duty=self.duty.now)


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
    names = {thread.name for thread in threading.enumerate()}
    return names & {"claims", "slot-0", "slot-1", "heartbeats", "line", "sleep"}


def test_a_worker_stops_when_it_is_asked(house: House) -> None:
    """A stop on request ends every thread, the compute process and the scratch space, and says goodbye."""
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
    house.compute.script = [FAILED, Tidied()]

    house.run(until=lambda: house.compute.seen)

    assert house.compute.seen is not None
    running, ended = house.compute.seen
    assert running == 0
    assert [(end.job_id, end.state) for end in ended] in ([], [(job.id, State.FAILED)])
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
    assert not _threads() & {"claims", "slot-0"}


def test_orders_reach_the_parts_that_they_are_for(tmp_path: Path) -> None:
    """Lanes and looks go to the claims, cancels to the attempts, the owner's word to the duty, and the plane hears."""
    ledger, stops, job = Ledger(away=1), Stops(), an_attempt()
    duty, told = OwnDuty(tmp_path / "den.duty.json"), list[bool]()
    claims = Claims(
        worker=WORKER,
        capabilities=Capabilities(node="den"),
        keeper=ledger.keeper,
        mailbox=None,
        bell=None,
        duty=duty,
        timing=Timing(mailbox_wait=0.01, reconnect=0.01, heartbeat=0.01),
    )
    obey = Obedience(claims=claims, stops=stops, duty=duty, tell=lambda: told.append(duty.open))

    obey(Orders(epoch=1, lanes=("attic",), look="ledger", cancel=(job.id,)))
    ledger.away, ledger.open = 0, [waiting(a_job())]
    found = claims.next()
    for _ in range(2):
        obey(Orders(epoch=1, lanes=("attic",), duty=DutyOrder(id="one", state="paused")))

    assert stops.why(job.id) == "cancelled"
    assert not stops.stopping
    assert found is None
    assert [name for name, _ in ledger.moves] == ["open_jobs"]
    assert (duty.paused, told) == (True, [False])


def test_a_ledger_that_is_away_does_not_end_the_work(house: House) -> None:
    """A worker outlives the absence of its ledger."""
    house.ledger.away = 3
    house.compute.script = [UNCHANGED, Tidied(), LedgerUnavailable()]
    house.ledger.open = [waiting(a_job())]

    assert house.run(until=lambda: house.ledger.named("succeed")) is True


def test_as_many_jobs_run_side_by_side_as_there_are_slots(tmp_path: Path) -> None:
    """Each slot has a job in hand at the same moment; a third one waits until a slot is free."""
    jobs = [a_job() for _ in range(3)]
    house = House(tmp_path, Ledger(open=[waiting(job) for job in jobs]), slots=2)
    together = threading.Barrier(2, timeout=10)
    for compute in house.computes:
        compute.script = [together.wait, UNCHANGED, UNCHANGED]

    house.run(until=lambda: len(house.ledger.named("succeed")) == 3)
    house.plane.close()

    assert {how["job_id"] for _, how in house.ledger.named("start")} == {job.id for job in jobs}
    assert most_in_hand(house) <= 2


def most_in_hand(house: House) -> int:
    """Return the most attempts that any heartbeat listed."""
    return max(len(heard["attempts"]) for heard in house.plane.heard)


def test_a_slot_that_nobody_needs_starts_no_compute_process(tmp_path: Path) -> None:
    """Jobs that come one after another run in the first slot, whose compute process is warm."""
    house = House(tmp_path, Ledger(), slots=2)

    def one_more() -> bool:
        job = a_job()
        house.compute.script = [UNCHANGED]
        before = len(house.ledger.named("succeed"))
        house.ledger.open = [waiting(job)]
        house.claims.look("ledger")
        eventually(lambda: len(house.ledger.named("succeed")) > before)
        house.ledger.open = []
        # A slot is free a moment after its job has ended.
        eventually(lambda: house.worker.slots._free == {0, 1})
        return True

    house.plane.always = orders()
    house.run(until=lambda: one_more() and one_more() and one_more())
    house.plane.close()

    assert house.computes[1].warms == 0


def test_a_stop_gives_back_what_every_slot_has(tmp_path: Path) -> None:
    """However many jobs are in hand, and however deaf their processes, all are queued again in time."""
    jobs = [a_job(), a_job()]
    house = House(tmp_path, Ledger(open=[waiting(job) for job in jobs]), slots=2)
    began = threading.Barrier(3, timeout=10)
    for compute in house.computes:
        compute.script = [began.wait]

    house.run(until=lambda: began.wait() is not None)
    house.plane.close()

    assert [how["reason"] for _, how in house.ledger.named("snooze")] == ["worker_stopping"] * 2
    assert not house.ledger.named("retry", "end")


def test_a_pause_gives_back_what_runs_and_a_resume_goes_on(house: House) -> None:
    """A paused worker gives its job back and takes none; once it is told to resume it takes the job again."""
    job = a_job()
    house.ledger.open = [waiting(job)]
    house.compute.script = [
        lambda: house.duty.follow(DutyOrder(id="one", state="paused")) and None,
        Ended(signal="cancelled", reason="cancel_requested", detail="Stopped."),
        UNCHANGED,
    ]

    def paused_and_resumed() -> bool:
        eventually(lambda: house.plane.heard and house.plane.heard[-1]["duty"]["state"] == "paused")
        eventually(lambda: house.ledger.named("snooze"))
        heard = len(house.plane.heard)
        eventually(lambda: len(house.plane.heard) > heard + 3)
        assert len(house.ledger.named("start")) == 1
        house.plane.always = orders(look="ledger", duty={"id": "two", "state": "open"})
        eventually(lambda: house.ledger.named("succeed"))
        return True

    house.run(until=paused_and_resumed)

    assert [how["reason"] for _, how in house.ledger.named("snooze")] == ["worker_paused"]
    assert house.plane.heard[-1]["duty"] == {"state": "open", "note": None, "seconds_left": None, "order": "two"}


def test_a_draining_worker_ends_what_runs(house: House) -> None:
    """A draining worker takes nothing new, and what it has in hand ends as if nothing had been said."""
    house.ledger.open = [waiting(a_job())]
    house.compute.script = [lambda: house.duty.follow(DutyOrder(id="one", state="draining")) and None, UNCHANGED]

    def drained() -> bool:
        beats = len(house.plane.heard)
        if house.ledger.named("succeed"):
            eventually(lambda: len(house.plane.heard) > beats + 3)
        return bool(house.ledger.named("succeed"))

    house.run(until=drained)

    assert "StopTask" not in house.compute.words()
    assert len(house.ledger.named("start")) == 1


def test_a_machine_that_goes_to_sleep_says_so_and_keeps_its_job(house: House) -> None:
    """A sleep that is announced is told once; the worker goes on, and its job stays in its hand."""
    house.ledger.open = [waiting(a_job())]

    def asleep() -> bool:
        return any(heard["goodbye"] == "sleeping" for heard in house.plane.heard)

    house.compute.script = [house.sleeping.set, lambda: eventually(asleep), UNCHANGED]
    house.run(until=lambda: house.ledger.named("succeed"))

    (goodbye,) = (heard for heard in house.plane.heard if heard["goodbye"] == "sleeping")
    assert len(goodbye["attempts"]) == 1
    assert not house.ledger.named("snooze", "retry")


def test_a_refusal_stands_until_it_is_taken_back(house: House) -> None:
    """A worker that the plane refuses claims nothing, is heard all the same, and goes on when it may."""
    house.ledger.open = [waiting(a_job())]
    house.compute.script = [UNCHANGED]
    house.plane.always = orders(look="ledger", refused="Run: pharos db init")

    def refused() -> bool:
        if len(house.plane.heard) > 5 and not house.ledger.named("start"):
            house.plane.always = orders(look="ledger")
        return bool(house.ledger.named("succeed"))

    assert house.run(until=refused) is True
