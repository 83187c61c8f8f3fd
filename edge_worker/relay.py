"""The relay: a slot ends its job and starts the next one in one move, while one lies on a lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import LedgerRefused, LedgerUnavailable, MailboxUnavailable
from shared.faults import fault
from shared.ledger.keeper import StartOutcome
from shared.ledger.publish import PublishedRow
from shared.ledger.records import Job
from shared.ledger.turns import Turns
from shared.logs import get_logger
from shared.mailbox.lanes import Mailbox
from shared.nodes.capabilities import Capabilities

log = get_logger(__name__)

#: Answers after which the keeper is to be asked, who sees every tenant's jobs and says what is wrong.
_ASK_AGAIN: frozenset[StartOutcome | None] = frozenset({None, "gone", "worker_too_old"})


@dataclass(frozen=True, kw_only=True)
class Following:
    """A job that was started as another one ended, and what is visible of its repository."""

    job: Job
    visible: PublishedRow | None


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """Who claims by the ordinary way, and goes first whenever there is more to it than the next id off a lane."""

    #: Returns the lanes to take from at once, or none when something speaks against it.
    lanes: Callable[[], Sequence[str]]
    #: Takes an id over that is off its lane.
    leave: Callable[[str], None]
    #: Is told that the mailbox did not answer, or did not know the command.
    lost: Callable[[MailboxUnavailable], None]


class Relay:
    """Each method is called by the thread of a slot. Nothing here waits for work."""

    def __init__(
        self,
        *,
        worker: str,
        capabilities: Capabilities,
        lease: float,
        turns: Turns,
        mailbox: Mailbox | None,
        claimant: Claimant,
    ) -> None:
        """``mailbox`` answers fast, also while somebody else waits on lanes."""
        self._worker = worker
        self._capabilities = capabilities
        self._lease = lease
        self._turns = turns
        self._mailbox = mailbox
        self._claimant = claimant

    def end(self, job: Job, result: dict[str, Any], *, forget: str | None) -> tuple[bool, Following | None]:
        """End a job that has nothing to publish, and start what lies on a lane now: both in one commit.

        ``forget`` is an id of which the mailbox may delete its record on the way.

        Returns whether it is known to have ended as succeeded, and what was started. An end that is not known is to
        be recorded the ordinary way, which does no harm to one that was recorded.
        """
        job_id = self._next_id(forget)
        if job_id is None:
            return False, None
        fault("worker.popped")
        ended, following = self._turn(job, result, job_id)
        if following is None:
            # Whoever puts it back must not think that it lies there still.
            self.forget(job_id)
        return ended, following

    def recorded(self, job: Job, *, followed: bool) -> str | None:
        """Return the id of a job that begins while the mailbox still has its record; ``None`` without one."""
        return job.id if followed or (self._mailbox is not None and not self._mailbox.blocks) else None

    def _turn(self, job: Job, result: dict[str, Any], job_id: str) -> tuple[bool, Following | None]:
        try:
            turned = self._turns.turn(
                job,
                result=result,
                following=job_id,
                worker=self._worker,
                capabilities=self._capabilities,
                lease=self._lease,
            )
        except LedgerUnavailable:
            # Off its lane and not known to be ours: reconcile finds it on no lane, or in the hand of nobody.
            log.warning("claim_not_recorded", job_id=job_id)
            return False, None
        except LedgerRefused:
            self._claimant.leave(job_id)
            return False, None
        started = turned.started
        if started is not None and started.outcome == "started" and started.job is not None:
            log.info("job_claimed", job_id=job_id, why=started.outcome)
            return True, Following(job=started.job, visible=turned.visible)
        self._put_aside(job_id, started.outcome if started is not None else None)
        return turned.ended, None

    def forget(self, job_id: str) -> None:
        """Delete the mailbox's record of a job that ``end`` started."""
        if self._mailbox is None:
            return
        try:
            self._mailbox.forget(job_id)
        except MailboxUnavailable as error:
            # It ends with its ttl.
            self._claimant.lost(error)

    def _next_id(self, forget: str | None) -> str | None:
        lanes = self._claimant.lanes()
        # Over REST an answer takes a round trip of its own, for which no end should wait.
        if not lanes or self._mailbox is None or not self._mailbox.blocks:
            if forget is not None:
                self.forget(forget)
            return None
        try:
            return self._mailbox.glance(lanes, forget=forget)
        except MailboxUnavailable as error:
            self._claimant.lost(error)
            return None

    def _put_aside(self, job_id: str, outcome: StartOutcome | None) -> None:
        if outcome in _ASK_AGAIN:
            self._claimant.leave(job_id)
        else:
            log.info("claim_refused", job_id=job_id, why=outcome)
