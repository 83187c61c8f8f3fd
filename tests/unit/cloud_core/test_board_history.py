"""The board and what the last jobs say together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from plane_factories import NOON, a_job, a_running_job, an_ended_job

from cloud_api.board import KEPT, Board
from cloud_api.services.history import History, summarise
from shared.jobs.kinds import Priority
from shared.jobs.states import State
from shared.ledger.jobs import JobReader
from shared.ledger.records import DEFAULT_TENANT, Job


def _ended(state: State, *, minute: int, seconds: float = 60) -> Job:
    finished = NOON + timedelta(minutes=minute)
    return an_ended_job(state=state, started_at=finished - timedelta(seconds=seconds), finished_at=finished)


def test_board_is_empty_until_it_is_loaded() -> None:
    """Before the ledger was asked the board says that it knows nothing."""
    board = Board()

    assert (board.snapshot().version, board.snapshot().loaded_at) == (0, None)


def test_version_changes_with_what_there_is_to_see() -> None:
    """Loading the same again changes nothing that somebody could see."""
    board, job = Board(), a_job()
    board.load((job,), ())
    first = board.snapshot()
    board.load((job,), ())
    same = board.snapshot()
    board.load((), (job,))

    assert same is first
    assert board.snapshot().version == first.version + 1


def test_empty_ledger_counts_as_loaded() -> None:
    """A ledger in which nothing is was asked all the same."""
    board = Board()

    board.load((), ())

    assert board.snapshot().loaded_at is not None


def test_noted_job_takes_its_place() -> None:
    """A job that was just seen stands where the queue has it, once."""
    board = Board()
    normal, urgent = a_job(), a_job(priority=Priority.URGENT)
    for job in (normal, urgent, normal):
        board.note(job)

    assert board.snapshot().open_jobs == (urgent, normal)


def test_noted_end_moves_a_job() -> None:
    """A job that has ended leaves the open ones and stands first among the ended, once."""
    board, job = Board(), a_running_job()
    before = an_ended_job()
    board.load((job,), (before,))
    ended = an_ended_job(id=job.id)

    for _ in range(2):
        board.note(ended)

    view = board.snapshot()
    assert (view.open_jobs, view.ended) == ((), (ended, before))


def test_board_keeps_a_hundred() -> None:
    """The oldest of more than a hundred ended jobs leaves the board."""
    board = Board()
    jobs = [an_ended_job() for _ in range(KEPT + 1)]
    for job in jobs:
        board.note(job)

    assert board.snapshot().ended == tuple(reversed(jobs[1:]))


def test_figures_of_the_last_jobs() -> None:
    """Shares are of all jobs, the mean is of successes, the pace is ends per hour between the first and the last."""
    jobs = [
        _ended(State.SUCCEEDED, minute=30, seconds=90),
        _ended(State.FAILED, minute=20, seconds=1000),
        _ended(State.SKIPPED, minute=10),
        _ended(State.SUCCEEDED, minute=0, seconds=30),
    ]

    view = summarise(jobs)

    assert view.jobs == tuple(jobs)
    assert (view.success_rate, view.error_rate, view.skip_rate) == (0.5, 0.25, 0.25)
    assert view.mean_seconds == 60
    assert view.jobs_per_hour == 6


@pytest.mark.parametrize("jobs", [[], [an_ended_job()], [an_ended_job(), an_ended_job()]])
def test_nothing_is_divided_by_nothing(jobs: Sequence[Job]) -> None:
    """With no jobs there are no shares, and with no span there is no pace."""
    view = summarise(jobs)

    assert view.jobs_per_hour is None
    assert view.success_rate == (1 if jobs else None)
    assert view.mean_seconds == (42 if jobs else None)


def test_job_that_never_started_has_no_seconds() -> None:
    """A skipped or cancelled job counts in the shares and in no mean."""
    view = summarise([a_job(state=State.CANCELLED, finished_at=NOON)])

    assert (view.success_rate, view.error_rate, view.skip_rate, view.mean_seconds) == (0, 0, 0, None)


class Reader:
    """A reader that says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def ended(self, *, tenant: UUID, limit: int) -> list[Job]:
        """Return nothing."""
        self.asked.append(limit)
        return []


@pytest.mark.parametrize(
    ("loaded", "limit", "asked"), [(True, 100, []), (True, 1, []), (True, 101, [101]), (False, 5, [5])]
)
def test_short_history_costs_no_postgres(loaded: bool, limit: int, asked: list[int]) -> None:
    """The last hundred come from memory once it is loaded; more, and before that, from the ledger."""
    board, reader = Board(), Reader()
    if loaded:
        board.load((), (an_ended_job(), an_ended_job()))

    view = History(reader=cast(JobReader, reader), board=board).last(tenant=DEFAULT_TENANT, limit=limit)

    assert reader.asked == asked
    assert len(view.jobs) == (min(limit, 2) if not asked else 0)
