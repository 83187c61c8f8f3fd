"""The relay: a slot ends what it has done and starts what it does next in one move, while something lies on a lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import LedgerRefused, LedgerUnavailable, MailboxUnavailable
from shared.faults import fault
from shared.ledger.keeper import StartOutcome
from shared.ledger.turns import Finished, Turned, Turns
from shared.logs import get_logger
from shared.mailbox.lanes import NOTHING_TAKEN, Mailbox, Taken
from shared.nodes.capabilities import Capabilities

log = get_logger(__name__)

#: Answers after which the keeper is to be asked, who sees every tenant's jobs and says what is wrong.
_ASK_AGAIN: frozenset[StartOutcome | None] = frozenset({None, "gone", "worker_too_old"})
#: What came of a turn that was not made.
_NOTHING = Turned(ended=frozenset(), outcome=None, started=())


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

    def end(self, done: Sequence[Finished], *, most: int, forget: Sequence[str] = ()) -> Turned | None:
        """End jobs that have nothing to publish, and start up to ``most`` that lie on a lane now: all in one commit.

        ``forget`` are ids of which the mailbox may delete its records on the way.

        What is not among the ended is to be recorded the ordinary way, which does no harm to an end that was recorded;
        ``None`` when the ledger did not answer, and nobody knows.
        """
        taken = self._take(most, forget) if most else NOTHING_TAKEN
        if most and not taken.ids and len(done) == 1:
            return _NOTHING
        if taken.ids:
            fault("worker.popped")
        return self._turn(done, taken)

    @property
    def records_stay(self) -> bool:
        """Whether the mailbox keeps its record of a job that is taken by the ordinary way."""
        return self._mailbox is not None and not self._mailbox.blocks

    def forget(self, job_ids: Sequence[str]) -> None:
        """Delete the mailbox's records of jobs that are off their lanes."""
        if self._mailbox is None or not job_ids:
            return
        try:
            self._mailbox.forget(*job_ids)
        except MailboxUnavailable as error:
            # They end with their ttl.
            self._claimant.lost(error)

    def _turn(self, done: Sequence[Finished], taken: Taken) -> Turned | None:
        try:
            turned = self._turns.turn(
                done, following=taken.ids, worker=self._worker, capabilities=self._capabilities, lease=self._lease
            )
        except LedgerUnavailable:
            # Off their lane and not known to be ours: reconcile finds them on no lane, or in the hand of nobody, and
            # must not think that they lie there still.
            log.warning("claims_not_recorded", job_ids=list(taken.ids))
            self.forget(taken.ids)
            return None
        except LedgerRefused:
            self._put_back(taken.lane, taken.ids)
            return _NOTHING
        self._put_aside(turned, taken)
        return turned

    def _put_aside(self, turned: Turned, taken: Taken) -> None:
        """Put back what was not started, but for a first one: it is for the keeper, or somebody else's, or has to wait.

        So the one that comes first is judged by itself in each turn, and none comes round for ever.
        """
        started = {one.job.id for one in turned.started}
        for job_id in started:
            log.info("job_claimed", job_id=job_id, why="started")
        if taken.ids and not started:
            first = taken.ids[0]
            self.forget([first])
            if turned.outcome in _ASK_AGAIN:
                self._claimant.leave(first)
            else:
                log.info("claim_refused", job_id=first, why=turned.outcome)
        self._put_back(taken.lane, [job_id for job_id in taken.ids[1:] if job_id not in started])

    def _put_back(self, lane: str, ids: Sequence[str]) -> None:
        if self._mailbox is None or not ids:
            return
        try:
            self._mailbox.put_back(lane, ids)
        except MailboxUnavailable as error:
            self._claimant.lost(error)
            for job_id in ids:
                self._claimant.leave(job_id)

    def _take(self, most: int, forget: Sequence[str]) -> Taken:
        lanes = self._claimant.lanes()
        # Over REST an answer takes a round trip of its own, for which no end should wait.
        if not lanes or self._mailbox is None or not self._mailbox.blocks:
            self.forget(forget)
            return NOTHING_TAKEN
        try:
            return self._mailbox.glance(lanes, most=most, forget=forget)
        except MailboxUnavailable as error:
            self._claimant.lost(error)
            return NOTHING_TAKEN
