"""Settling: each way in which an attempt can end is one move of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from edge_twins import Ledger, an_attempt

from edge_worker.attempt.messages import Done, Ended
from edge_worker.settle import Settler
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.timing import Timing

DONE = Done(summary={"files": 3}, knowledge=None)


def _settler(ledger: Ledger, timing: Timing | None = None) -> Settler:
    return Settler(
        keeper=ledger.keeper, publisher=ledger.publisher, vector_store="lancedb", timing=timing or Timing(lease=0.2)
    )


def _ended(signal: Literal["transient", "permanent", "snooze", "cancelled"]) -> Ended:
    return Ended(signal=signal, reason="why", detail="A sentence.")


@pytest.mark.parametrize(
    ("signal", "stopping", "move", "state"),
    [
        ("permanent", False, "end", State.FAILED),
        ("permanent", True, "end", State.FAILED),
        ("transient", False, "retry", State.QUEUED),
        ("snooze", False, "snooze", State.QUEUED),
        ("cancelled", False, "end", State.CANCELLED),
        ("cancelled", True, "snooze", State.QUEUED),
    ],
)
def test_each_signal_is_one_move(signal: Any, stopping: bool, move: str, state: State) -> None:
    """A signal becomes the one move that it stands for, and the report says how the job stands after it."""
    ledger = Ledger()

    report = _settler(ledger).settled(an_attempt(), _ended(signal), stopping=stopping)

    assert [name for name, _ in ledger.moves] == [move]
    assert report.state is state


def test_a_signal_keeps_its_reason() -> None:
    """The ledger is told the reason and the sentence of the attempt itself."""
    ledger = Ledger()

    _settler(ledger).settled(an_attempt(attempt=3), _ended("permanent"), stopping=False)

    assert ledger.moves == [
        ("end", {"attempt": 3, "state": State.FAILED, "reason": "why", "detail": "A sentence."}),
    ]


@pytest.mark.parametrize(("failures", "delay"), [(0, 30.0), (1, 60.0), (2, 120.0)])
def test_each_failure_doubles_the_pause(failures: int, delay: float) -> None:
    """A job that failed before waits twice as long."""
    ledger = Ledger()

    _settler(ledger, Timing(retry_base=30.0)).failed(an_attempt(failures=failures), reason="why", detail="")

    assert ledger.moves[0][1]["delay"] == delay


def test_an_attempt_that_is_not_held_any_more_changes_nothing() -> None:
    """Who lost the attempt reports that it goes on elsewhere."""
    ledger = Ledger(held=False)

    reports = [_settler(ledger).settled(an_attempt(), _ended(one), stopping=False) for one in ("permanent", "snooze")]

    assert [report.state for report in reports] == [State.QUEUED, State.QUEUED]


@pytest.mark.parametrize("signal", ["permanent", "transient", "snooze", "cancelled"])
def test_an_end_that_cannot_be_told_is_left_to_the_lease(signal: Any) -> None:
    """While the ledger is away the attempt is given up without an error: its lease runs out and it is rescued."""
    ledger = Ledger(away=1)

    report = _settler(ledger).settled(an_attempt(), _ended(signal), stopping=False)

    assert (ledger.moves, report.state) == ([], State.QUEUED)


def test_a_result_is_published_with_what_shaped_it(tmp_path: Path) -> None:
    """Publishing carries the knowledge, where the vectors lie, and the parameters without address and force."""
    ledger, path = Ledger(), tmp_path / "knowledge.jsonl"
    Knowledge(commit="1" * 40, files=(), edges=(), stats={}).write(path)

    report = _settler(ledger).published(an_attempt(), Done(summary={"files": 0}, knowledge=path))

    ((name, how),) = ledger.moves
    assert (name, how["commit"], how["vector_store"], how["result"]) == ("publish", "1" * 40, "lancedb", {"files": 0})
    assert how["parameters"] == {"epochs": 10}
    assert report.state is State.SUCCEEDED


def test_a_result_without_knowledge_ends_the_job_alone() -> None:
    """An attempt that found nothing to do succeeds and publishes nothing."""
    ledger = Ledger()

    _settler(ledger).published(an_attempt(), DONE)

    assert ledger.moves == [("succeed", {"result": {"files": 3}})]


def test_a_removal_buries_its_repository() -> None:
    """After its vectors are gone a removed repository is forgotten."""
    ledger = Ledger()

    _settler(ledger).published(an_attempt(kind=Kind.REMOVE, payload={}), DONE)

    assert ledger.moves == [("bury", {"result": {"files": 3}})]


def test_a_stale_attempt_reports_that_another_has_the_job() -> None:
    """An attempt that was taken over moves nothing and says that the job goes on."""
    ledger = Ledger()
    ledger.refuse("stale")

    report = _settler(ledger).published(an_attempt(), DONE)

    assert [name for name, _ in ledger.moves] == ["succeed"]
    assert report.state is State.QUEUED


@pytest.mark.parametrize(("refused", "reason"), [("cancelled", "cancel_requested"), ("superseded", "superseded")])
def test_a_refused_publish_cancels_the_job(refused: str, reason: str) -> None:
    """A job that was cancelled in the last moment, or overtaken, ends as cancelled and says why."""
    ledger = Ledger()
    ledger.refuse(refused)

    report = _settler(ledger).published(an_attempt(), DONE)

    ((_, how),) = ledger.named("end")
    assert (how["state"], how["reason"], report.state) == (State.CANCELLED, reason, State.CANCELLED)


def test_what_the_ledger_cannot_hold_fails_for_good() -> None:
    """A result that Postgres refuses is refused the next time too: the job fails at once."""
    ledger = Ledger(publish_error=LedgerRefused())

    report = _settler(ledger).published(an_attempt(), DONE)

    ((_, how),) = ledger.named("end", "retry")
    assert (how["state"], how["reason"], report.state) == (State.FAILED, "ledger_refused", State.FAILED)


def test_a_publish_is_tried_again_while_its_lease_lasts() -> None:
    """A ledger that is away for a moment costs a moment."""
    ledger = Ledger(away=1)

    report = _settler(ledger, Timing()).published(an_attempt(), DONE)

    assert [name for name, _ in ledger.moves] == ["succeed"]
    assert report.state is State.SUCCEEDED


def test_a_publish_that_outlasts_its_lease_is_a_failure() -> None:
    """A ledger that stays away for as long as the lease lasts ends the attempt as failed, and not with an error."""
    ledger = Ledger(publish_error=LedgerUnavailable())

    report = _settler(ledger).published(an_attempt(), DONE)

    ((_, how),) = ledger.named("retry")
    assert (how["reason"], report.state) == ("ledger_unavailable", State.QUEUED)


def test_a_long_sentence_still_fits_a_heartbeat() -> None:
    """A report holds the first 500 characters."""
    report = _settler(Ledger()).failed(an_attempt(), reason="why", detail="x" * 900)

    assert report.detail == "x" * 500
