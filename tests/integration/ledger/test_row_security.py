"""Row-level security, over every table that there is, so that a new one cannot be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from ledger_world import TENANT_A, TENANT_B, Ledger, analysed, knowledge, textual
from psycopg import sql

from shared.errors import LedgerRefused, LedgerUnavailable
from shared.ledger.postgres import Database

#: Tables that hold nothing of a tenant, each for a reason.
_HOUSE_TABLES = {
    "migrations": "names of schema steps",
    "planes": "the number of the last start",
    "usage": "what a month has used of the plans",
}
#: What the two roles may see of each tenant table: of the own tenant, of every tenant, or nothing at all.
_APP = {"tenants", "jobs", "homes", "repositories", "files", "edges", "cycles", "communities", "unresolved"} | {
    "names",
    "words",
}
_KEEPER = {"jobs", "idempotency_keys", "homes"}


@pytest.fixture
def two_tenants(ledger: Ledger) -> Ledger:
    """A ledger in which tenants A and B have rows in every table."""
    ledger.add_tenants(TENANT_A, TENANT_B)
    for tenant in (TENANT_A, TENANT_B):
        job = ledger.started(ledger.submit(tenant=tenant, idempotency=(tenant.bytes * 2, b"f" * 32)))
        ledger.publish(job, analysed(knowledge(2, edges=((0, 1),))), textual())
    return ledger


def _tables(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.owner() as owner:
        return owner.execute(
            "select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,"
            " coalesce((select 'tenant_id' from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'),"
            " case when c.relname = 'tenants' then 'id' end) as owner_column"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'pharos' and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1"
        ).fetchall()


def _tenant_tables(ledger: Ledger) -> list[tuple[str, str]]:
    return [(row["name"], row["owner_column"]) for row in _tables(ledger) if row["name"] not in _HOUSE_TABLES]


def _visible(database: Database, tenant: UUID | None, table: str, column: str) -> set[UUID] | None:
    """Return the tenants whose rows a role sees; ``None`` when it may not read the table at all."""
    statement = sql.SQL("select {} as tenant from pharos.{}").format(sql.Identifier(column), sql.Identifier(table))
    scope = database.connection() if tenant is None else database.transaction(tenant)
    try:
        with scope as connection:
            return {row["tenant"] for row in connection.execute(statement).fetchall()}
    except LedgerUnavailable as error:
        if isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            return None
        raise


def test_every_table_of_a_tenant_is_forced_under_policies(ledger: Ledger) -> None:
    """Every table but the house's own names a tenant in each row and is under forced row-level security."""
    tables = _tables(ledger)

    found = {row["name"]: row for row in tables if row["name"] not in _HOUSE_TABLES}

    assert set(found) == _APP | _KEEPER
    assert [name for name, row in found.items() if not (row["enabled"] and row["forced"] and row["owner_column"])] == []


@pytest.mark.parametrize("tenant", [None, TENANT_A, TENANT_B])
def test_app_sees_its_own_tenant_alone(two_tenants: Ledger, tenant: UUID | None) -> None:
    """In every table the app sees the rows of the transaction's tenant, and none without one."""
    own = set() if tenant is None else {tenant}

    seen = {name: _visible(two_tenants.app, tenant, name, column) for name, column in _tenant_tables(two_tenants)}

    assert seen == {name: own if name in _APP else None for name, _ in _tenant_tables(two_tenants)}


@pytest.mark.parametrize("tenant", [None, TENANT_A, TENANT_B])
def test_keeper_sees_jobs_and_nothing_learned(two_tenants: Ledger, tenant: UUID | None) -> None:
    """The keeper sees every tenant's jobs, keys and homes, whatever tenant is named, and no other table."""
    both = {TENANT_A, TENANT_B}

    seen = {
        name: _visible(two_tenants.keeper_database, tenant, name, column)
        for name, column in _tenant_tables(two_tenants)
    }

    assert seen == {name: both if name in _KEEPER else None for name, _ in _tenant_tables(two_tenants)}


@pytest.mark.parametrize("role", ["app", "keeper"])
def test_nobody_touches_another_tenants_rows(two_tenants: Ledger, role: str) -> None:
    """No table lets tenant A change or delete a row of tenant B, nor the keeper one that was learned."""
    database = two_tenants.app if role == "app" else two_tenants.keeper_database
    touched: dict[str, int] = {}

    for name, column in _tenant_tables(two_tenants):
        if role == "keeper" and name in _KEEPER:
            continue
        table, key = sql.Identifier(name), sql.Identifier(column)
        for statement in (
            sql.SQL("update pharos.{} set {} = {} where {} = %s").format(table, key, key, key),
            sql.SQL("delete from pharos.{} where {} = %s").format(table, key),
        ):
            try:
                with database.transaction(TENANT_A) as connection:
                    touched[name] = touched.get(name, 0) + connection.execute(statement, (TENANT_B,)).rowcount
            except LedgerUnavailable as error:
                if not isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
                    raise
                touched.setdefault(name, 0)

    assert touched
    assert set(touched.values()) == {0}


def test_row_cannot_be_given_to_another_tenant(two_tenants: Ledger) -> None:
    """Tenant A cannot write a row in tenant B's name."""
    for statement in (
        "update pharos.repositories set tenant_id = %s",
        "update pharos.homes set tenant_id = %s",
        "insert into pharos.homes (tenant_id, repository_id, node) values (%s, 'repo', 'x')",
    ):
        with pytest.raises(LedgerUnavailable) as error, two_tenants.app.transaction(TENANT_A) as connection:
            connection.execute(statement, (TENANT_B,))
        assert isinstance(error.value.__cause__, psycopg.errors.InsufficientPrivilege)
        assert "row-level security" in str(error.value.__cause__)


def test_functions_see_what_their_caller_sees(ledger: Ledger) -> None:
    """No function and no view of the schema runs with its owner's eyes."""
    with ledger.owner() as owner:
        found = owner.execute(
            "select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
            " where n.nspname = 'pharos' and p.prosecdef"
        ).fetchall()

    assert found == []


def test_app_cannot_submit_or_start(ledger: Ledger) -> None:
    """The app has no hand in the queue: rows are added by the keeper alone."""
    job = ledger.submit()

    for statement in (
        "insert into pharos.jobs select * from pharos.jobs where id = %s",
        "delete from pharos.jobs where id = %s",
        "insert into pharos.idempotency_keys (key, tenant_id, fingerprint, job_id) select 'k', tenant_id, 'f', id from"
        " pharos.jobs where id = %s",
    ):
        with pytest.raises(LedgerUnavailable) as error, ledger.app.transaction(job.tenant_id) as connection:
            connection.execute(statement, (job.id,))
        assert isinstance(error.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.fixture
def one_link(two_tenants: Ledger) -> Iterator[Database]:
    """The app with a single connection, which everybody shares."""
    database = Database(two_tenants.app_url, connections=1)
    yield database
    database.close()


def test_tenant_does_not_outlive_its_transaction(one_link: Database) -> None:
    """The connection that served tenant A sees nothing when it is next used without a tenant."""
    with one_link.transaction(TENANT_A) as connection:
        first = connection.info.backend_pid
        inside = connection.execute("select count(*) as n from pharos.jobs").fetchone()

    with one_link.connection() as connection:
        second = connection.info.backend_pid
        outside = connection.execute("select count(*) as n from pharos.jobs").fetchone()

    assert first == second
    assert inside == {"n": 1}
    assert outside == {"n": 0}


def test_tenant_does_not_outlive_an_error(one_link: Database) -> None:
    """A transaction that broke off leaves no tenant on its connection either."""
    with pytest.raises(LedgerRefused), one_link.transaction(TENANT_A) as connection:
        connection.execute("select 1 / 0")

    assert _visible(one_link, None, "jobs", "tenant_id") == set()


def test_readers_of_one_tenant_do_not_find_the_others(two_tenants: Ledger) -> None:
    """Ids of tenant B lead tenant A to nothing."""
    (theirs,) = two_tenants.jobs.ended(tenant=TENANT_B, limit=9)
    path = "src/file_0.py"

    assert two_tenants.jobs.show(theirs.id, tenant=TENANT_A) is None
    assert theirs.id not in {
        job.id for job in two_tenants.jobs.page(tenant=TENANT_A, state=None, kind=None, before=None, limit=9)
    }
    repositories = two_tenants.repositories
    assert repositories.show(theirs.repository_id, tenant=TENANT_A) is None
    assert repositories.file(theirs.repository_id, path, tenant=TENANT_A) is None
    assert repositories.reachable(theirs.repository_id, path, tenant=TENANT_A, backwards=False, depth=3, limit=9) == []
