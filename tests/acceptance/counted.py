"""Redis' and Postgres' own books: every command and every statement that a stack costs, whoever sent it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import psycopg
import redis

from pharos.stack.postgres import EmbeddedPostgres
from tests.integration.ledger_world import APP_PASSWORD, KEEPER_PASSWORD

#: What a connection says of itself before its first command. It is paid once a connection, not once a job or an hour.
SET_UP = frozenset({"auth", "hello", "select", "client|setname", "client|setinfo"})
#: What the count itself sends.
_OURS = frozenset({"info", "monitor"})
#: Seconds after which an idle connection has told of itself; PostgreSQL's PGSTAT_IDLE_INTERVAL and a little more.
_BOOKED_AFTER = 11.0


class Books:
    """Counts by ``INFO commandstats``, and listens with ``MONITOR`` so that a test can say who sent what.

    A blocking wait is in Redis' statistics once it is over, and in the listener's once it has begun.
    """

    def __init__(self, url: str) -> None:
        self._link = redis.Redis.from_url(url)
        # An idle hour is quiet, and the listener waits it out.
        self._ear = redis.Redis.from_url(url, socket_timeout=None)
        self._over = False
        #: Each command that was heard: who sent it, and its words.
        self.heard: list[tuple[str, list[str]]] = []

    def __enter__(self) -> Self:
        self._monitor = self._ear.monitor().__enter__()  # type: ignore[no-untyped-call]  # redis-py's own gap
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self._before = self._all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._link.ping()
        self._thread.join(10)
        self._link.close()
        self._ear.close()

    def commands(self) -> Counter[str]:
        """Return how often each command was sent since the books were opened, but for those of this count."""
        return self._all() - self._before

    def _all(self) -> Counter[str]:
        stats = self._link.info("commandstats")
        named = {name.removeprefix("cmdstat_"): int(entry["calls"]) for name, entry in stats.items()}
        return Counter({name: calls for name, calls in named.items() if name not in _OURS})

    def _listen(self) -> None:
        for said in self._monitor.listen():
            if self._over:
                return
            words = str(said["command"]).split(" ")
            if words[0].lower() not in _OURS:
                self.heard.append((f"{said['client_address']}:{said['client_port']}", words))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """When each connection of the product was last asked something, and how many connections there ever were.

    Not ``xact_commit``: that counts what Postgres does for itself, too.
    """

    connections: frozenset[tuple[int, datetime]]
    opened: int

    def since(self, before: Asked) -> tuple[frozenset[tuple[int, datetime]], int]:
        """Return the connections that were asked something since, and how many were opened."""
        return self.connections - before.connections, self.opened - before.opened


def asked(server: EmbeddedPostgres, database: str) -> Asked:
    """Look from another database, as each role at what is its own: the look costs nothing that is looked at."""
    connections: set[tuple[int, datetime]] = set()
    opened = 0
    for role, password in (("pharos_app", APP_PASSWORD), ("pharos_keeper", KEEPER_PASSWORD)):
        with psycopg.connect(server.role_url(role, password.get_secret_value(), "postgres")) as link:
            connections.update(
                link.execute(
                    "select pid, query_start from pg_stat_activity where datname = %s and usename = current_user",
                    (database,),
                )
            )
            row = link.execute("select sessions from pg_stat_database where datname = %s", (database,)).fetchone()
        assert row is not None
        opened = int(row[0])
    return Asked(connections=frozenset(connections), opened=opened)


def settled(server: EmbeddedPostgres, database: str, *, within: float = 60.0) -> Asked:
    """Return what was asked once nothing is any more, and every connection has told that it was opened."""
    deadline = time.monotonic() + within
    seen, since = asked(server, database), time.monotonic()
    while time.monotonic() - since < _BOOKED_AFTER:
        assert time.monotonic() < deadline, "it does not come to rest"
        time.sleep(0.5)
        now = asked(server, database)
        if now != seen:
            seen, since = now, time.monotonic()
    assert seen.connections, "nobody has asked anything, or this looks at the wrong database"
    return seen
