"""A client of Redis that knows by which transport it speaks and counts every command that it sends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from shared.errors import MailboxUnavailable
from shared.nodes.heartbeat import Transport

#: Largest thing that is read of the mailbox, bytes; what belongs in it are ids of 30.
LARGEST = 8 * 2**20


class Meter:
    """Counts commands, from any thread: those of the handshake too, which a plan counts like every other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """How many commands were sent so far."""
        return self._count

    def add(self, commands: int) -> None:
        """Count so many more."""
        with self._lock:
            self._count += commands


class Link(redis.Redis):
    """A redis-py client over one transport, whose pool it owns."""

    def __init__(self, pool: redis.ConnectionPool, *, transport: Transport, meter: Meter) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self.transport = transport
        self.meter = meter

    def keep_note(self, name: str, text: str) -> None:
        """Keep a small document."""
        self.set(name, text)

    def read_note(self, name: str) -> str | None:
        """Return the document of that name, if there is one."""
        value = self.get(name)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


@contextmanager
def as_ours() -> Iterator[None]:
    """Turn what the driver raises into ``MailboxUnavailable``."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        refused = isinstance(error, redis.ResponseError)
        raise MailboxUnavailable(cause=type(error).__name__, refused=refused) from error
