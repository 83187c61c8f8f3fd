"""Submissions that arrive together are recorded together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from cloud_api.intake import Intake
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.ledger.keeper import Submission, Submitted
from shared.ledger.records import DEFAULT_TENANT

Batch = Sequence[tuple[Submission, int]]


def _asked(name: str) -> Submission:
    payload = IngestPayload(url=f"https://{name}")
    return Submission(tenant_id=DEFAULT_TENANT, kind=Kind.INGEST, repository=name, payload=payload, ttl_ms=None)


class Slow:
    """A ledger whose first statement lasts until it is let go; it answers with each one's cap."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.delivered = 0
        self.entered, self.go = threading.Event(), threading.Event()

    def write(self, batch: Batch) -> list[Submitted]:
        """Record a batch."""
        names = [asked.repository for asked, _ in batch]
        self.batches.append(names)
        self.entered.set()
        self.go.wait(10)
        if "bad" in names:
            raise LedgerRefused
        if "gone" in names:
            raise LedgerUnavailable
        if "broken" in names:
            raise RuntimeError("broken")
        return [Submitted(outcome="full", job=None, waiting=cap, position=0) for _, cap in batch]

    def deliver(self, done: Sequence[Submitted]) -> None:
        """Count what is to be delivered."""
        self.delivered += len(done)


def _submit_together(slow: Slow, names: Sequence[str]) -> dict[str, Submitted | Exception]:
    """Submit one that is held up, and meanwhile the others; return what became of each."""
    intake = Intake(slow.write, deliver=slow.deliver)
    answers = dict[str, Submitted | Exception]()

    def submit(name: str, cap: int) -> None:
        try:
            answers[name] = intake.submit(_asked(name), cap=cap)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
            answers[name] = error

    threads = [threading.Thread(target=submit, args=(name, cap)) for cap, name in enumerate(names)]
    threads[0].start()
    assert slow.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while intake.waiting < len(names) - 1:
        threading.Event().wait(0.001)
    slow.go.set()
    for thread in threads:
        thread.join(10)
    return answers


def test_those_that_wait_are_written_at_once() -> None:
    """Whoever arrives while a statement is under way shares the next one, and each gets its own answer."""
    slow = Slow()

    answers = _submit_together(slow, ["first", *(f"r{number}" for number in range(20))])

    assert [len(batch) for batch in slow.batches] == [1, 20]
    assert [answers[f"r{number}"] for number in range(20)] == [
        Submitted(outcome="full", job=None, waiting=number + 1, position=0) for number in range(20)
    ]
    assert slow.delivered == 21


def test_more_than_one_statement_takes_are_all_delivered() -> None:
    """A crowd is recorded in several statements, and everybody in it is answered and delivered once."""
    slow = Slow()

    answers = _submit_together(slow, [f"r{number}" for number in range(150)])

    assert [len(batch) for batch in slow.batches] == [1, 64, 64, 21]
    assert (len(answers), slow.delivered) == (150, 150)


def test_one_that_cannot_be_recorded_hurts_nobody_else() -> None:
    """What the ledger refuses is told to who asked for it; the others are recorded one by one."""
    slow = Slow()

    answers = _submit_together(slow, ["first", "good", "bad", "fine"])

    assert isinstance(answers["bad"], LedgerRefused)
    assert all(isinstance(answers[name], Submitted) for name in ("first", "good", "fine"))


@pytest.mark.parametrize(("name", "kind"), [("gone", LedgerUnavailable), ("broken", RuntimeError)])
def test_a_lost_ledger_is_told_to_everybody(name: str, kind: type[Exception]) -> None:
    """When the statement fails as a whole, nobody waits on, and nobody is told that it worked."""
    slow = Slow()

    answers = _submit_together(slow, ["first", name, "other"])

    assert isinstance(answers[name], kind)
    assert isinstance(answers["other"], kind)
    assert isinstance(answers["first"], Submitted)
