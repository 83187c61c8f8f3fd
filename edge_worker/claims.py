"""Finding work: off the lanes, or out of the ledger when the control plane says that something may not be on one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from shared.errors import LedgerUnavailable, MailboxUnavailable
from shared.jobs.states import State
from shared.ledger.keeper import Keeper
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.mailbox.lanes import Mailbox
from shared.nodes.capabilities import Capabilities
from shared.nodes.placement import lanes_for
from shared.timing import Timing

log = get_logger(__name__)

#: Seconds that a worker is given to notice a wake before its connection is broken.
_NOTICE = 2.0


class Claims:
    """One thread asks for the next job; others tell it where to look or that it is over."""

    def __init__(
        self,
        *,
        worker: str,
        capabilities: Capabilities,
        keeper: Keeper,
        mailbox: Mailbox | None,
        bell: Mailbox | None,
        timing: Timing,
    ) -> None:
        """``mailbox`` is waited on; ``bell`` is a second way to the same Redis that answers fast, to end the wait."""
        self._worker = worker
        self._capabilities = capabilities
        self._keeper = keeper
        self._mailbox = mailbox
        self._bell = bell
        self._timing = timing
        # Until the plane is heard: its own rule, which is a pure function, so that work goes on while the plane sleeps.
        self._lanes: tuple[str, ...] = lanes_for(capabilities)
        self._changed = threading.Event()
        self._look = False
        self._over = False
        self.reaches_mailbox = False

    def next(self) -> Job | None:
        """Return a job that was started for this worker, or ``None`` after a while without one."""
        self._changed.clear()
        if self._over:
            return None
        try:
            if self._look:
                return self._from_ledger()
            job_id = self._from_lane()
            return self._start(job_id) if job_id is not None else None
        except LedgerUnavailable as error:
            log.warning("ledger_lost", cause=error.details.get("cause"))
            self._changed.wait(self._timing.reconnect)
            return None

    def greet(self) -> None:
        """Find out whether the mailbox is there. Raises ``MailboxUnavailable``."""
        if self._mailbox is not None:
            self._mailbox.ping()
            self.reaches_mailbox = True

    def lanes(self, lanes: Sequence[str]) -> None:
        """Take from these lanes from now on; an empty list changes nothing."""
        if lanes and tuple(lanes) != self._lanes:
            self._lanes = tuple(lanes)
            self._interrupt()

    def look(self) -> None:
        """Look in the ledger next, whatever the lanes say."""
        self._look = True
        self._interrupt()

    def close(self) -> None:
        """Claim nothing more."""
        self._over = True
        self._interrupt()

    def _from_lane(self) -> str | None:
        if self._mailbox is None:
            self._changed.wait(self._timing.mailbox_wait)
            return None
        try:
            if not self.reaches_mailbox:
                self.greet()
                if self._changed.is_set():
                    # Somebody wanted to wake us before there was anything to wake us from.
                    return None
            job_id = self._mailbox.take(self._lanes, worker=self._worker, wait=self._timing.mailbox_wait)
        except MailboxUnavailable as error:
            if self.reaches_mailbox:
                log.warning("mailbox_lost", cause=error.details.get("cause"))
            self.reaches_mailbox = False
            self._changed.wait(self._timing.reconnect)
            return None
        return job_id

    def _from_ledger(self) -> Job | None:
        self._look = False
        try:
            for one in self._keeper.open_jobs():
                if one.job.state is State.QUEUED and one.due and one.job.lane in self._lanes:
                    job = self._start(one.job.id)
                    if job is not None:
                        return job
        except LedgerUnavailable:
            # The order stands: the plane gave it once.
            self._look = True
            raise
        return None

    def _start(self, job_id: str) -> Job | None:
        try:
            started = self._keeper.start(
                job_id, worker=self._worker, capabilities=self._capabilities, lease=self._timing.lease
            )
        except LedgerUnavailable:
            # The id is off its lane and the job is not ours: reconcile finds it on no lane and puts it back.
            log.warning("claim_not_recorded", job_id=job_id)
            raise
        log.info("job_claimed" if started.outcome == "started" else "claim_refused", job_id=job_id, why=started.outcome)
        return started.job if started.outcome == "started" else None

    def _interrupt(self) -> None:
        self._changed.set()
        if self._bell is None or self._mailbox is None or not self.reaches_mailbox:
            return
        threading.Thread(target=self._ring, daemon=True).start()

    def _ring(self) -> None:
        """End the wait: by a word on our own lane, or, where that does not arrive, by breaking the connection."""
        assert self._bell is not None
        assert self._mailbox is not None
        try:
            self._bell.wake(self._worker)
        except MailboxUnavailable:
            self._mailbox.hang_up()
            return
        for _ in range(10):
            if not self._changed.is_set():
                return
            threading.Event().wait(_NOTICE / 10)
        self._mailbox.hang_up()
