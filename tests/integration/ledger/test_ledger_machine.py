"""Any order of moves: the ledger against a model of a few lines."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from ledger_world import LEASE, WORKER, Ledger

from shared.jobs.retry import MAX_FAILURES, MAX_RESCUES
from shared.jobs.states import State
from shared.ledger.publish import Refused
from shared.ledger.records import DEFAULT_TENANT, Job

_REPOSITORIES = st.sampled_from(["github.com/acme/one", "github.com/acme/two"])
_ATTEMPTS_BACK = st.sampled_from([0, 0, 0, 1])
#: Every move that the ledger may make. ``queued`` again is a retry, a snooze or a rescue.
_MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.SKIPPED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.SKIPPED: frozenset(),
}


@dataclass
class Model:
    """What must be true of one job."""

    job: Job
    state: State = State.QUEUED
    attempt: int = 0
    failures: int = 0
    rescues: int = 0
    cancel: bool = False
    late: bool = False

    def release(self, *, spent: bool) -> State:
        """Move as a worker's giving back does."""
        self.state = State.CANCELLED if self.cancel else State.FAILED if spent else State.QUEUED
        return self.state


class Machine(RuleBasedStateMachine):
    """Every move on a handful of jobs of two repositories."""

    ledger: Ledger
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.ledger.empty()
        self.models: dict[str, Model] = {}
        self.seen: dict[str, Job] = {}
        self.epochs = 0

    @rule(target=jobs, repository=_REPOSITORIES)
    def submit(self, repository: str) -> object:
        """New parameters make a new job."""
        if len(self.models) >= 6:
            return multiple()
        self.epochs += 1
        job = self.ledger.submit(repository, epochs=self.epochs)
        self.models[job.id] = Model(job)
        return job.id

    @rule(job_id=jobs)
    def start(self, job_id: str) -> None:
        """A start says what the model expects."""
        model = self.models[job_id]
        busy = any(
            other.state is State.RUNNING and other.job.repository == model.job.repository
            for other in self.models.values()
        )
        late = model.late and model.attempt == 0
        expected = (
            "taken"
            if model.state is not State.QUEUED
            else "skipped"
            if late
            else "repository_busy"
            if busy
            else "started"
        )

        done = self.ledger.start(model.job)

        assert done.outcome == expected
        if expected == "skipped":
            model.state = State.SKIPPED
        if expected == "started":
            assert done.job is not None
            model.state, model.attempt, model.job = State.RUNNING, model.attempt + 1, done.job

    @rule(job_id=jobs, back=_ATTEMPTS_BACK)
    def renew(self, job_id: str, back: int) -> None:
        """A renewal is held by the running attempt alone."""
        model = self.models[job_id]
        held = self._held(model, back)

        renewal = self.ledger.keeper.renew(job_id, attempt=model.attempt - back, worker=WORKER, lease=LEASE)

        assert (renewal.held, renewal.cancel_requested) == (held, held and model.cancel)

    @rule(job_id=jobs, back=_ATTEMPTS_BACK)
    def retry(self, job_id: str, back: int) -> None:
        """A failure is counted, and the last one ends the job."""
        model = self.models[job_id]
        expected = None
        if self._held(model, back):
            model.failures += 1
            expected = model.release(spent=model.failures >= MAX_FAILURES)

        state = self.ledger.keeper.retry(job_id, attempt=model.attempt - back, reason="network", detail="", delay=0)

        assert state == expected

    @rule(job_id=jobs, back=_ATTEMPTS_BACK)
    def rescue(self, job_id: str, back: int) -> None:
        """A loss is counted apart."""
        model = self.models[job_id]
        expected = None
        if self._held(model, back):
            model.rescues += 1
            expected = model.release(spent=model.rescues > MAX_RESCUES)

        assert self.ledger.keeper.rescue(job_id, attempt=model.attempt - back, reason="lost", detail="") == expected

    @rule(job_id=jobs, back=_ATTEMPTS_BACK)
    def snooze(self, job_id: str, back: int) -> None:
        """A snooze counts nothing."""
        model = self.models[job_id]
        expected = model.release(spent=False) if self._held(model, back) else None

        assert self.ledger.keeper.snooze(job_id, attempt=model.attempt - back, reason="power", detail="") == expected

    @rule(job_id=jobs, back=_ATTEMPTS_BACK, state=st.sampled_from([State.FAILED, State.CANCELLED]))
    def end(self, job_id: str, back: int, state: State) -> None:
        """A worker ends what it holds."""
        model = self.models[job_id]
        held = self._held(model, back)

        ended = self.ledger.keeper.end(job_id, attempt=model.attempt - back, state=state, reason="x", detail="")

        assert ended is held
        if held:
            model.state = state
            model.failures += state is State.FAILED

    @rule(job_id=jobs)
    def publish(self, job_id: str) -> None:
        """The running attempt publishes unless cancel was asked; one that succeeded may say so again."""
        model = self.models[job_id]
        if model.state is State.SUCCEEDED or (model.state is State.RUNNING and not model.cancel):
            self.ledger.publish(model.job)
            model.state = State.SUCCEEDED
            return
        with pytest.raises(Refused):
            self.ledger.publish(model.job)

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        """Cancel ends what is queued, marks what runs and leaves what has ended."""
        model = self.models[job_id]

        told = self.ledger.keeper.cancel(job_id, tenant=DEFAULT_TENANT)

        assert (told is None) is model.state.ended
        if model.state is State.QUEUED:
            model.state = State.CANCELLED
        elif model.state is State.RUNNING:
            model.cancel = True

    @rule(job_id=jobs)
    def pass_deadline(self, job_id: str) -> None:
        """Time goes by."""
        self.ledger.pass_deadline(self.models[job_id].job)
        self.models[job_id].late = True

    @rule()
    def end_hopeless(self) -> None:
        """Waiting jobs past their deadline are skipped; a lease that is not over keeps what is cancelled."""
        hopeless = [
            model for model in self.models.values() if model.state is State.QUEUED and model.late and model.attempt == 0
        ]

        assert self.ledger.keeper.end_hopeless() == len(hopeless)
        for model in hopeless:
            model.state = State.SKIPPED

    @rule(job_id=consumes(jobs))
    def lose(self, job_id: str) -> None:
        """A lease that is over ends what was cancelled, and nothing else."""
        model = self.models[job_id]
        self.ledger.pass_lease(model.job)
        self.end_hopeless_now()
        if model.state is State.RUNNING and model.cancel:
            model.state = State.CANCELLED

    def end_hopeless_now(self) -> None:
        """Let the ledger clean up without a claim about how much."""
        self.ledger.keeper.end_hopeless()
        for model in self.models.values():
            if model.state is State.QUEUED and model.late and model.attempt == 0:
                model.state = State.SKIPPED

    @invariant()
    def rows_agree(self) -> None:
        """Every row is what the model says, moved along _MOVES, and no attempt or generation ever fell."""
        found = {
            job.id: job
            for job in self.ledger.jobs.page(tenant=DEFAULT_TENANT, state=None, kind=None, before=None, limit=100)
        }
        assert set(found) == set(self.models)
        running = [job.repository for job in found.values() if job.state is State.RUNNING]
        assert len(running) == len(set(running))
        for job_id, job in found.items():
            model, before = self.models[job_id], self.seen.get(job_id, job)
            assert (job.state, job.attempt, job.failures, job.rescues) == (
                model.state,
                model.attempt,
                model.failures,
                model.rescues,
            )
            assert job.state is before.state or job.state in _MOVES[before.state]
            assert job.attempt >= before.attempt
            assert (job.generation or 0) >= (before.generation or 0)
            assert (job.finished_at is not None) is job.state.ended
            assert (job.worker_id is not None) is (job.state is State.RUNNING)
        self.seen = found

    def _held(self, model: Model, back: int) -> bool:
        return model.state is State.RUNNING and back == 0


def test_every_order_of_moves_keeps_the_promises(ledger: Ledger) -> None:
    """Whatever happens in whatever order, the ledger moves as the model does."""

    class Here(Machine):
        """The machine on this test's ledger."""

    Here.ledger = ledger
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
