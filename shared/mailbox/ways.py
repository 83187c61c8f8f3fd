"""Which transport is in use: a socket where it connects, HTTPS where it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from shared.errors import MailboxUnavailable
from shared.logs import get_logger
from shared.mailbox.link import Link, as_ours
from shared.nodes.heartbeat import Transport

log = get_logger(__name__)

#: Seconds after which the first way is tried again, when something is sent anyway.
AGAIN = 600.0
_BROKEN = (redis.ConnectionError, redis.TimeoutError, OSError)


class Ways:
    """One way to Redis, or two: the second takes over while the first does not connect.

    There is no timer: a choice is made when something is to be sent, and made anew after a failure.
    """

    def __init__(
        self,
        first: Link,
        second: Link | None = None,
        *,
        knock: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``knock`` raises ``MailboxUnavailable`` when the first way does not connect; a second one needs it."""
        self._first = first
        self._second = second
        self._knock = knock
        self._clock = clock
        self._lock = threading.Lock()
        self._chosen: Link | None = first if second is None else None
        self._in_doubt = False
        self._again_at = 0.0
        self._knocking = False

    @property
    def transport(self) -> Transport | None:
        """The transport that is in use, or ``None`` as long as none was chosen."""
        chosen = self._chosen
        return chosen.transport if chosen is not None else None

    @property
    def commands(self) -> int:
        """How many commands were sent, over either way."""
        return self._first.meter.count

    @contextmanager
    def use(self) -> Iterator[Link]:
        """Give the way to use now. What fails on it is not repeated on the other: it may have arrived.

        Raises:
            MailboxUnavailable: neither way leads to Redis, or the one that does broke in mid-call.
        """
        link = self._choose()
        try:
            with as_ours():
                yield link
        except MailboxUnavailable as error:
            if link is self._second or isinstance(error.__cause__, _BROKEN):
                self._in_doubt = True
            raise

    def hang_up(self) -> None:
        """Break every connection, also one that somebody waits on; the next command makes a new one."""
        for link in self._links():
            link.connection_pool.disconnect(inuse_connections=True)

    def close(self) -> None:
        """Close every connection."""
        for link in self._links():
            link.close()

    def _links(self) -> tuple[Link, ...]:
        return (self._first,) if self._second is None else (self._first, self._second)

    def _choose(self) -> Link:
        if self._second is None:
            return self._first
        with self._lock:
            if self._chosen is None or self._in_doubt:
                self._settle(self._first if self._leads() else self._second)
            elif self._chosen is self._second and self._clock() >= self._again_at and not self._knocking:
                # Beside the command that comes by: nobody waits for a port that may be blocked still.
                self._knocking = True
                threading.Thread(target=self._look_again, daemon=True).start()
            chosen = self._chosen
            assert chosen is not None
            return chosen

    def _look_again(self) -> None:
        leads = self._leads()
        with self._lock:
            self._knocking = False
            if self._chosen is self._second:
                assert self._second is not None
                self._settle(self._first if leads else self._second)

    def _settle(self, link: Link) -> None:
        before, self._chosen, self._in_doubt = self._chosen, link, False
        self._again_at = self._clock() + AGAIN
        if link is not before and (before is not None or link is self._second):
            # Once for each change; a first choice is news only when it is the second way.
            log.warning("mailbox_transport_changed", transport=link.transport)

    def _leads(self) -> bool:
        assert self._knock is not None
        try:
            self._knock()
        except MailboxUnavailable as error:
            log.debug("mailbox_does_not_connect", transport=self._first.transport, cause=error.details.get("cause"))
            return False
        return True
