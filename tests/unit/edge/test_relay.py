"""The relay: one job ends and the next one starts in one move, or the end is left to the ordinary way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from edge_twins import WORKER, Lanes, Ledger, an_attempt, visible

from edge_worker.relay import Claimant, Following, Relay
from shared.errors import LedgerRefused, MailboxUnavailable
from shared.ids import new_job_id
from shared.ledger.keeper import StartOutcome
from shared.nodes.capabilities import Capabilities

DONE = {"unchanged": True}


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

    def end(self, *, forget: str | None = None) -> tuple[bool, Following | None]:
        """End an attempt."""
        return self.relay.end(an_attempt(), DONE, forget=forget)


def test_the_next_job_off_a_lane_follows() -> None:
    """With an id on a lane the end and the start are one move, and what is visible comes along."""
    job_id = new_job_id()
    house = House(lanes=Lanes([job_id]))
    house.ledger.seen = visible(4)

    ended, following = house.end(forget="job_before")

    assert ended
    assert following is not None
    assert (following.job.id, following.visible) == (job_id, visible(4))
    assert [name for name, _ in house.ledger.moves] == ["turn"]
    assert house.lanes.forgotten == ["job_before"]


def test_without_an_id_nothing_is_ended() -> None:
    """Empty lanes leave the end to the ordinary way."""
    house = House()

    assert house.end() == (False, None)
    assert house.ledger.moves == []


@pytest.mark.parametrize("why", ["closed", "rest"])
def test_a_relay_that_may_not_claim_takes_nothing(why: str) -> None:
    """While something speaks against a claim, or over REST, no id is taken; a record that is left goes all the same."""
    job_id = new_job_id()
    house = House(lanes=Lanes([job_id], blocks=why != "rest"), open=() if why == "closed" else ("ingest",))

    assert house.end(forget="job_before") == (False, None)
    assert house.lanes.ids == [job_id]
    assert house.lanes.forgotten == ["job_before"]


def test_a_silent_ledger_is_asked_again_for_the_end_alone() -> None:
    """What became of a turn without an answer nobody knows: the end is told once more, the start is reconcile's."""
    house = House(ledger=Ledger(away=1), lanes=Lanes([new_job_id()]))

    assert house.end() == (False, None)
    assert house.left == []
    assert len(house.lanes.forgotten) == 1


def test_a_result_that_is_refused_costs_the_other_job_nothing() -> None:
    """When the ledger refuses the result, the other job's id goes the ordinary way."""
    job_id = new_job_id()
    house = House(ledger=Ledger(publish_error=LedgerRefused()), lanes=Lanes([job_id]))

    assert house.end() == (False, None)
    assert house.left == [job_id]


def test_an_end_that_is_refused_leaves_the_other_job_to_the_next_claim() -> None:
    """A job that was cancelled meanwhile ends the ordinary way, and the id in hand is started first after it."""
    job_id = new_job_id()
    house = House(ledger=Ledger(held=False), lanes=Lanes([job_id]))

    assert house.end() == (False, None)
    assert house.left == [job_id]


@pytest.mark.parametrize(
    ("why", "left"), [("gone", True), ("worker_too_old", True), ("taken", False), ("repository_busy", False)]
)
def test_a_job_that_does_not_start_is_dropped_or_asked_for_again(why: StartOutcome, left: bool) -> None:
    """What only the keeper can say is asked of it; what was lost to another is dropped. The end stands either way."""
    job_id = new_job_id()
    house = House(ledger=Ledger(startable=set(), why_not=why), lanes=Lanes([job_id]))

    assert house.end() == (True, None)
    assert house.left == ([job_id] if left else [])
    assert house.lanes.forgotten == [job_id]


def test_a_mailbox_that_is_away_is_told_to_who_claims() -> None:
    """A mailbox that does not answer ends nothing and starts nothing."""
    house = House(lanes=Lanes([new_job_id()], there=False))

    assert house.end() == (False, None)
    house.relay.forget("job_before")
    assert len(house.lost) == 2
