"""Connections: one that died is replaced before anybody uses it, and a tenant's name outlives no statement."""

from __future__ import annotations

import psycopg
from ledger_world import TENANT_A, TENANT_B, Ledger

from shared.jobs.states import State

_MINE = b"select id from pharos.jobs where tenant_id = %(tenant)s"


def _end_connections_of_app(ledger: Ledger) -> int:
    # A role may end what is its own.
    with psycopg.connect(ledger.app_url.get_secret_value(), autocommit=True) as link:
        ended = link.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
        ).fetchall()
    return len(ended)


def test_a_connection_that_was_used_just_now_and_died_is_replaced(ledger: Ledger) -> None:
    """A server that ends every connection costs nobody a statement, also right after the last one."""
    job = ledger.running()
    ledger.publisher.published(job)

    ended = _end_connections_of_app(ledger)
    ledger.publisher.succeed(job, result={})
    state = ledger.state(job)

    assert ended >= 1
    assert state is State.SUCCEEDED


def test_a_connection_that_works_is_not_asked_before_each_use(ledger: Ledger) -> None:
    """A statement that follows another one is one round trip: nothing is sent only to see whether it arrives."""
    ledger.submit()
    with ledger.keeper_database.connection() as connection:
        pid = connection.info.backend_pid

    with ledger.owner() as owner:
        before = _last_statement(owner, pid)
        with ledger.keeper_database.connection():
            after = _last_statement(owner, pid)

    assert after == before


def _last_statement(owner: psycopg.Connection[dict[str, object]], pid: int) -> object:
    found = owner.execute("select query, state_change from pg_stat_activity where pid = %s", (pid,)).fetchone()
    assert found is not None
    return found


def test_one_question_names_its_tenant_for_itself_alone(ledger: Ledger) -> None:
    """A tenant's question sees that tenant's rows and nobody else's, and the next use of the connection sees none."""
    ledger.add_tenants(TENANT_A, TENANT_B)
    job = ledger.submit(tenant=TENANT_A)
    ledger.submit(tenant=TENANT_B)

    mine = ledger.app.ask(TENANT_A, _MINE, {"tenant": TENANT_A})
    other = ledger.app.ask(TENANT_A, _MINE, {"tenant": TENANT_B})
    with ledger.app.connection() as connection:
        left = connection.execute(_MINE, {"tenant": TENANT_A}).fetchall()

    assert [row["id"] for row in mine] == [job.id]
    assert (other, left) == ([], [])
