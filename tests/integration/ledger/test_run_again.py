"""Running an ended job again, over a real ledger."""

from __future__ import annotations

import pytest
from ledger_world import REPOSITORY, Ledger

from cloud_api.board import Board
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.services.submit import Submit, SubmitRules
from shared.errors import IdempotencyConflict, NotEnded, QueueFull
from shared.jobs.kinds import Kind, Priority
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.nodes.capabilities import Needs
from shared.timing import Timing

KEY = (b"k" * 32, b"f" * 32)


@pytest.fixture
def submit(ledger: Ledger) -> Submit:
    """The service over this test's ledger, without Redis; one job may wait."""
    presence, board = Presence(timing=Timing()), Board()
    return Submit(
        keeper=ledger.keeper,
        repositories=ledger.repositories,
        delivery=Delivery(None, pause=5, ttl=86_400),
        dispatch=Dispatch(presence=presence, board=board, lines=Lines(timing=Timing()), duty=lambda _: None),
        board=board,
        remind=lambda: None,
        rules=SubmitRules(git_hosts=("github.com",), local_roots=(), cap=1, ttl=3600),
    )


def _failed(ledger: Ledger) -> Job:
    job = ledger.running(epochs=3, priority=Priority.HIGH, needs=Needs(gpu=True))
    assert ledger.keeper.end(job.id, attempt=job.attempt, state=State.FAILED, reason="x", detail="It broke.")
    return ledger.show(job)


def test_the_same_work_is_a_new_job(ledger: Ledger, submit: Submit) -> None:
    """Kind, payload, needs and priority are the same; id, attempts and failures begin anew, and the old job stays."""
    failed = _failed(ledger)

    answer = submit.again(failed, idempotency=None)

    again = ledger.show(answer.job)
    assert (answer.outcome, answer.position, again.state) == ("created", 1, State.QUEUED)
    assert again.id != failed.id
    assert (again.payload, again.needs, again.priority) == (failed.payload, failed.needs, failed.priority)
    assert (again.attempt, again.failures, again.deadline_at is not None) == (0, 0, True)
    assert ledger.state(failed) is State.FAILED


def test_what_succeeded_is_forced(ledger: Ledger, submit: Submit) -> None:
    """Its commit is published already, so that anything else would do nothing."""
    done = ledger.show(ledger.published())

    again = submit.again(done, idempotency=None).job

    assert done.payload["force"] is False
    assert again.payload["force"] is True


def test_asked_twice_it_is_there_once(ledger: Ledger, submit: Submit) -> None:
    """Work that waits already is not queued twice; a key leads to its job; the same key for other work is refused."""
    failed = _failed(ledger)
    other = ledger.running("github.com/acme/other")
    ledger.keeper.end(other.id, attempt=1, state=State.FAILED, reason="x", detail="It broke.")

    first, same = submit.again(failed, idempotency=KEY), submit.again(failed, idempotency=None)
    replayed = submit.again(failed, idempotency=KEY)

    assert [one.job.id for one in (same, replayed)] == [first.job.id] * 2
    assert (same.outcome, replayed.outcome) == ("deduplicated", "replayed")
    with pytest.raises(IdempotencyConflict):
        submit.again(ledger.show(other), idempotency=(KEY[0], b"g" * 32))


def test_the_cap_holds_for_it_too(ledger: Ledger, submit: Submit) -> None:
    """A full queue takes no job that is run again."""
    failed = _failed(ledger)
    ledger.submit("github.com/acme/other")

    with pytest.raises(QueueFull):
        submit.again(failed, idempotency=None)


def test_a_removal_is_run_again(ledger: Ledger, submit: Submit) -> None:
    """The repository is gone, its vectors are not: the job goes to the same node, past the cap, without a deadline."""
    removal = ledger.running(kind=Kind.REMOVE, needs=Needs(node="den"), ttl_ms=None)
    ledger.keeper.end(removal.id, attempt=1, state=State.FAILED, reason="x", detail="The disk did not answer.")
    ledger.submit("github.com/acme/other")

    again = submit.again(ledger.show(removal), idempotency=None).job

    assert (again.kind, again.repository, again.needs.node, again.deadline_at) == (Kind.REMOVE, REPOSITORY, "den", None)


def test_what_has_not_ended_is_left_alone(ledger: Ledger, submit: Submit) -> None:
    """A waiting job and a running one are refused, and nothing is added."""
    for job in (ledger.submit("github.com/acme/other"), ledger.running()):
        with pytest.raises(NotEnded):
            submit.again(ledger.show(job), idempotency=None)

    assert len(ledger.keeper.open_jobs()) == 2
