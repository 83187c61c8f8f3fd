"""Claims: work comes off the lanes, or out of the ledger on order, and no wake is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from edge_twins import WORKER, Lanes, Ledger, an_attempt, eventually, waiting
from plane_factories import a_job

from edge_worker.claims import Claims
from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.jobs.kinds import Priority
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities, Needs
from shared.timing import Timing


def _claims(ledger: Ledger, lanes: Lanes | None, *, bell: Lanes | None = None, reconnect: float = 0.01) -> Claims:
    """Return claims; the bell reaches the same mailbox unless another is given."""
    bell = bell or lanes
    return Claims(
        worker=WORKER,
        capabilities=Capabilities(node="den"),
        keeper=ledger.keeper,
        mailbox=lanes.mailbox if lanes is not None else None,
        bell=bell.mailbox if bell is not None else None,
        timing=Timing(reconnect=reconnect, mailbox_wait=10.0),
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
    claims.look()

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
    claims.look()

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
    claims.look()

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
        claims.look()
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
    lanes.on_ping = claims.look

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
        claims.look()
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
    claims.look()

    assert claims.next() is None
    assert ledger.moves == []


def test_without_a_mailbox_the_ledger_is_looked_in_on_order() -> None:
    """A worker without Redis waits for orders alone."""
    job = a_job()
    claims = _claims(Ledger(open=[waiting(job)]), None)
    claims.greet()

    with _asking(claims) as asked:
        # Again and again: the question may not have begun to wait yet.
        eventually(lambda: claims.look() or asked.done())
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
