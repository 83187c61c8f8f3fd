"""Finding work: off the lanes, or out of the ledger when the control plane says that something may not be on one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from edge_worker.bell import ring
from edge_worker.duty import OwnDuty
from shared.errors import LedgerUnavailable, MailboxUnavailable
from shared.faults import fault
from shared.jobs.states import State
from shared.ledger.keeper import Keeper
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.mailbox.lanes import Mailbox
from shared.mailbox.patience import Patience
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Transport
from shared.nodes.placement import lanes_for
from shared.timing import Timing

log = get_logger(__name__)

#: Seconds between two looks at whether renewals are made.
_TURN = 0.1
_TOO_OLD = "The ledger has another schema than this worker. Update Pharos on this machine and restart the worker."


class Claims:
    """One thread asks for the next job; others tell it where to look, that it may not, or that it is over."""

    def __init__(
        self,
        *,
        worker: str,
        capabilities: Capabilities,
        keeper: Keeper,
        mailbox: Mailbox | None,
        bell: Mailbox | None,
        duty: OwnDuty,
        timing: Timing,
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """``mailbox`` is waited on; ``bell`` is a second way to the same Redis that answers fast, to end the wait.

        ``news`` is called when the worker takes jobs again after it took none.
        """
        self._worker = worker
        self._capabilities = capabilities
        self._keeper = keeper
        self._mailbox = mailbox
        self._bell = bell
        self._duty = duty
        self._timing = timing
        self._news = news
        # Until the plane is heard: its own rule, which is a pure function, so that work goes on while the plane sleeps.
        self._lanes: tuple[str, ...] = lanes_for(capabilities)
        self._patience = Patience(timing.reconnect)
        self._changed = threading.Event()
        self._over = threading.Event()
        self._blocked = False
        #: Something may lie on a lane, for a mailbox that does not ring by itself.
        self._again = True
        self._look = False
        self._listed: deque[str] = deque()
        #: Off their lanes by a slot that could not start them.
        self._left: deque[str] = deque()
        self._glances = True
        self._refused: str | None = None
        self._too_old = False
        self._rests = False
        self.reaches_mailbox = False

    def next(self, *, overdue: Callable[[], bool] = lambda: False) -> Job | None:
        """Return a job that was started for this worker, or ``None`` after a while without one.

        ``overdue`` says whether an attempt in hand waits for its renewal; that comes first.
        """
        self._changed.clear()
        if not self._may_claim(overdue):
            return None
        try:
            if self._left:
                return self._start(self._left.popleft(), overdue)
            if self._look or self._listed:
                return self._from_ledger(overdue)
            job_id = self._from_lane()
            return self._start_taken(job_id, overdue) if job_id is not None else None
        except LedgerUnavailable as error:
            log.warning("ledger_lost", cause=error.details.get("cause"))
            self._changed.wait(self._timing.reconnect)
            return None

    @property
    def transport(self) -> Transport | None:
        """How this worker reaches the mailbox at present."""
        return self._mailbox.transport if self._mailbox is not None and self.reaches_mailbox else None

    def open_lanes(self, *, overdue: bool) -> tuple[str, ...]:
        """Return the lanes from which a slot may start the next job at once; none when ``next`` has more to see to."""
        elsewhere = self._look or self._listed or self._left or overdue
        refused = self._too_old or self._refused is not None or self._over.is_set()
        if elsewhere or refused or not (self._glances and self.reaches_mailbox and self._duty.open):
            return ()
        return self._lanes

    def leave(self, job_id: str) -> None:
        """Start this one first, whose id a slot took off its lane; from any thread, while a slot is busy."""
        self._left.append(job_id)
        # Beside a free slot a wait goes on, and on no lane is this id any more.
        self.interrupt()

    def lost(self, error: MailboxUnavailable) -> None:
        """Take in that a slot could not glance at the lanes: the mailbox is away, or older than this command."""
        if error.refused:
            self._glances = False
        else:
            self.reaches_mailbox = False

    def greet(self) -> None:
        """Find out whether the mailbox is there. Raises ``MailboxUnavailable``."""
        if self._mailbox is not None:
            self._mailbox.ping()
            self.reaches_mailbox = self._again = self._glances = True

    def lanes(self, lanes: Sequence[str]) -> None:
        """Take from these lanes from now on; an empty list changes nothing."""
        if lanes and tuple(lanes) != self._lanes:
            self._lanes = tuple(lanes)
            self._again = True
            self.interrupt()

    def look(self, where: Literal["mailbox", "ledger"]) -> None:
        """Look there next. A mailbox that rings by itself needs no such word."""
        if where == "ledger":
            self._look = True
        elif self._mailbox is None or self._mailbox.blocks:
            return
        else:
            self._again = True
        self.interrupt()

    def freed(self) -> None:
        """A slot is free again: what came meanwhile may lie on a lane that does not ring."""
        if self._mailbox is not None and not self._mailbox.blocks:
            self.look("mailbox")

    def refuse(self, why: str | None) -> None:
        """Claim nothing while the control plane has a reason to refuse this worker."""
        if why == self._refused:
            return
        self._refused = why
        self.interrupt()

    def close(self) -> None:
        """Claim nothing more."""
        self._over.set()
        self.interrupt()

    def interrupt(self) -> None:
        """End the present wait, if there is one."""
        self._changed.set()
        if self._blocked and self._bell is not None:
            assert self._mailbox is not None
            threading.Thread(
                target=ring, args=(self._bell, self._mailbox, self._worker, self._waits), daemon=True
            ).start()

    def _waits(self) -> bool:
        """Whether a wait goes on that is to end."""
        return self._changed.is_set() and self._blocked

    def _may_claim(self, overdue: Callable[[], bool]) -> bool:
        """Return whether to claim now; where not, after a while."""
        if self._too_old or self._refused is not None:
            self._changed.wait(self._timing.heartbeat)
            return False
        duty = self._duty.now
        if duty.state != "open":
            self._rests = True
            # In short turns: time in which the machine is suspended is over, too, and a wait does not count it.
            left = self._timing.heartbeat if duty.seconds_left is None else duty.seconds_left
            self._changed.wait(min(left, self._timing.heartbeat))
            return False
        if self._rests:
            self._rests, self._again = False, True
            self._news()
        return self._renewals_first(overdue)

    def _renewals_first(self, overdue: Callable[[], bool]) -> bool:
        """Wait until everything in hand is renewed, as after a sleep of the machine; ``False`` when it is over."""
        while overdue():
            if self._over.wait(_TURN):
                return False
        return not self._over.is_set()

    def _from_lane(self) -> str | None:
        if self._mailbox is None:
            self._changed.wait(self._timing.mailbox_wait)
            return None
        try:
            if not self.reaches_mailbox:
                self.greet()
            job_id = self._wait(self._mailbox) if self._mailbox.blocks else self._glance(self._mailbox)
        except MailboxUnavailable as error:
            if self.reaches_mailbox:
                log.warning("mailbox_lost", cause=error.details.get("cause"))
            self.reaches_mailbox = False
            self._changed.wait(self._patience.after(error))
            return None
        self._patience.well()
        return job_id

    def _wait(self, mailbox: Mailbox) -> str | None:
        """Wait on every lane with one command."""
        self._blocked = True
        try:
            # Somebody may have wanted to wake us before there was anything to wake us from.
            if self._changed.is_set():
                return None
            return mailbox.take(self._lanes, worker=self._worker, wait=self._timing.mailbox_wait)
        finally:
            self._blocked = False

    def _glance(self, mailbox: Mailbox) -> str | None:
        """Wait for an order, and look once; as long as there is something, look again at once."""
        if not self._again and self._changed.wait(self._timing.mailbox_wait):
            return None
        self._again = False
        job_id = mailbox.take(self._lanes, worker=self._worker, wait=0.0)
        if job_id is not None:
            self._again = True
        return job_id

    def _from_ledger(self, overdue: Callable[[], bool]) -> Job | None:
        try:
            if not self._listed:
                self._look = False
                self._list()
            return self._first_of_list(overdue)
        except LedgerUnavailable:
            # The order stands: the plane gave it once.
            self._listed.clear()
            self._look = True
            raise

    def _list(self) -> None:
        lanes = frozenset(self._lanes)
        self._listed.extend(
            one.job.id
            for one in self._keeper.open_jobs()
            if one.job.state is State.QUEUED and one.due and one.job.lane in lanes
        )

    def _first_of_list(self, overdue: Callable[[], bool]) -> Job | None:
        while self._listed and self._duty.open and not self._over.is_set():
            job = self._start(self._listed.popleft(), overdue)
            if job is not None:
                if self.reaches_mailbox:
                    # The rest lies on its lanes, or the plane says so again.
                    self._listed.clear()
                return job
        return None

    def _start_taken(self, job_id: str, overdue: Callable[[], bool]) -> Job | None:
        job: Job | None = None
        try:
            job = self._start(job_id, overdue)
        finally:
            if job is None and self._mailbox is not None and not self._mailbox.blocks:
                # Whoever puts it back must not think that it lies there still.
                with suppress(MailboxUnavailable):
                    self._mailbox.forget(job_id)
        return job

    def _start(self, job_id: str, overdue: Callable[[], bool]) -> Job | None:
        fault("worker.popped")
        if not self._renewals_first(overdue) or not self._duty.open:
            # It is off its lane and nobody's: reconcile finds it on no lane and puts it back.
            log.info("claim_left", job_id=job_id)
            return None
        try:
            started = self._keeper.start(
                job_id, worker=self._worker, capabilities=self._capabilities, lease=self._timing.lease
            )
        except LedgerUnavailable:
            # The id is off its lane and the job is not ours: reconcile finds it on no lane and puts it back.
            log.warning("claim_not_recorded", job_id=job_id)
            raise
        if started.outcome == "worker_too_old" and not self._too_old:
            self._too_old = True
            log.error("worker_too_old", fix=_TOO_OLD)
        if started.outcome == "started":
            fault("worker.started")
        log.info("job_claimed" if started.outcome == "started" else "claim_refused", job_id=job_id, why=started.outcome)
        return started.job if started.outcome == "started" else None
