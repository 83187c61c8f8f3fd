"""Settling: each way in which an attempt can end is one move of the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from edge_twins import Ledger, an_attempt

from edge_worker.attempt.messages import Done, Ended
from edge_worker.settle import Settler
from edge_worker.stops import Stops
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.records import Job
from shared.ledger.turns import Finished
from shared.nodes.heartbeat import EndReport
from shared.timing import Timing

DONE = Done(summary={"files": 3}, knowledge=None)


def _settler(ledger: Ledger, timing: Timing | None = None) -> Settler:
    return Settler(
        keeper=ledger.keeper, publisher=ledger.publisher, vector_store="lancedb", timing=timing or Timing(lease=0.2)
    )


def _ended(signal: Literal["transient", "permanent", "snooze", "cancelled"]) -> Ended:
    return Ended(signal=signal, reason="why", detail="A sentence.")


def _published(
    ledger: Ledger,
    done: Done = DONE,
    *,
    job: Job | None = None,
    timing: Timing | None = None,
    renew: Callable[[], object] = lambda: None,
    stops: Stops | None = None,
) -> EndReport:
    return _settler(ledger, timing).published(job or an_attempt(), done, renew=renew, stops=stops or Stops())


@pytest.mark.parametrize(
    ("signal", "give_back", "move", "state"),
    [
        ("permanent", None, "end", State.FAILED),
        ("permanent", "worker_stopping", "end", State.FAILED),
        ("transient", None, "retry", State.QUEUED),
        ("transient", "worker_stopping", "snooze", State.QUEUED),
        ("transient", "worker_paused", "snooze", State.QUEUED),
        ("snooze", None, "snooze", State.QUEUED),
        ("cancelled", None, "end", State.CANCELLED),
        ("cancelled", "worker_stopping", "snooze", State.QUEUED),
        ("cancelled", "worker_paused", "snooze", State.QUEUED),
    ],
)
def test_each_signal_is_one_move(signal: Any, give_back: Any, move: str, state: State) -> None:
    """A signal becomes the one move that it stands for, and the report says how the job stands after it."""
    ledger = Ledger()

    report = _settler(ledger).settled(an_attempt(), _ended(signal), give_back=give_back)

    assert [name for name, _ in ledger.moves] == [move]
    assert report.state is state


@pytest.mark.parametrize("why", ["worker_stopping", "worker_paused"])
def test_what_is_given_back_says_why_and_waits_for_nothing(why: Any) -> None:
    """A job that goes back because of its worker can be taken by the next one at once."""
    ledger = Ledger()

    _settler(ledger).settled(an_attempt(), _ended("cancelled"), give_back=why)

    ((_, how),) = ledger.named("snooze")
    assert (how["reason"], how["delay"]) == (why, 0.0)


def test_not_now_means_minutes() -> None:
    """A full disk, or another "not now" of a handler, is not met again in seconds."""
    ledger = Ledger()

    _settler(ledger, Timing()).settled(an_attempt(), _ended("snooze"), give_back=None)

    ((_, how),) = ledger.named("snooze")
    assert (how["reason"], how["delay"]) == ("why", 600.0)


@pytest.mark.parametrize(("failures", "last"), [(0, False), (1, False), (2, True)])
def test_the_last_failure_says_that_it_was_the_last(failures: int, last: bool) -> None:
    """A job that is tried again does not say that it is over, and one that is over says so."""
    ledger = Ledger()

    _settler(ledger).settled(an_attempt(failures=failures), _ended("transient"), give_back=None)

    ((_, how),) = ledger.named("retry")
    assert how["detail"].startswith("A sentence.")
    assert how["detail"].endswith("That was the last of 3 tries.") is last


def test_a_signal_keeps_its_reason() -> None:
    """The ledger is told the reason and the sentence of the attempt itself."""
    ledger = Ledger()

    _settler(ledger).settled(an_attempt(attempt=3), _ended("permanent"), give_back=None)

    assert ledger.moves == [
        ("end", {"attempt": 3, "state": State.FAILED, "reason": "why", "detail": "A sentence."}),
    ]


@pytest.mark.parametrize(("failures", "delay"), [(0, 30.0), (1, 60.0), (2, 120.0)])
def test_each_failure_doubles_the_pause(failures: int, delay: float) -> None:
    """A job that failed before waits twice as long."""
    ledger = Ledger()

    _settler(ledger, Timing(retry_base=30.0)).settled(
        an_attempt(failures=failures), _ended("transient"), give_back=None
    )

    assert ledger.moves[0][1]["delay"] == delay


def test_an_attempt_that_is_not_held_any_more_changes_nothing() -> None:
    """Who lost the attempt reports that it goes on elsewhere."""
    ledger = Ledger(held=False)

    reports = [_settler(ledger).settled(an_attempt(), _ended(one), give_back=None) for one in ("permanent", "snooze")]

    assert [report.state for report in reports] == [State.QUEUED, State.QUEUED]


@pytest.mark.parametrize("signal", ["permanent", "transient", "snooze", "cancelled"])
def test_an_end_that_cannot_be_told_is_left_to_the_lease(signal: Any) -> None:
    """While the ledger is away the attempt is given up without an error: its lease runs out and it is rescued."""
    ledger = Ledger(away=1)

    report = _settler(ledger).settled(an_attempt(), _ended(signal), give_back=None)

    assert (ledger.moves, report.state) == ([], State.QUEUED)


def test_a_result_is_published_with_what_shaped_it(tmp_path: Path) -> None:
    """Publishing carries the knowledge, where the vectors lie, and the parameters without address and force."""
    ledger, path = Ledger(), tmp_path / "knowledge.jsonl"
    Knowledge(commit="1" * 40, files=(), edges=(), stats={}).write(path)

    report = _published(ledger, Done(summary={"files": 0}, knowledge=path))

    ((name, how),) = ledger.moves
    assert (name, how["commit"], how["vector_store"], how["result"]) == ("publish", "1" * 40, "lancedb", {"files": 0})
    assert how["parameters"] == {"epochs": 10}
    assert report.state is State.SUCCEEDED


def test_a_result_without_knowledge_ends_the_job_alone() -> None:
    """An attempt that found nothing to do succeeds and publishes nothing."""
    ledger = Ledger()

    _published(ledger)

    assert ledger.moves == [("succeed", {"result": {"files": 3}})]


def test_a_removal_buries_its_repository() -> None:
    """After its vectors are gone a removed repository is forgotten."""
    ledger = Ledger()

    _published(ledger, job=an_attempt(kind=Kind.REMOVE, payload={}))

    assert ledger.moves == [("bury", {"result": {"files": 3}})]


def test_a_stale_attempt_reports_that_another_has_the_job() -> None:
    """An attempt that was taken over moves nothing and says that the job goes on."""
    ledger = Ledger()
    ledger.refuse("stale")

    report = _published(ledger)

    assert [name for name, _ in ledger.moves] == ["succeed"]
    assert report.state is State.QUEUED


@pytest.mark.parametrize(("refused", "reason"), [("cancelled", "cancel_requested"), ("superseded", "superseded")])
def test_a_refused_publish_cancels_the_job(refused: str, reason: str) -> None:
    """A job that was cancelled in the last moment, or overtaken, ends as cancelled and says why."""
    ledger = Ledger()
    ledger.refuse(refused)

    report = _published(ledger)

    ((_, how),) = ledger.named("end")
    assert (how["state"], how["reason"], report.state) == (State.CANCELLED, reason, State.CANCELLED)


def test_what_the_ledger_cannot_hold_fails_for_good() -> None:
    """A result that Postgres refuses is refused the next time too: the job fails at once."""
    ledger = Ledger(publish_error=LedgerRefused())

    report = _published(ledger)

    ((_, how),) = ledger.named("end", "retry")
    assert (how["state"], how["reason"], report.state) == (State.FAILED, "ledger_refused", State.FAILED)


def test_a_publish_is_tried_again_while_its_lease_lasts() -> None:
    """A ledger that is away for a moment costs a moment."""
    ledger = Ledger(away=1)

    report = _published(ledger, timing=Timing())

    assert [name for name, _ in ledger.moves] == ["succeed"]
    assert report.state is State.SUCCEEDED


def test_a_publish_that_outlasts_its_lease_is_a_failure() -> None:
    """A ledger that stays away for as long as the lease lasts ends the attempt as failed, and not with an error."""
    ledger = Ledger(publish_error=LedgerUnavailable())

    report = _published(ledger)

    ((_, how),) = ledger.named("retry")
    assert (how["reason"], report.state) == ("ledger_unavailable", State.QUEUED)


def test_a_long_sentence_still_fits_a_heartbeat() -> None:
    """A report holds the first 500 characters."""
    ended = Ended(signal="transient", reason="why", detail="x" * 900)

    report = _settler(Ledger()).settled(an_attempt(), ended, give_back=None)

    assert report.detail == "x" * 500


def test_a_lease_is_renewed_while_a_publish_is_tried_again() -> None:
    """What was learned is not lost to a lease that ran out while the ledger did not take it."""
    ledger, renewals = Ledger(away=2), list[int]()

    report = _published(ledger, timing=Timing(), renew=lambda: renewals.append(len(ledger.moves)))

    assert report.state is State.SUCCEEDED
    assert renewals == [0, 0]


def test_a_worker_that_stops_does_not_wait_for_the_ledger() -> None:
    """A stop ends the tries at once, and the job goes back uncounted as far as the ledger hears of it."""
    stops = Stops()
    ledger = Ledger(publish_error=LedgerUnavailable())

    report = _published(ledger, timing=Timing(), renew=stops.shut_down, stops=stops)

    ((_, how),) = ledger.named("snooze", "retry", "end")
    assert (how["reason"], report.state) == ("worker_stopping", State.QUEUED)


def test_what_was_not_begun_goes_back_in_one_statement() -> None:
    """However many they are, the ledger is asked once, and each is reported as it stands after it."""
    ledger, jobs = Ledger(), [an_attempt() for _ in range(15)]

    back = _settler(ledger).given_back(jobs, "started_ahead")

    assert [how["job_ids"] for _, how in ledger.moves] == [[job.id for job in jobs]]
    assert (back.heard, {report.state for report in back.reports}) == (True, {State.QUEUED})


def test_a_silent_ledger_is_not_asked_twice_for_what_was_not_begun() -> None:
    """Nobody has the jobs in hand any more, and whoever gave them back hears that nobody answered."""
    ledger, jobs = Ledger(away=1), [an_attempt() for _ in range(3)]

    back = _settler(ledger).given_back(jobs, "started_ahead")

    assert (back.heard, len(back.reports), ledger.away, ledger.moves) == (False, 3, 0, [])


def test_several_ends_have_one_lease_together() -> None:
    """When the ledger stays silent for a lease, the others are not tried for another one each, and all are told of."""
    ledger, done = Ledger(away=1_000), [Finished(job=an_attempt(), result={}) for _ in range(16)]
    renewed: list[str] = []

    began = time.monotonic()
    reports = _settler(ledger, Timing(lease=0.6)).all_published(
        done, renew=lambda job: renewed.append(job.id), stops=Stops()
    )

    assert time.monotonic() - began < 16 * 0.6 / 2
    assert [report.job_id for report in reports] == [one.job.id for one in done]
    assert {report.state for report in reports} == {State.QUEUED}
    assert set(renewed) == {done[0].job.id}
