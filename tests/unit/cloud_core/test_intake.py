"""Submissions that arrive together are recorded together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from cloud_api.intake import Intake
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.ledger.keeper import Submission, Submitted
from shared.ledger.records import DEFAULT_TENANT
from tests.unit.plane.asyncio_apart import run_apart

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


def _enter_together(slow: Slow, names: Sequence[str]) -> list[Submitted | BaseException]:
    """Submit one from a coroutine that is held up, and meanwhile the others; return what became of each."""
    intake = Intake(slow.write, deliver=slow.deliver)

    async def work() -> list[Submitted | BaseException]:
        async def enter(name: str, cap: int) -> Submitted:
            return await intake.enter(_asked(name), cap=cap)

        first = asyncio.create_task(enter(names[0], 0))
        assert await asyncio.to_thread(slow.entered.wait, 10)
        others = [asyncio.create_task(enter(name, cap)) for cap, name in enumerate(names[1:], 1)]
        await asyncio.sleep(0)
        assert intake.waiting == len(others)
        before = threading.active_count()
        slow.go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        # One thread wrote for all of them.
        assert threading.active_count() <= before
        return answers

    return run_apart(work())


def test_coroutines_share_statements_as_threads_do() -> None:
    """What coroutines ask for while a statement is under way goes into the next one, and each gets its own answer."""
    slow = Slow()

    answers = _enter_together(slow, ["first", *(f"r{number}" for number in range(100))])

    assert [len(batch) for batch in slow.batches] == [1, 64, 36]
    assert answers == [Submitted(outcome="full", job=None, waiting=cap, position=0) for cap in range(101)]
    assert slow.delivered == 101


@pytest.mark.parametrize(("name", "kind"), [("gone", LedgerUnavailable), ("broken", RuntimeError)])
def test_coroutines_hear_of_a_lost_ledger(name: str, kind: type[Exception]) -> None:
    """When the statement fails as a whole, every coroutine in it is told, and the next one is taken as ever."""
    slow = Slow()

    answers = _enter_together(slow, ["first", name, "other"])

    assert isinstance(answers[0], Submitted)
    assert [type(answer) for answer in answers[1:]] == [kind, kind]


def test_a_delivery_that_breaks_holds_up_nobody() -> None:
    """Whoever comes after a batch whose delivery broke is recorded and answered all the same."""
    slow = Slow()
    slow.go.set()

    def deliver(_: Sequence[Submitted]) -> None:
        raise RuntimeError("a lane broke")

    intake = Intake(slow.write, deliver=deliver)

    async def work() -> list[Submitted]:
        return [await intake.enter(_asked(name), cap=cap) for cap, name in enumerate(("one", "two"))]

    assert [answer.waiting for answer in run_apart(work())] == [0, 1]


def test_who_hangs_up_has_asked_all_the_same() -> None:
    """A coroutine that is cancelled while it waits takes its submission back from nobody."""
    slow = Slow()
    intake = Intake(slow.write, deliver=slow.deliver)

    async def work() -> Submitted:
        first = asyncio.create_task(intake.enter(_asked("first"), cap=1))
        assert await asyncio.to_thread(slow.entered.wait, 10)
        gone = asyncio.create_task(intake.enter(_asked("gone away"), cap=2))
        await asyncio.sleep(0)
        assert intake.waiting == 1
        gone.cancel()
        slow.go.set()
        await asyncio.gather(gone, return_exceptions=True)
        await first
        return await intake.enter(_asked("last"), cap=3)

    assert run_apart(work()).waiting == 3
    assert "gone away" in {name for batch in slow.batches for name in batch}


def test_a_lone_coroutine_is_answered_once_its_job_is_delivered() -> None:
    """Who submits while nobody else does returns after its delivery, as a thread would."""
    slow = Slow()
    slow.go.set()
    intake = Intake(slow.write, deliver=slow.deliver)

    async def work() -> int:
        await intake.enter(_asked("one"), cap=1)
        return slow.delivered

    assert run_apart(work()) == 1
