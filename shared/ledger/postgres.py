"""The way to Postgres: a pool that opens at first use, transactions of one tenant, and drivers' errors as ours."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests
from pydantic import SecretStr

from shared.errors import ConfigurationError, LedgerRefused, LedgerUnavailable, SchemaMismatch
from shared.ledger.migrate import latest_version
from shared.ledger.queries import queries

Connection = psycopg.Connection[DictRow]
T = TypeVar("T")

_TENANT = queries("tenant")

#: Behind a transaction pooler a prepared statement belongs to somebody else, hence none; a dead link is noticed by the
#: kernel instead of waiting for ever.
_LINK: dict[str, Any] = {
    "connect_timeout": 10,
    "prepare_threshold": None,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "pharos",
}


#: Seconds after which a connection that nobody used may have died without a word.
_STALE = 10.0
#: Seconds that Postgres may take to say something while it is asked.
_SILENCE = 15.0


class _Link(psycopg.Connection[DictRow]):
    """A connection that knows when it was last used, and does not wait for ever."""

    used_at = 0.0

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Return what ``gen`` comes to. Raises ``OperationalError``, and is closed, when nothing moves for too long."""
        return super().wait(self._within(gen), interval, timeout)

    def _within(self, gen: PQGen[T]) -> PQGen[T]:
        # Keepalives do not help where something in between answers them: only the server's own words count. A large
        # publish may take long, but not without a word.
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _SILENCE:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"Postgres said nothing for {_SILENCE:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return cast(T, end.value)


def _check(link: _Link) -> None:
    """Raise unless the connection works. One that was used just now is asked only if it has something to say."""
    if time.monotonic() - link.used_at > _STALE or _readable(link):
        ConnectionPool.check_connection(link)


def _readable(link: _Link) -> bool:
    """Return whether something arrived that nobody asked for: a server's last words, or the end."""
    if sys.platform == "win32":
        return bool(select.select([link.fileno()], [], [], 0)[0])
    # Asked before each use: a selector would open and close a descriptor of its own for it.
    waiting = select.poll()
    waiting.register(link.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


class Database:
    """One role's connections. Nothing is opened, and nothing is asked, until the first use."""

    def __init__(
        self,
        url: SecretStr,
        *,
        connections: int = 4,
        wait: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _well_formed(url)
        self._clock = clock
        self._last: tuple[bool | None, float | None] = (None, None)
        self._pool = ConnectionPool[_Link](
            url.get_secret_value(),
            connection_class=_Link,
            kwargs={**_LINK, "row_factory": dict_row, "autocommit": True},
            min_size=0,
            max_size=connections,
            timeout=wait,
            # A pooled connection that died while it was idle is replaced before anybody uses it.
            check=self._sound,
            open=False,
        )

    @property
    def known(self) -> tuple[bool | None, float | None]:
        """Whether Postgres answered when it was last used (``None``: it was not), and how many seconds ago that was."""
        works, at = self._last
        return works, None if at is None else self._clock() - at

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection on which every statement is a transaction of its own.

        Raises:
            LedgerUnavailable: Postgres cannot be reached, or broke off.
        """
        try:
            with _as_ours():
                self._pool.open()
                with self._pool.connection() as connection:
                    yield connection
                    connection.used_at = time.monotonic()
        except LedgerUnavailable:
            self._last = (False, self._clock())
            raise
        self._last = (True, self._clock())

    @contextmanager
    def transaction(self, tenant: UUID) -> Iterator[Connection]:
        """Lend a connection inside one transaction of ``tenant``; it commits at the end and rolls back on any error."""
        with self.connection() as connection, connection.transaction():
            connection.execute(_TENANT["enter"], {"tenant": str(tenant)})
            yield connection

    def ask(self, tenant: UUID, statement: bytes, given: Mapping[str, Any]) -> list[DictRow]:
        """Return the rows of a statement that is a transaction of ``tenant`` by itself. One round trip.

        Raises:
            LedgerUnavailable: as for ``connection``.
        """
        with self.connection() as connection:
            # Up to the end of a pipeline everything is one transaction, the tenant's name too.
            with connection.pipeline():
                connection.execute(_TENANT["enter"], {"tenant": str(tenant)})
                cursor = connection.execute(statement, given)
            return cursor.fetchall()

    def check(self) -> None:
        """Make sure that this process may run here.

        Raises:
            ConfigurationError: the role could see past row-level security.
            SchemaMismatch: the schema is another version's.
            LedgerUnavailable: Postgres does not answer.
        """
        with self.connection() as connection:
            role = connection.execute(_TENANT["role"]).fetchone()
            assert role is not None
            if role["bypasses"] or role["owns"]:
                raise ConfigurationError(
                    f"The Postgres role '{role['name']}' is an owner, a superuser or may bypass row-level security, so "
                    "one tenant could see another's rows. Use the roles that 'pharos db init' makes."
                )
            try:
                row = connection.execute(_TENANT["version"]).fetchone()
            except (
                psycopg.errors.UndefinedTable,
                psycopg.errors.InvalidSchemaName,
                psycopg.errors.InsufficientPrivilege,
            ):
                row = None
        check_version(None if row is None else row["version"])

    def close(self) -> None:
        """Close every connection."""
        self._pool.close(timeout=2.0)

    def _sound(self, link: _Link) -> None:
        """Raise unless the connection works."""
        try:
            _check(link)
        except psycopg.Error:
            # What ended this one ended the other idle ones too. The pool would try them in turn, and sleep 1, 2, 4 s
            # in between.
            self._pool.drain()
            raise


def _well_formed(url: SecretStr) -> None:
    try:
        conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:
        # The driver's own words may quote the URL, and with it the password.
        raise ConfigurationError(
            "PHAROS_DATABASE_URL or PHAROS_KEEPER_DATABASE_URL is wrong: Postgres cannot read it as an address. "
            "Copy it again from where it was made."
        ) from None


def check_version(found: int | None) -> None:
    """Raise ``SchemaMismatch`` unless the ledger's schema is the one that this version was written for."""
    wanted = latest_version()
    if found is None or found < wanted:
        raise SchemaMismatch(
            f"The ledger has schema {found or 'none'}, this version needs {wanted}. Nothing was changed. Run: "
            "pharos db init"
        )
    if found > wanted:
        raise SchemaMismatch(
            f"The ledger has schema {found}, this version knows {wanted} at most. Update Pharos on this machine."
        )


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except (PoolTimeout, TooManyRequests) as error:
        raise LedgerUnavailable(cause=type(error).__name__) from error
    except psycopg.DataError as error:
        raise LedgerRefused(cause=type(error).__name__, sqlstate=error.sqlstate) from error
    except psycopg.Error as error:
        # Whatever it is, read-only after a failover or a schema that is not ours: nothing can be recorded now.
        raise LedgerUnavailable(cause=type(error).__name__, sqlstate=error.sqlstate) from error
