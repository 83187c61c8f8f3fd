"""Claims: work comes off the lanes, or out of the ledger on order, and no wake is lost on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from edge_twins import WORKER, Clock, Lanes, Ledger, an_attempt, eventually, waiting
from plane_factories import a_job

from edge_worker.claims import Claims
from edge_worker.duty import OwnDuty
from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.jobs.kinds import Priority
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import DutyOrder, DutyState
from shared.timing import Timing


class House:
    """An owner's word for one worker, on a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.duty = OwnDuty(folder / "duty.json", wall=self.clock, clock=self.clock)
        self.news = 0

    def order(self, state: DutyState, seconds: float | None = None) -> None:
        """Have the worker open, paused or draining."""
        self.duty.follow(DutyOrder(id=new_job_id(), state=state, seconds=seconds))

    def tell(self) -> None:
        """Note that there is news."""
        self.news += 1


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A worker that is open."""
    return House(tmp_path)


def _claims(
    ledger: Ledger,
    lanes: Lanes | None,
    *,
    bell: Lanes | None = None,
    reconnect: float = 0.01,
    mailbox_wait: float = 10.0,
    house: House | None = None,
) -> Claims:
    """Return claims; the bell reaches the same mailbox unless another is given."""
    bell = bell or lanes
    house = house or House(Path("/nowhere"))
    return Claims(
        worker=WORKER,
        capabilities=Capabilities(node="den"),
        keeper=ledger.keeper,
        mailbox=lanes.mailbox if lanes is not None else None,
        bell=bell.mailbox if bell is not None else None,
        duty=house.duty,
        timing=Timing(reconnect=reconnect, mailbox_wait=mailbox_wait, heartbeat=0.01),
        news=house.tell,
    )


@contextmanager
def _asking(claims: Claims) -> Iterator[Future[Job | None]]:
    """Ask for the next job on a thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(claims.next)


def test_an_id_off_a_lane_is_started() -> None:
    """What lies on a lane is started in the ledger for this worker."""
    job_id = new_job_id()
    ledger, lanes = Ledger(), Lanes([job_id])

    job = _claims(ledger, lanes).next()

    assert job is not None
    assert job.id == job_id
    assert ledger.moves == [("start", {"job_id": job_id})]


def test_a_worker_takes_from_its_own_lanes_before_the_plane_is_heard() -> None:
    """Without a word of the plane a worker waits on the lanes that its node and its kinds name."""
    lanes = Lanes([new_job_id()])

    _claims(Ledger(), lanes).next()

    assert "node:den" in lanes.asked[0]
    assert "ingest@urgent" in lanes.asked[0]


def test_a_refused_start_is_no_job() -> None:
    """A job that another worker has already is left to it, without an error."""
    ledger = Ledger(startable=set())

    assert _claims(ledger, Lanes([new_job_id()])).next() is None


def test_a_ledger_that_is_away_costs_a_pause() -> None:
    """When the ledger does not record a claim there is no job, and the next one is asked for as usual."""
    first, second = new_job_id(), new_job_id()
    claims = _claims(Ledger(away=1), Lanes([first, second]))

    lost, found = claims.next(), claims.next()

    assert lost is None
    assert found is not None
    assert found.id == second


def test_an_order_to_look_outlives_a_ledger_that_is_away() -> None:
    """The plane says it once: a look that found no ledger is repeated until it finds one."""
    job = a_job()
    ledger = Ledger(away=2, open=[waiting(job)])
    claims = _claims(ledger, Lanes())
    claims.look("ledger")

    # Once for the list, once for the start: each finds nobody there.
    missed, found = [claims.next(), claims.next()], claims.next()

    assert missed == [None, None]
    assert found is not None
    assert found.id == job.id


def test_an_order_to_look_is_followed_once() -> None:
    """After a look the lanes are waited on again."""
    job_id = new_job_id()
    ledger = Ledger()
    claims = _claims(ledger, Lanes([job_id]))
    claims.look("ledger")

    looked, taken = claims.next(), claims.next()

    assert looked is None
    assert taken is not None
    assert len(ledger.named("open_jobs")) == 1


def test_a_look_starts_the_first_that_lets_itself_be_started() -> None:
    """The ledger's order is followed past what is running, not due, for others, or taken in the meantime."""
    running, later, foreign = an_attempt(), a_job(), a_job(needs=Needs(node="attic"))
    taken, wanted, next_one = a_job(priority=Priority.HIGH), a_job(), a_job()
    ledger = Ledger(
        open=[
            waiting(running),
            waiting(later, due=False),
            *(waiting(job) for job in (foreign, taken, wanted, next_one)),
        ],
        startable={running.id, later.id, foreign.id, wanted.id, next_one.id},
    )
    claims = _claims(ledger, Lanes())
    claims.look("ledger")

    job = claims.next()

    assert job is not None
    assert job.id == wanted.id
    assert [how["job_id"] for _, how in ledger.named("start")] == [taken.id, wanted.id]


def test_an_order_to_look_ends_the_wait() -> None:
    """A worker that waits on empty lanes looks in the ledger as soon as it is told to."""
    job = a_job()
    ledger, lanes = Ledger(open=[waiting(job)]), Lanes()
    claims = _claims(ledger, lanes)

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.look("ledger")
        assert asked.result(10) is None
    found = claims.next()

    assert found is not None
    assert found.id == job.id


def test_other_lanes_end_the_wait() -> None:
    """New lanes are waited on at once."""
    lanes = Lanes()
    claims = _claims(Ledger(), lanes)

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.lanes(("ingest+gpu6", "ingest"))
        assert asked.result(10) is None
    lanes.ids.append(new_job_id())
    claims.next()

    assert lanes.asked[1] == ("ingest+gpu6", "ingest")


@pytest.mark.parametrize("again", [("ingest",), ()])
def test_the_same_lanes_change_nothing(again: tuple[str, ...]) -> None:
    """Lanes that are known, or none at all, neither wake nor move a worker."""
    lanes = Lanes([new_job_id(), new_job_id()])
    claims = _claims(Ledger(), lanes, bell=Lanes(there=False))
    claims.lanes(("ingest",))
    claims.next()

    claims.lanes(again)
    job = claims.next()

    assert job is not None
    assert lanes.asked == [("ingest",), ("ingest",)]


def test_a_wake_before_the_wait_is_not_lost() -> None:
    """An order that comes while the mailbox is only just being found is followed before anything is waited for."""
    job = a_job()
    lanes = Lanes()
    claims = _claims(Ledger(open=[waiting(job)]), lanes)
    lanes.on_ping = lambda: claims.look("ledger")

    waited, found = claims.next(), claims.next()

    assert waited is None
    assert lanes.asked == []
    assert found is not None
    assert found.id == job.id


def test_a_wake_whose_way_is_barred_breaks_the_connection() -> None:
    """When the second way to Redis is dead the wait is ended by hanging up."""
    lanes = Lanes()
    claims = _claims(Ledger(), lanes, bell=Lanes(there=False))

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.look("ledger")
        assert asked.result(10) is None

    assert not claims.reaches_mailbox


def test_a_wake_that_does_not_arrive_breaks_the_connection() -> None:
    """A word that nobody notices within two seconds is followed by hanging up."""
    lanes = Lanes()
    claims = _claims(Ledger(), lanes, bell=Lanes())

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.close()

        assert asked.result(10) is None


def test_closing_ends_the_wait_for_good() -> None:
    """After the end nothing is claimed, whatever lies on the lanes."""
    ledger, lanes = Ledger(), Lanes()
    claims = _claims(ledger, lanes)

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.close()
        assert asked.result(10) is None
    lanes.ids.append(new_job_id())
    claims.look("ledger")

    assert claims.next() is None
    assert ledger.moves == []


def test_without_a_mailbox_the_ledger_is_looked_in_on_order() -> None:
    """A worker without Redis waits for orders alone."""
    job = a_job()
    claims = _claims(Ledger(open=[waiting(job)]), None)
    claims.greet()

    with _asking(claims) as asked:
        # Again and again: the question may not have begun to wait yet.
        eventually(lambda: claims.look("ledger") or asked.done())
        first = asked.result(10)
    found = first or claims.next()

    assert found is not None
    assert found.id == job.id
    assert not claims.reaches_mailbox


def test_a_mailbox_that_comes_back_is_found() -> None:
    """While Redis is away there is no job and no error; when it is back the lanes are waited on."""
    lanes = Lanes([new_job_id()], there=False)
    claims = _claims(Ledger(), lanes)

    away, known = claims.next(), claims.reaches_mailbox
    lanes.there = True
    back = claims.next()

    assert (away, known) == (None, False)
    assert back is not None
    assert claims.reaches_mailbox


def test_greeting_says_that_a_mailbox_is_away() -> None:
    """Who builds the worker learns whether its mailbox answers."""
    with pytest.raises(MailboxUnavailable):
        _claims(Ledger(), Lanes(there=False)).greet()


def test_a_mailbox_that_cannot_ring_is_looked_at_on_order() -> None:
    """Over REST a worker looks once, then waits for a word, and looks again when it comes."""
    job_id = new_job_id()
    lanes = Lanes(blocks=False)
    claims = _claims(Ledger(), lanes)
    first = claims.next()

    with _asking(claims) as asked:
        lanes.ids.append(job_id)
        eventually(lambda: claims.look("mailbox") or asked.done())
        woken = asked.result(10)
    found = woken or claims.next()

    assert first is None
    assert found is not None
    assert found.id == job_id
    assert len(lanes.asked) == 2


def test_a_mailbox_that_cannot_ring_is_not_polled() -> None:
    """Over REST an idle worker asks once and no more until its time is over."""
    lanes = Lanes(blocks=False)
    claims = _claims(Ledger(), lanes)
    claims.next()

    with _asking(claims) as asked:
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        claims.close()

    assert len(lanes.asked) == 1


def test_a_mailbox_that_cannot_ring_is_looked_at_after_its_time() -> None:
    """Over REST a word that got lost costs a worker no more than one long wait."""
    lanes = Lanes(blocks=False)
    claims = _claims(Ledger(), lanes, mailbox_wait=0.05)
    claims.next()
    lanes.ids.append(new_job_id())

    assert claims.next() is not None


def test_what_brought_something_is_asked_again_at_once() -> None:
    """Over REST a worker empties its lanes without a word in between."""
    ids = [new_job_id() for _ in range(3)]
    claims = _claims(Ledger(), Lanes(ids, blocks=False))

    found = [claims.next() for _ in ids]

    assert [job.id for job in found if job is not None] == ids


def test_a_slot_that_is_free_again_looks_once() -> None:
    """Over REST the end of a job is a reason to look; over a socket it sends nothing."""
    rest, tcp = Lanes(blocks=False), Lanes()
    claims = _claims(Ledger(), rest)
    claims.next()

    claims.freed()
    again = claims.next()
    _claims(Ledger(), tcp, bell=Lanes(there=False)).freed()

    assert again is None
    assert len(rest.asked) == 2
    assert tcp.asked == []


def test_an_order_to_look_in_the_mailbox_is_for_one_that_cannot_ring() -> None:
    """Over a socket the wait itself finds what comes: the order changes nothing and costs nothing."""
    lanes = Lanes([new_job_id()])
    claims = _claims(Ledger(), lanes, bell=Lanes(there=False))

    claims.look("mailbox")

    assert claims.next() is not None


def test_orders_that_meet_nobody_waiting_send_nothing() -> None:
    """A worker that does not wait on its lanes is not woken through Redis, and follows the order all the same."""
    job = a_job()
    lanes, bell = Lanes(), Lanes()
    claims = _claims(Ledger(open=[waiting(job)]), lanes, bell=bell)
    claims.greet()

    claims.look("ledger")
    found = claims.next()

    assert found is not None
    assert bell._wakes == 0


@pytest.mark.parametrize("state", ["paused", "draining"])
def test_a_worker_that_takes_no_jobs_holds_no_lane(house: House, state: DutyState) -> None:
    """While its owner does not want it to, a worker neither waits on a lane nor starts what the ledger lists."""
    ledger, lanes = Ledger(open=[waiting(a_job())]), Lanes([new_job_id()])
    claims = _claims(ledger, lanes, house=house)
    house.order(state)
    claims.look("ledger")

    assert [claims.next(), claims.next()] == [None, None]
    assert (lanes.asked, ledger.moves) == ([], [])


def test_a_pause_ends_the_wait_for_a_job(house: House) -> None:
    """A worker that is paused while it waits on its lanes lets go of them at once."""
    lanes = Lanes()
    claims = _claims(Ledger(), lanes, house=house)

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        house.order("paused")
        claims.interrupt()
        assert asked.result(10) is None
    lanes.ids.append(new_job_id())

    assert claims.next() is None
    assert len(lanes.asked) == 1


def test_an_id_that_a_slot_could_not_start_ends_the_wait(house: House) -> None:
    """What a slot took off a lane and left is started at once, also while a free slot waits on the lanes."""
    job = a_job()
    ledger, lanes = Ledger(open=[waiting(job)]), Lanes()
    claims = _claims(ledger, lanes, house=house)

    with _asking(claims) as asked:
        assert lanes.waits.wait(10)
        claims.leave(job.id)
        assert asked.result(10) is None
    found = claims.next()

    assert found is not None
    assert found.id == job.id


def test_an_overdue_renewal_keeps_a_slot_from_starting_the_next_job(house: House) -> None:
    """After a sleep of the machine no lane is open to a slot until what is in hand was renewed."""
    claims = _claims(Ledger(), Lanes(), house=house)
    claims.greet()

    assert claims.open_lanes(overdue=False)
    assert claims.open_lanes(overdue=True) == ()


def test_a_worker_opens_by_itself_when_its_pause_is_over(house: House) -> None:
    """After the end of a pause the lanes are taken from at once, and the plane is told."""
    claims = _claims(Ledger(), Lanes([new_job_id()]), house=house)
    house.order("paused", seconds=60)
    closed, told = claims.next(), house.news

    house.clock.now += 60
    found = claims.next()

    assert (closed, told) == (None, 0)
    assert found is not None
    assert house.news == 1


def test_an_id_that_comes_with_a_pause_is_left(house: House) -> None:
    """An id that was off its lane when the pause came is not started; the ledger still has the job."""
    ledger, lanes = Ledger(), Lanes([new_job_id()])
    claims = _claims(ledger, lanes, house=house)
    lanes.on_ping = lambda: house.order("paused")

    assert claims.next() is None
    assert ledger.moves == []


def test_renewals_go_before_claims() -> None:
    """A worker that wakes with an attempt whose renewal is due starts nothing until that is made."""
    ledger = Ledger()
    claims = _claims(ledger, Lanes([new_job_id()]))
    due = iter([True, True, False, False])
    seen: list[int] = []

    def overdue() -> bool:
        seen.append(len(ledger.moves))
        return next(due)

    job = claims.next(overdue=overdue)

    assert job is not None
    assert seen == [0, 0, 0, 0]


def test_an_id_that_was_taken_in_sleep_waits_for_the_renewal() -> None:
    """An id that arrives while the machine sleeps is started only after what was in hand is renewed."""
    ledger, lanes = Ledger(), Lanes()
    claims = _claims(ledger, lanes)
    asleep, renewed = threading.Event(), threading.Event()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(claims.next, overdue=lambda: asleep.is_set() and not renewed.is_set())
        assert lanes.waits.wait(10)
        asleep.set()
        lanes.put(new_job_id())
        with pytest.raises(TimeoutError):
            asked.result(0.3)
        before = list(ledger.moves)
        renewed.set()
        job = asked.result(10)

    assert before == []
    assert job is not None


def test_closing_does_not_wait_for_renewals() -> None:
    """A worker that stops while a renewal is due claims nothing."""
    claims = _claims(Ledger(), Lanes([new_job_id()]))

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(claims.next, overdue=lambda: True)
        claims.close()

        assert asked.result(10) is None


def test_a_worker_that_is_too_old_claims_nothing_more() -> None:
    """Once the ledger says that its schema is another one's, it is asked no more until this process is another."""
    ledger, lanes = Ledger(outdated=True), Lanes([new_job_id(), new_job_id()])
    claims = _claims(ledger, lanes)

    assert [claims.next() for _ in range(3)] == [None] * 3
    assert len(ledger.moves) == 1
    assert len(lanes.asked) == 1


def test_a_refused_worker_claims_nothing_while_it_is_refused() -> None:
    """What the plane refuses holds off until the plane takes it back."""
    lanes = Lanes([new_job_id()])
    claims = _claims(Ledger(), lanes)
    claims.refuse("Run: pharos db init")
    refused = claims.next()

    claims.refuse(None)

    assert refused is None
    assert claims.next() is not None


def test_without_a_mailbox_one_look_serves_many_slots() -> None:
    """Without Redis everything that one look found is started, one after the other, with one list."""
    jobs = [a_job() for _ in range(3)]
    ledger = Ledger(open=[waiting(job) for job in jobs])
    claims = _claims(ledger, None)
    claims.look("ledger")

    found = [claims.next() for _ in jobs]

    assert [job.id for job in found if job is not None] == [job.id for job in jobs]
    assert len(ledger.named("open_jobs")) == 1


def test_the_transport_is_told_once_it_works() -> None:
    """How the mailbox is reached is known when it is reached."""
    claims = _claims(Ledger(), Lanes(blocks=False))
    before = claims.transport

    claims.greet()

    assert (before, claims.transport) == (None, "rest")


@pytest.mark.parametrize("why", ["paused", "refused", "look", "left", "over", "lost", "unknown", "too_old"])
def test_a_slot_goes_on_by_itself_only_while_nothing_else_is_due(tmp_path: Path, why: str) -> None:
    """The lanes are open to a slot that ends its job, until there is more to see to than the next id off a lane."""
    house, ledger, lanes = House(tmp_path), Ledger(), Lanes()
    claims = _claims(ledger, lanes, house=house)
    before = claims.open_lanes(overdue=False)
    claims.greet()
    open_lanes = claims.open_lanes(overdue=False)

    if why == "paused":
        house.order("paused")
    elif why == "refused":
        claims.refuse("another schema")
    elif why == "look":
        claims.look("ledger")
    elif why == "left":
        claims.leave(new_job_id())
    elif why == "over":
        claims.close()
    elif why == "too_old":
        ledger.outdated = True
        lanes.put(new_job_id())
        claims.next()
    else:
        claims.lost(MailboxUnavailable(cause="ResponseError", refused=why == "unknown"))

    assert before == ()
    assert "ingest" in open_lanes
    assert claims.open_lanes(overdue=False) == ()
    assert claims.reaches_mailbox is (why != "lost")


def test_what_a_slot_could_not_start_is_started_first() -> None:
    """An id that a slot took off its lane goes before those that still lie there."""
    left, there = new_job_id(), new_job_id()
    ledger, lanes = Ledger(), Lanes([there])
    claims = _claims(ledger, lanes)
    claims.leave(left)

    jobs = [claims.next(), claims.next()]

    assert [job.id for job in jobs if job is not None] == [left, there]


def test_an_older_mailbox_is_glanced_at_again_when_it_is_back() -> None:
    """A mailbox that did not know the command is not asked it again before it was greeted anew."""
    claims = _claims(Ledger(), Lanes())
    claims.greet()
    claims.lost(MailboxUnavailable(cause="ResponseError", refused=True))
    between = claims.open_lanes(overdue=False)

    claims.greet()

    assert between == ()
    assert claims.open_lanes(overdue=False) != ()


@pytest.mark.parametrize("how", ["started", "taken", "silent"])
def test_over_rest_a_record_goes_at_once_only_when_nothing_starts(how: str) -> None:
    """The record of a job that starts is deleted while it runs; that of any other before it can be put back."""
    job_id = new_job_id()
    ledger = Ledger(startable=set() if how == "taken" else None)
    lanes = Lanes([job_id], blocks=False)
    claims = _claims(ledger, lanes)
    claims.greet()
    ledger.away = 1 if how == "silent" else 0

    claims.next()

    assert lanes.forgotten == ([] if how == "started" else [job_id])


@pytest.mark.parametrize(("refused", "least"), [(True, 0.02 * (2 + 4 + 8)), (False, 0.02 * 3)])
def test_a_mailbox_that_refuses_is_left_alone_for_longer_and_longer(refused: bool, least: float) -> None:
    """A plan that is used up is not asked every few seconds: each refusal doubles the pause, unlike an absence."""
    lanes = Lanes()
    claims = _claims(Ledger(), lanes, reconnect=0.02)

    def fail() -> None:
        raise MailboxUnavailable(cause="ResponseError", refused=refused)

    lanes.on_ping = fail
    began = time.monotonic()
    for _ in range(3):
        claims.next()
    took = time.monotonic() - began

    assert lanes.pings == 3
    assert took >= least
