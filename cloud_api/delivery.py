"""Delivery: ids on their lanes when Redis answers, and a calm word when it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from shared.errors import MailboxUnavailable
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.mailbox.lanes import Mailbox
from shared.mailbox.patience import Patience
from shared.nodes.heartbeat import Transport

log = get_logger(__name__)

#: Jobs whose lane is remembered; those beyond it are looked for on their lanes.
_REMEMBERED = 10_000
#: Ids that are put on lanes in one round trip.
_TOGETHER = 200


class Delivery:
    """The plane's side of the mailbox. After a failure Redis is left alone for ``pause`` seconds: submits stay fast."""

    def __init__(
        self,
        mailbox: Mailbox | None,
        *,
        pause: float,
        ttl: float,
        trust: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``trust`` is for how many seconds an id is believed to lie where it was put or seen."""
        self._mailbox = mailbox
        self._trust = trust
        self._patience = Patience(pause)
        self._ttl = ttl
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        #: The lane on which a job was last put or seen, and when; oldest first.
        self._lanes: dict[str, tuple[str, float]] = {}
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

    @property
    def transport(self) -> Transport | None:
        """How Redis is reached: ``None`` when there is none, or when it was not tried yet."""
        return self._mailbox.transport if self._mailbox is not None else None

    @property
    def commands(self) -> int:
        """How many Redis commands this process has sent since it began, all of them."""
        return self._mailbox.commands if self._mailbox is not None else 0

    def push(self, jobs: Sequence[Job]) -> bool:
        """Put jobs' ids on their lanes; return whether that worked. The ledger holds the jobs either way."""
        return self._try(lambda mailbox: self._put(mailbox, jobs))

    def ensure(self, jobs: Iterable[Job]) -> list[Job]:
        """Put those jobs on their lanes that are on none; return them.

        One command as long as Redis has what it was given: then lanes are not read, however many there are.
        """
        wanted = list(jobs)
        put: list[Job] = []
        if not wanted:
            return put

        def act(mailbox: Mailbox) -> None:
            doubtful = self._doubtful(mailbox, wanted)
            there = mailbox.waiting({job.lane for job in doubtful})
            missing = [job for job in doubtful if job.id not in there]
            self._put(mailbox, missing)
            put.extend(missing)
            found = [job for job in doubtful if job.id in there]
            # Redis may have forgotten a record before its id: without one, every lane would be read each time.
            mailbox.record([self._entry(job) for job in found])
            for job in found:
                self._remember(job)
            for job in missing:
                log.info("job_delivered", job_id=job.id, lane=job.lane)

        self._try(act)
        return put

    def _doubtful(self, mailbox: Mailbox, wanted: list[Job]) -> list[Job]:
        """Return the jobs that may be on no lane: new ones, moved ones, those that were not seen there for a while, and
        all when Redis forgot the record of one of the others.

        A record ends as its id is taken; but a worker may die, or fall asleep, between the two.
        """
        now = self._clock()
        with self._lock:
            seen = {job.id: self._lanes.get(job.id) for job in wanted}
        known = [
            job.id
            for job in wanted
            if (place := seen[job.id]) is not None and place[0] == job.lane and now - place[1] < self._trust
        ]
        if not known or mailbox.recorded(known) < len(known):
            return wanted
        settled = set(known)
        return [job for job in wanted if job.id not in settled]

    def _remember(self, job: Job) -> None:
        with self._lock:
            self._lanes.pop(job.id, None)
            self._lanes[job.id] = job.lane, self._clock()
            while len(self._lanes) > _REMEMBERED:
                del self._lanes[next(iter(self._lanes))]

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

    def _put(self, mailbox: Mailbox, jobs: Sequence[Job]) -> None:
        for begin in range(0, len(jobs), _TOGETHER):
            batch = jobs[begin : begin + _TOGETHER]
            mailbox.push([self._entry(job) for job in batch])
            self._patience.well()
            for job in batch:
                self._remember(job)

    def _entry(self, job: Job) -> tuple[str, str, float]:
        return job.id, job.lane, self._seconds(job)

    def _seconds(self, job: Job) -> float:
        """How long Redis keeps the record: until the job's deadline, or, once it was started, a fresh while."""
        if job.deadline_at is None or job.first_started_at is not None:
            return self._ttl
        return max(1.0, min(self._ttl, (job.deadline_at - self._now()).total_seconds()))

    def _try(self, act: Callable[[Mailbox], None]) -> bool:
        if self._mailbox is None or self._clock() < self._down_until:
            return False
        try:
            act(self._mailbox)
        except MailboxUnavailable as error:
            with self._lock:
                first = self._works is not False
                self._works, self._checked_at = False, self._clock()
                self._down_until = self._clock() + self._patience.after(error)
            if first:
                log.warning("mailbox_lost", cause=error.details.get("cause"))
            return False
        with self._lock:
            back = self._works is False
            self._works, self._checked_at = True, self._clock()
        if back:
            log.info("mailbox_back")
        return True
