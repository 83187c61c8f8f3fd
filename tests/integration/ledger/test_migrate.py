"""Making a ledger, and refusing to run on one that is not ours or as somebody who sees too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from ledger_world import APP_PASSWORD, KEEPER_PASSWORD, Ledger
from pydantic import SecretStr

from shared.errors import ConfigurationError, LedgerUnavailable
from shared.ledger.migrate import APP_ROLE, initialise, latest_version, migrations
from shared.ledger.postgres import Database

if TYPE_CHECKING:
    from pharos.stack.postgres import EmbeddedPostgres

NAMES = [f"{migration.version:04d}_{migration.name}" for migration in migrations()]


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres, make_database: Callable[[], str]) -> SecretStr:
    """The owner's address of a database in which nothing is."""
    return SecretStr(postgres_server.owner_url(make_database()))


def _initialise(url: SecretStr) -> list[str]:
    return initialise(url, app_password=APP_PASSWORD, keeper_password=KEEPER_PASSWORD)


def _execute(url: SecretStr, statement: str) -> None:
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database(SecretStr(url), connections=1, wait=2.0)
    yield database
    database.close()


def test_versions_have_no_gap() -> None:
    """Migrations are numbered from one without a gap."""
    assert [migration.version for migration in migrations()] == list(range(1, latest_version() + 1))


def test_second_run_changes_nothing(empty_url: SecretStr) -> None:
    """The first run applies everything, the second nothing."""
    assert _initialise(empty_url) == NAMES
    assert _initialise(empty_url) == []


def test_two_runs_at_once_share_the_work(empty_url: SecretStr) -> None:
    """Of two processes that make one ledger at the same time, each migration is applied by one."""
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: _initialise(empty_url), range(4)))

    assert sorted(name for names in applied for name in names) == NAMES


def test_changed_migration_is_refused(empty_url: SecretStr) -> None:
    """A ledger that was made by another text of a migration is left alone."""
    _initialise(empty_url)
    _execute(empty_url, "update pharos.migrations set checksum = 'other' where version = 1")

    with pytest.raises(ConfigurationError, match="Migration 1 was applied with another text") as error:
        _initialise(empty_url)

    assert "Nothing was changed" in error.value.message


def test_unreachable_owner_is_told_calmly() -> None:
    """A wrong port is a ledger that does not answer, and the message holds no password."""
    with pytest.raises(LedgerUnavailable) as error:
        _initialise(SecretStr("postgresql://owner:canary-password@127.0.0.1:1/x?sslmode=disable"))

    assert "canary-password" not in str(error.value)
    assert "PHAROS_OWNER_DATABASE_URL" in error.value.message


def test_role_without_rights_cannot_make_a_ledger(ledger: Ledger, postgres_server: EmbeddedPostgres) -> None:
    """The app's role is told to use the owner's connection string."""
    name = psycopg.conninfo.conninfo_to_dict(ledger.owner_url.get_secret_value())["dbname"]
    url = SecretStr(postgres_server.role_url(APP_ROLE, APP_PASSWORD.get_secret_value(), str(name)))

    with pytest.raises(ConfigurationError, match="may not make roles and tables"):
        _initialise(url)


def test_made_roles_may_run(ledger: Ledger) -> None:
    """Both roles that the migration made pass the check."""
    ledger.app.check()
    ledger.keeper_database.check()

    assert ledger.app.known[0] is True


def test_owner_may_not_run(ledger: Ledger) -> None:
    """A process that was given the owner's address refuses, by name."""
    with (
        _database(ledger.owner_url.get_secret_value()) as database,
        pytest.raises(ConfigurationError, match="'pharos_owner' is an owner"),
    ):
        database.check()


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("superuser", "superuser"),
        ("bypassrls", "bypass row-level security"),
        ("in role pharos_owner", "is an owner"),
        ("", "pharos db init"),
    ],
)
def test_role_that_sees_too_much_or_nothing_may_not_run(
    ledger: Ledger, postgres_server: EmbeddedPostgres, rights: str, words: str
) -> None:
    """A superuser, a role with BYPASSRLS, one that may become the owner, and a stranger are each refused."""
    name = str(psycopg.conninfo.conninfo_to_dict(ledger.owner_url.get_secret_value())["dbname"])
    superuser = SecretStr(postgres_server.role_url("postgres", postgres_server._passwords["postgres"], name))
    _execute(superuser, f"create role sly login password 'password-of-sly' {rights}")

    try:
        with (
            _database(postgres_server.role_url("sly", "password-of-sly", name)) as database,
            pytest.raises(ConfigurationError, match=words),
        ):
            database.check()
    finally:
        _execute(superuser, "drop role sly")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, f"The ledger has schema none, this version needs {latest_version()}"),
        (f"delete from pharos.migrations where version = {latest_version()}", "Run: pharos db init"),
        ("insert into pharos.migrations values (9999, 'later', '', now())", "Update Pharos on this machine"),
    ],
)
def test_schema_of_another_version_is_refused(
    ledger: Ledger, empty_url: SecretStr, postgres_server: EmbeddedPostgres, change: str | None, words: str
) -> None:
    """No ledger, an older one and a newer one are each refused with the one thing to do."""
    if change is not None:
        _initialise(empty_url)
        _execute(empty_url, change)
    name = str(psycopg.conninfo.conninfo_to_dict(empty_url.get_secret_value())["dbname"])

    with (
        _database(postgres_server.role_url(APP_ROLE, APP_PASSWORD.get_secret_value(), name)) as database,
        pytest.raises(ConfigurationError, match=words),
    ):
        database.check()


def test_lost_postgres_is_told_calmly() -> None:
    """A database that nobody listens on is LedgerUnavailable and remembered as such."""
    with (
        _database("postgresql://app:canary-password@127.0.0.1:1/x?sslmode=disable") as database,
        pytest.raises(LedgerUnavailable) as error,
        database.connection(),
    ):
        pass

    assert "canary-password" not in f"{error.value!r} {error.value} {error.value.details}"
    assert database.known[0] is False


def test_dead_pooled_connection_is_replaced(ledger: Ledger) -> None:
    """A connection that the server closed while it was idle costs no request."""
    with ledger.keeper_database.connection() as idle, ledger.keeper_database.connection() as other:
        other.execute("select pg_terminate_backend(%s, 5000)", (idle.info.backend_pid,))

    epochs = [ledger.keeper.next_epoch() for _ in range(8)]

    assert epochs == list(range(1, 9))
