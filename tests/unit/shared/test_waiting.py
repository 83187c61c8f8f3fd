"""Why is it waiting: a table of every reason, and what holds whatever the facts are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.facts import ActionCode, Code, JobFacts, QueueFacts, Waiting, WorkerFacts
from shared.nodes.waiting import Lineup
from tests.unit.shared.waiting_cases import CASES, Case
from tests.unit.shared.waiting_facts import a_running_job, an_open_job, the_queue


def _why(case: Case) -> Waiting | None:
    return Lineup([*case.before, case.job], case.workers, case.queue).why(case.job)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_reason_is_said(case: Case) -> None:
    """Each state of the world has one code, a sentence that is true of it, who could, when, and what would help."""
    found = _why(case)

    assert found is not None
    assert case.text in found.text
    assert (found.code, found.capable, found.position) == (case.code, case.capable, case.position)
    assert found.eta_seconds == case.eta
    assert (None if found.action is None else (found.action.code, found.action.command)) == case.action


def test_the_table_has_every_code() -> None:
    """No code is dead, and no action is."""
    assert {case.code for case in CASES.values()} == set(get_args(Code))
    assert {case.action[0] for case in CASES.values() if case.action} == set(get_args(ActionCode))


def test_what_runs_as_it_should_has_no_reason() -> None:
    """A running job that its worker has in its hand waits for nothing."""
    assert _why(replace(CASES["cancelling"], job=a_running_job("api"))) is None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_words_are_the_house_s(case: Case) -> None:
    """Whole sentences, begun with a name or a capital, without an exclamation mark, and no instruction with a stop."""
    found = _why(case)

    assert found is not None
    assert found.text.endswith(".")
    assert ".." not in found.text
    assert "!" not in found.text
    assert "  " not in found.text
    if found.action is not None:
        assert not found.action.text.endswith((".", ":"))


_NODES = ("rig", "den", "attic")
_seconds = st.sampled_from([0.0, 5.0, 300.0, 90_000.0])
_needs = st.builds(
    Needs,
    gpu=st.booleans(),
    gpu_memory=st.sampled_from([0, 6, 24]),
    memory=st.sampled_from([0, 16]),
    model=st.sampled_from([None, "bge"]),
    node=st.sampled_from([None, None, *_NODES]),
)
_capabilities = st.builds(
    Capabilities,
    node=st.sampled_from(_NODES),
    kinds=st.sampled_from([tuple(Kind), (Kind.INGEST,), ()]),
    gpu=st.booleans(),
    gpu_memory=st.sampled_from([0.0, 8.0]),
    memory=st.sampled_from([8.0, 32.0]),
    models=st.sampled_from([(), ("bge",)]),
)


@st.composite
def _workers(draw: st.DrawFn) -> list[WorkerFacts]:
    return [
        WorkerFacts(
            worker=f"w{number}",
            capabilities=draw(_capabilities),
            state=draw(st.sampled_from(["ready", "working", "paused", "draining", "left", "offline", "too_old"])),
            version="1",
            since=draw(_seconds),
            free_for=draw(_seconds),
            slots=draw(st.integers(1, 3)),
            held=draw(st.frozensets(st.sampled_from([f"j{one}" for one in range(8)] + ["elsewhere"]), max_size=4)),
            mailbox=draw(st.booleans()),
            goodbye=draw(st.sampled_from([None, "sleeping", "stopping", "too_old"])),
            newer=draw(st.booleans()),
            note=draw(st.sampled_from([None, "Gaming"])),
            seconds_left=draw(st.none() | _seconds),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


@st.composite
def _jobs(draw: st.DrawFn) -> list[JobFacts]:
    return [
        an_open_job(
            f"j{number}",
            kind=draw(st.sampled_from(Kind)),
            repository_id=draw(st.sampled_from(["a", "b", "c", "d"])),
            state=draw(st.sampled_from([State.QUEUED, State.QUEUED, State.RUNNING])),
            needs=draw(_needs),
            due_in=draw(st.sampled_from([0.0, 0.0, 40.0])),
            waited=draw(_seconds),
            deadline_in=draw(st.sampled_from([None, -1.0, 7200.0])),
            started=draw(st.booleans()),
            failures=draw(st.integers(0, 2)),
            detail=draw(st.sampled_from([None, "It broke"])),
            typical=draw(st.none() | _seconds),
            cancelling=draw(st.sampled_from([False, False, True])),
            worker=draw(st.sampled_from([None, "w0", "w1", "w9"])),
            node=draw(st.sampled_from(_NODES)),
            running_for=draw(_seconds),
            held=draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


_queues: st.SearchStrategy[QueueFacts] = st.builds(
    the_queue, mailbox=st.sampled_from(["works", "down", "none"]), listening=st.sampled_from([0.0, 30.0])
)


@given(jobs=_jobs(), workers=_workers(), queue=_queues)
def test_every_job_has_exactly_one_reason(jobs: list[JobFacts], workers: list[WorkerFacts], queue: QueueFacts) -> None:
    """Whatever the facts: nothing raises, what waits has one reason, and names nobody who could not run it."""
    lineup = Lineup(jobs, workers, queue)

    for job in jobs:
        found = lineup.why(job)
        if job.state is State.RUNNING and job.held and not job.cancelling:
            assert found is None
            continue
        assert found is not None
        assert found.code in get_args(Code)
        able = {
            worker.node
            for worker in workers
            if job.kind in worker.capabilities.kinds and job.needs.met_by(worker.capabilities)
        }
        assert set(found.capable) == able
        assert len(found.capable) == len(able)
        assert found.text.endswith(".")
        assert found.eta_seconds is None or 0 <= found.eta_seconds < math.inf
        assert (found.code in {"cancelling", "rescue_pending"}) or job.state is State.QUEUED


@given(jobs=_jobs(), workers=_workers(), queue=_queues)
def test_places_follow_the_order(jobs: list[JobFacts], workers: list[WorkerFacts], queue: QueueFacts) -> None:
    """Of each kind those that wait for their first start are numbered from one in their order; the others have none."""
    lineup = Lineup(jobs, workers, queue)
    positions = {job.id: found.position for job in jobs if (found := lineup.why(job)) is not None}

    for kind in Kind:
        line = [positions[job.id] for job in jobs if job.kind is kind and job.in_line]
        assert line == list(range(1, len(line) + 1))
    assert all(positions.get(job.id, 0) == 0 for job in jobs if not job.in_line)


@given(jobs=_jobs(), workers=_workers(), queue=_queues)
def test_who_starts_now_has_a_free_slot(jobs: list[JobFacts], workers: list[WorkerFacts], queue: QueueFacts) -> None:
    """Jobs that are said to start now are no more than there are free slots, and none of a repository that runs."""
    lineup = Lineup(jobs, workers, queue)
    running = {job.repository_id for job in jobs if job.state is State.RUNNING}
    in_hand: set[Any] = set().union(*(worker.held for worker in workers))
    now = [
        job
        for job in jobs
        if job.id not in in_hand and (found := lineup.why(job)) is not None and found.code in {"starting", "no_mailbox"}
    ]

    slots = sum(worker.slots for worker in workers if worker.here)
    assert len(now) <= slots
    assert not running & {job.repository_id for job in now}
