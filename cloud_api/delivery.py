"""Delivery: ids on their lanes when Redis answers, and a calm word when it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from shared.errors import MailboxUnavailable
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.mailbox.lanes import Mailbox

log = get_logger(__name__)


class Delivery:
    """The plane's side of the mailbox. After a failure Redis is left alone for ``pause`` seconds: submits stay fast."""

    def __init__(
        self,
        mailbox: Mailbox | None,
        *,
        pause: float,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._mailbox = mailbox
        self._pause = pause
        self._ttl = ttl
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._down_until = 0.0
        self._works: bool | None = None
        self._checked_at: float | None = None

    @property
    def configured(self) -> bool:
        """Whether there is a Redis at all."""
        return self._mailbox is not None

    @property
    def works(self) -> bool:
        """Whether Redis is there and, as far as is known, answers."""
        return self._mailbox is not None and self._works is not False

    @property
    def known(self) -> tuple[bool | None, float | None]:
        """What the last command showed (``None``: none was sent) and how many seconds ago."""
        return self._works, None if self._checked_at is None else self._clock() - self._checked_at

    def push(self, job: Job) -> bool:
        """Put a job's id on its lane; return whether that worked. The ledger holds the job either way."""

        return self._try(lambda mailbox: self._put(mailbox, job))

    def ensure(self, jobs: Iterable[Job]) -> None:
        """Put those jobs on their lanes that are on none."""
        wanted = list(jobs)
        if not wanted:
            return

        def act(mailbox: Mailbox) -> None:
            there = mailbox.waiting({job.lane for job in wanted})
            for job in wanted:
                if job.id not in there:
                    self._put(mailbox, job)
                    log.info("job_delivered", job_id=job.id, lane=job.lane)

        self._try(act)

    def probe(self) -> bool:
        """Ask Redis whether it is there, unless it is being left alone; return what is known after."""
        return self._try(lambda mailbox: mailbox.ping())

    def keep_note(self, name: str, text: str) -> None:
        """Keep a small document in Redis, if it answers."""
        self._try(lambda mailbox: mailbox.keep_note(name, text))

    def read_note(self, name: str) -> str | None:
        """Return a document that was kept, or ``None`` when there is none or Redis does not answer."""
        found: list[str | None] = [None]

        def act(mailbox: Mailbox) -> None:
            found[0] = mailbox.read_note(name)

        self._try(act)
        return found[0]

    def close(self) -> None:
        """Close the connections."""
        if self._mailbox is not None:
            self._mailbox.close()

    def _put(self, mailbox: Mailbox, job: Job) -> None:
        """Push an id that Redis forgets with the job's deadline, or, once it was started, after a fresh while."""
        ttl = self._ttl
        if job.deadline_at is not None and job.first_started_at is None:
            ttl = min(ttl, (job.deadline_at - self._now()).total_seconds())
        mailbox.push(job.id, job.lane, ttl=max(1.0, ttl))

    def _try(self, act: Callable[[Mailbox], None]) -> bool:
        if self._mailbox is None or self._clock() < self._down_until:
            return False
        try:
            act(self._mailbox)
        except MailboxUnavailable as error:
            with self._lock:
                first = self._works is not False
                self._works, self._checked_at = False, self._clock()
                self._down_until = self._clock() + self._pause
            if first:
                log.warning("mailbox_lost", cause=error.details.get("cause"))
            return False
        with self._lock:
            back = self._works is False
            self._works, self._checked_at = True, self._clock()
        if back:
            log.info("mailbox_back")
        return True
