"""Why is it waiting? One code, its sentences and the one thing that would help: a pure function of plain facts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from shared.jobs.kinds import Kind
from shared.jobs.retry import MAX_FAILURES
from shared.jobs.states import State
from shared.nodes.capabilities import Needs
from shared.nodes.facts import Action, Code, JobFacts, QueueFacts, Waiting, WorkerFacts
from shared.nodes.forecast import Start, forecast
from shared.nodes.helps import examine_plane, examine_worker, heal, start_worker
from shared.nodes.lacking import nobody_can
from shared.nodes.places import ahead, places
from shared.nodes.sentences import (
    about,
    free_to,
    is_are,
    lacks,
    listed,
    names,
    one_of,
    patience,
    place,
    remedy,
    sentence,
    several,
    span,
    takes,
    trouble,
    until_free,
    wants,
)

_Shape = tuple[Kind, Needs]
_UNKNOWN = Start(seconds=math.inf)
#: Of workers that take no jobs, whose trouble is the shortest way to a start.
_BEST = {"paused": 0, "draining": 1, "too_old": 2, "left": 3, "offline": 3}


class Lineup:
    """Everything that is open beside everybody who is known, looked at once, so that any job can be asked about.

    ``jobs`` are all that have not ended, most urgent and oldest first.
    """

    def __init__(self, jobs: Sequence[JobFacts], workers: Sequence[WorkerFacts], queue: QueueFacts) -> None:
        workers = [_with_running(worker, jobs) for worker in workers]
        self._jobs = jobs
        self._workers = workers
        self._queue = queue
        self._able: dict[_Shape, tuple[WorkerFacts, ...]] = {}
        self._holders = {job_id: worker for worker in workers for job_id in worker.held}
        self._starts = forecast(jobs, workers, self._able_for)
        self._places = places(jobs)
        self._ahead = ahead(jobs, self._takers, self._holders)

    def why(self, job: JobFacts) -> Waiting | None:
        """Return why one of the jobs waits, or what holds up one that runs; ``None`` when it runs as it should."""
        if job.cancelling:
            return self._cancelling(job)
        if job.state is State.RUNNING:
            return None if job.held else self._lost(job)
        if job.id in self._holders:
            # The ledger knows better, and the board will in a moment.
            return self._say(job, "starting", f"{self._holders[job.id].node} has taken it and is starting.", eta=0.0)
        if job.due_in > 0:
            return self._again(job)
        able = self._able_for(job)
        here = [worker for worker in able if worker.here]
        if here:
            return self._in_turn(job, here)
        return self._away(job, able) if able else self._nobody(job)

    def _in_turn(self, job: JobFacts, here: Sequence[WorkerFacts]) -> Waiting:
        start = self._starts.get(job.id, _UNKNOWN)
        if start.repository:
            return self._repository(job, start)
        free = [worker for worker in here if len(worker.held) < worker.slots]
        if start.seconds > 0 or not free:
            return self._busy(job, here, start)
        if self._queue.mailbox != "works" or not any(worker.mailbox for worker in free):
            return self._without_mailbox(job, free)
        worker = max(free, key=lambda one: one.free_for)
        overdue = min(worker.free_for, job.waited)
        if overdue <= self._queue.patience:
            return self._say(job, "starting", free_to(free, "takes it now."), eta=0.0)
        text = (
            f"{worker.node} has been free for {span(overdue)} and has not taken it. It was told to look in the ledger."
        )
        return self._say(job, "starting", text, eta=0.0, action=examine_worker(worker.node))

    def _cancelling(self, job: JobFacts) -> Waiting:
        if job.lost:
            text = (
                f"Somebody asked to cancel it while {job.node} is away. It ends when its lease is over; nothing of "
                "this run becomes visible."
            )
        elif job.state is State.RUNNING:
            text = (
                f"Somebody asked to cancel it. {job.node} stops at its next step; nothing of this run becomes visible."
            )
        else:
            text = "Somebody asked to cancel it. It ends in a moment; nothing was changed."
        return self._say(job, "cancelling", text)

    def _lost(self, job: JobFacts) -> Waiting:
        gone = next((one for one in self._workers if one.worker == job.worker), None)
        others = [one for one in self._able_for(job) if one.worker != job.worker]
        here = [one for one in self._able_for(job) if one.here]
        if here and self._starts.get(job.id, _UNKNOWN).seconds == 0:
            then, action = f"Now {one_of(here)} takes it over.", None
        elif gone is None or gone.state not in {"left", "offline"}:
            then, action = f"The job moves on when {until_free(here)}.", None
        else:
            action = heal(gone, update=self._queue.update)
            then = f"The job resumes by itself when {job.node} is back, or moves on when {until_free(here)}."
            if not others:
                then = f"No other worker can take it. The job resumes by itself when {job.node} is back."
        text = f"{_gone(job, gone)} {then} Nothing half-done is visible."
        return self._say(job, "rescue_pending", text, eta=self._eta(job), action=action)

    def _again(self, job: JobFacts) -> Waiting:
        here = any(worker.here for worker in self._able_for(job))
        when = f"in {about(job.due_in)}" if here else f"in {about(job.due_in)} at the earliest"
        before = f"{sentence(job.detail)} " if job.detail else ""
        text = f"{before}It goes on {when}; nothing is counted against it."
        if job.failures:
            text = f"{before}Try {job.failures + 1} of {MAX_FAILURES} begins {when}."
        eta = self._eta(job)
        return self._say(job, "retry_at", text, eta=job.due_in if eta is None and here else eta)

    def _nobody(self, job: JobFacts) -> Waiting:
        if self._queue.listening > 0:
            return self._listening(job)
        if not self._workers:
            text = f"No worker is connected. The job starts by itself as soon as one is{patience(job)}"
            return self._say(job, "no_worker", text, action=start_worker())
        lack = nobody_can(job, self._workers)
        text = f"{lack.text} The job starts by itself as soon as a worker that can is there{patience(job)}"
        return self._say(job, "no_such_capability", text, action=lack.action)

    def _away(self, job: JobFacts, able: Sequence[WorkerFacts]) -> Waiting:
        able = sorted(able, key=lambda one: (_BEST[one.state], one.goodbye is None, one.since))
        best = able[0]
        if self._queue.listening > 0 and best.state in {"left", "offline"}:
            return self._listening(job)
        code: Code = "capable_paused" if best.state in {"paused", "draining"} else "capable_offline"
        if best.state == "too_old":
            code = "worker_too_old"
        eta = self._eta(job)
        if eta is not None:
            then = f"The job starts by itself in {about(eta)}."
        elif len(able) == 1:
            then = f"The job starts by itself when {best.node} {remedy(best)}{patience(job)}"
        else:
            then = f"The job starts by itself as soon as one of them takes jobs again{patience(job)}"
        text = f"{self._who(job, able)} {then}"
        return self._say(job, code, text, eta=eta, action=heal(best, update=self._queue.update))

    def _who(self, job: JobFacts, able: Sequence[WorkerFacts]) -> str:
        """Return who could take it and what is the matter with each, and who of those that are there could not."""
        troubles = listed(tuple(dict.fromkeys(f"{one.node} {trouble(one)}" for one in able)))
        things = wants(job.needs)
        if job.needs.node is not None:
            return f"It is for {job.needs.node} alone. {troubles}."
        unable = [one for one in self._workers if one.here and lacks(job.needs, one)]
        if not unable:
            return f"{troubles}."
        others = listed(
            tuple(dict.fromkeys(f"{one.node} {next(iter(lacks(job.needs, one).values()))}" for one in unable))
        )
        if len(able) == 1:
            return f"It needs {listed(things)}. {able[0].node} has that, but {trouble(able[0])}; {others}."
        return f"It needs {listed(things)}. Of those that have that, {troubles}; {others}."

    def _listening(self, job: JobFacts) -> Waiting:
        text = (
            "The control plane began a moment ago and has not heard from its workers yet. Each speaks up within "
            f"{span(self._queue.listening)}; nothing is lost."
        )
        return self._say(job, "listening", text)

    def _repository(self, job: JobFacts, start: Start) -> Waiting:
        running = (one for one in self._jobs if one.repository_id == job.repository_id and one.state is State.RUNNING)
        other = next(running, None)
        if other is None:
            what = f"An earlier job of {job.repository} goes first"
        elif other.lost:
            what = f"{other.node} went away with another job of {job.repository}"
        else:
            what = f"{other.node} is busy with another job of {job.repository}"
        when = f", in {about(start.seconds)}" if math.isfinite(start.seconds) else ""
        text = f"{what}, and one runs at a time. This one starts when that one has ended{when}."
        return self._say(job, "repository_running", text, eta=self._eta(job))

    def _busy(self, job: JobFacts, here: Sequence[WorkerFacts], start: Start) -> Waiting:
        ahead = self._ahead.get(job.id, 0)
        if any(len(worker.held) < worker.slots for worker in here):
            what = f"{names(here)} {takes(here)} other jobs first"
        else:
            what = f"{names(here)} {is_are(here)} busy{self._with(here)}"
        when = f"in {about(start.seconds)}" if math.isfinite(start.seconds) else f"when {one_of(here)} is free"
        text = f"{what}. The job is {place(ahead)} and starts {when}."
        paused = [one for one in self._able_for(job) if one.state in {"paused", "draining"}]
        if not paused:
            return self._say(job, "capable_busy", text, eta=self._eta(job))
        text += f" {paused[0].node} could take it, too, but {trouble(paused[0])}."
        return self._say(
            job, "capable_busy", text, eta=self._eta(job), action=heal(paused[0], update=self._queue.update)
        )

    def _with(self, here: Sequence[WorkerFacts]) -> str:
        held = [one for one in self._jobs if any(one.id in worker.held for worker in here)]
        return f" with {held[0].repository}" if len(here) == 1 and len(held) == 1 else ""

    def _without_mailbox(self, job: JobFacts, free: Sequence[WorkerFacts]) -> Waiting:
        taken = "takes it out of the ledger, a little later than usual."
        if self._queue.mailbox == "none":
            text = f"There is no Redis here. {free_to(free, taken)}"
            return self._say(job, "no_mailbox", text, eta=0.0)
        if self._queue.mailbox == "down":
            text = f"Redis does not answer. {free_to(free, taken)}"
            return self._say(job, "no_mailbox", text, eta=0.0, action=examine_plane())
        reach, who = ("do", "One of them") if several(free) else ("does", "It")
        text = f"{names(free)} {is_are(free)} free but {reach} not reach Redis. {who} {taken}"
        return self._say(job, "no_mailbox", text, eta=0.0, action=examine_worker(free[0].node))

    def _say(
        self, job: JobFacts, code: Code, text: str, *, eta: float | None = None, action: Action | None = None
    ) -> Waiting:
        return Waiting(
            code=code,
            text=text,
            capable=tuple(dict.fromkeys(worker.node for worker in self._able_for(job))),
            position=self._places.get(job.id, 0),
            eta_seconds=eta,
            action=action,
        )

    def _eta(self, job: JobFacts) -> float | None:
        seconds = self._starts.get(job.id, _UNKNOWN).seconds
        return seconds if math.isfinite(seconds) else None

    def _takers(self, job: JobFacts) -> frozenset[str]:
        return frozenset(worker.worker for worker in self._able_for(job) if worker.here)

    def _able_for(self, job: JobFacts) -> tuple[WorkerFacts, ...]:
        shape = job.kind, job.needs
        if shape not in self._able:
            self._able[shape] = tuple(
                one
                for one in self._workers
                if job.kind in one.capabilities.kinds and job.needs.met_by(one.capabilities)
            )
        return self._able[shape]


def _with_running(worker: WorkerFacts, jobs: Sequence[JobFacts]) -> WorkerFacts:
    """Return a worker with what the ledger says that it has, beside what it has told itself."""
    more = {job.id for job in jobs if job.state is State.RUNNING and job.held and job.worker == worker.worker}
    return worker if more <= worker.held else replace(worker, held=worker.held | more)


def _gone(job: JobFacts, gone: WorkerFacts | None) -> str:
    if gone is None:
        return f"The worker on {job.node} that had this job is gone."
    if gone.state in {"left", "offline"}:
        return f"{gone.node} {trouble(gone)} while it had this job."
    return f"{gone.node} does not have this job any more and told no end of it."
