"""The relay: one job ends and the next one starts in one move, or the end is left to the ordinary way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from edge_twins import WORKER, Lanes, Ledger, an_attempt, visible

from edge_worker.relay import Claimant, Relay
from shared.errors import LedgerRefused, MailboxUnavailable
from shared.ids import new_job_id
from shared.ledger.keeper import StartOutcome
from shared.ledger.records import Job
from shared.ledger.turns import Finished, Turned
from shared.nodes.capabilities import Capabilities

DONE = {"unchanged": True}
JOB = an_attempt()
NOTHING = Turned(ended=frozenset(), outcome=None, started=())


@dataclass
class House:
    """A relay, and who claims by the ordinary way beside it."""

    ledger: Ledger = field(default_factory=Ledger)
    lanes: Lanes = field(default_factory=Lanes)
    open: tuple[str, ...] = ("ingest",)
    left: list[str] = field(default_factory=list)
    lost: list[MailboxUnavailable] = field(default_factory=list)

    @property
    def relay(self) -> Relay:
        """Return the relay."""
        return Relay(
            worker=WORKER,
            capabilities=Capabilities(node="den"),
            lease=600.0,
            turns=self.ledger.turns,
            mailbox=self.lanes.mailbox,
            claimant=Claimant(lanes=lambda: self.open, leave=self.left.append, lost=self.lost.append),
        )

    def end(self, *jobs: Job, most: int = 1, forget: tuple[str, ...] = ()) -> Turned | None:
        """End attempts."""
        done = [Finished(job=job, result=DONE) for job in jobs or (JOB,)]
        return self.relay.end(done, most=most, forget=forget)


def test_the_next_job_off_a_lane_follows() -> None:
    """With an id on a lane the end and the start are one move, and what is visible comes along."""
    job_id = new_job_id()
    house = House(lanes=Lanes([job_id]))
    house.ledger.seen = visible(4)

    turned = house.end(forget=("job_before", "another"))

    assert turned is not None
    assert turned.ended == {JOB.id}
    assert [(one.job.id, one.visible) for one in turned.started] == [(job_id, visible(4))]
    assert [name for name, _ in house.ledger.moves] == ["turn"]
    assert house.lanes.forgotten == ["job_before", "another"]


def test_as_many_follow_as_are_asked_for() -> None:
    """Several that are done end with the start of several, in the order of their lane; the rest stays there."""
    jobs, ids = [an_attempt() for _ in range(2)], [new_job_id() for _ in range(4)]
    house = House(lanes=Lanes(ids))

    turned = house.end(*jobs, most=3)

    assert turned is not None
    assert turned.ended == {job.id for job in jobs}
    assert [one.job.id for one in turned.started] == ids[:3]
    assert (house.lanes.ids, house.left, house.lanes.forgotten) == (ids[3:], [], [])


def test_without_an_id_nothing_is_ended() -> None:
    """Empty lanes leave a single end to the ordinary way."""
    house = House()

    assert house.end() == NOTHING
    assert house.ledger.moves == []


@pytest.mark.parametrize("most", [0, 4])
def test_several_ends_are_one_move_also_without_an_id(most: int) -> None:
    """Several that are done end together when nothing is to follow; with none asked for, no lane is looked at."""
    jobs, job_id = [an_attempt() for _ in range(2)], new_job_id()
    house = House(lanes=Lanes([job_id] if most == 0 else []))

    turned = house.end(*jobs, most=most)

    assert turned == Turned(ended=frozenset(job.id for job in jobs), outcome=None, started=())
    assert house.lanes.ids == ([job_id] if most == 0 else [])
    assert house.ledger.named("turn")[0][1]["following"] == []


@pytest.mark.parametrize("why", ["closed", "rest"])
def test_a_relay_that_may_not_claim_takes_nothing(why: str) -> None:
    """While something speaks against a claim, or over REST, no id is taken; a record that is left goes all the same."""
    job_id = new_job_id()
    house = House(lanes=Lanes([job_id], blocks=why != "rest"), open=() if why == "closed" else ("ingest",))

    assert house.end(forget=("job_before",)) == NOTHING
    assert house.lanes.ids == [job_id]
    assert house.lanes.forgotten == ["job_before"]


def test_nobody_knows_what_became_of_a_turn_without_an_answer() -> None:
    """A silent ledger leaves the ends to be told once more, and what was to follow to reconcile."""
    ids = [new_job_id() for _ in range(2)]
    house = House(ledger=Ledger(away=1), lanes=Lanes(list(ids)))

    assert house.end(most=2) is None
    assert house.left == []
    assert house.lanes.forgotten == ids


def test_a_result_that_is_refused_costs_the_other_jobs_nothing() -> None:
    """When the ledger refuses a result, the other jobs' ids lie on their lane again."""
    ids = [new_job_id() for _ in range(2)]
    house = House(ledger=Ledger(publish_error=LedgerRefused()), lanes=Lanes(list(ids)))

    assert house.end(most=2) == NOTHING
    assert (house.left, house.lanes.ids) == ([], ids)


def test_an_end_that_is_refused_leaves_the_other_jobs_to_the_next_claim() -> None:
    """A job that was cancelled ends the ordinary way; one id is started after it, the others lie on a lane."""
    other, ids = an_attempt(), [new_job_id() for _ in range(2)]
    house = House(ledger=Ledger(refused=frozenset({JOB.id})), lanes=Lanes(list(ids)))

    assert house.end(other, JOB, most=2) == Turned(ended=frozenset({other.id}), outcome=None, started=())
    assert (house.left, house.lanes.ids) == (ids[:1], ids[1:])


@pytest.mark.parametrize(
    ("why", "left"), [("gone", True), ("worker_too_old", True), ("taken", False), ("repository_busy", False)]
)
def test_a_job_that_does_not_start_is_dropped_or_asked_for_again(why: StartOutcome, left: bool) -> None:
    """What only the keeper can say is asked of it; what was lost to another is dropped. The rest is anybody's again."""
    ids = [new_job_id() for _ in range(2)]
    house = House(ledger=Ledger(startable=set(), why_not=why), lanes=Lanes(list(ids)))

    assert house.end(most=2) == Turned(ended=frozenset({JOB.id}), outcome=why, started=())
    assert house.left == (ids[:1] if left else [])
    assert (house.lanes.ids, house.lanes.forgotten) == (ids[1:], ids[:1])


def test_what_is_not_started_ahead_lies_first_on_its_lane_again() -> None:
    """Ids that did not start beside the first wait for any worker, in their order and with their records."""
    ids = [new_job_id() for _ in range(5)]
    house = House(ledger=Ledger(startable={ids[0], ids[2]}), lanes=Lanes(list(ids)))

    turned = house.end(most=4)

    assert turned is not None
    assert [one.job.id for one in turned.started] == [ids[0], ids[2]]
    assert (house.left, house.lanes.forgotten) == ([], [])
    assert house.lanes.ids == [ids[1], ids[3], ids[4]]


def test_a_mailbox_that_is_away_is_told_to_who_claims() -> None:
    """A mailbox that does not answer ends nothing and starts nothing."""
    house = House(lanes=Lanes([new_job_id()], there=False))

    assert house.end() == NOTHING
    house.relay.forget(["job_before"])
    assert len(house.lost) == 2
