"""Tidying: having vectors deleted that nobody sees, between two attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_worker.attempt.messages import Tidied, TidyUp, Up
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from edge_worker.stops import Stops
from shared.errors import PharosError
from shared.ledger.publish import Publisher
from shared.ledger.records import Job
from shared.logs import get_logger

log = get_logger(__name__)

_POLL = 0.2
#: Seconds that deleting superseded vectors may take before it is left for another time.
_TIDY = 300.0


@dataclass(frozen=True, kw_only=True)
class Tidying:
    """What it takes: the compute process, which has the store, and the ledger, which knows what is visible."""

    process: ComputeProcess
    publisher: Publisher
    stops: Stops
    clock: Callable[[], float]

    def after(self, job: Job, *, published: bool) -> None:
        """Have deleted what an attempt left behind: superseded vectors when it ``published``, else its own."""
        problem: str | None
        try:
            self.process.warm()
            self.process.say(self._rubbish(job, published=published))
            answer = self._answer(_TIDY)
            problem = answer.problem if isinstance(answer, Tidied) else "no answer in time"
        except (ComputeDied, PharosError) as error:
            problem = str(error)
        if problem is not None:
            log.warning("tidying_put_off", job_id=job.id, problem=problem)
            self.process.kill()

    def _answer(self, patience: float) -> Up | None:
        """Return the next message; ``None`` after ``patience`` seconds, or when this worker is to stop."""
        end = self.clock() + patience
        while self.clock() < end and not self.stops.stopping:
            message = self.process.hear(_POLL)
            if message is not None:
                return message
        return None

    def _rubbish(self, job: Job, *, published: bool) -> TidyUp:
        """Say what may go: all up to this attempt's own generation, but never what is visible.

        Of a repository that was removed since its publish, the removal takes what was visible, and counts it.
        """
        generation = job.generation or 0
        visible = self.publisher.published(job)
        keep = keep_text = generation if published else None
        if visible is not None and not visible.removed:
            keep = visible.generation
            keep_text = visible.text.generation if visible.text is not None else None
        return TidyUp(
            tenant_id=str(job.tenant_id),
            repository_id=job.repository_id,
            below=generation if published else generation + 1,
            keep=keep,
            keep_text=keep_text,
        )
