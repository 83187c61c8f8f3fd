"""What Postgres refuses, as ours: a value that it cannot hold, or a moment in which it records nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, LiteralString

import psycopg
import pytest
from ledger_world import Ledger, file_row, knowledge, submission

from shared.errors import LedgerRefused, LedgerUnavailable, RequestError
from shared.jobs.states import State
from shared.ledger.postgres import Connection
from shared.ledger.records import DEFAULT_TENANT

_IMPOSSIBLE: dict[str, dict[str, Any]] = {"nul": {"repository": "github.com/acme/a\x00i"}, "huge": {"ttl_ms": 2**62}}


@pytest.mark.parametrize("changes", _IMPOSSIBLE.values(), ids=_IMPOSSIBLE)
def test_value_that_cannot_be_kept_is_refused(ledger: Ledger, changes: dict[str, Any]) -> None:
    """A value that no row can hold is the asker's fault, nothing is recorded, and the ledger is not taken for down."""
    ledger.submit("github.com/acme/other")

    with pytest.raises(LedgerRefused) as error:
        ledger.keeper.submit(replace(submission(), **changes), cap=10)

    assert isinstance(error.value, RequestError)
    assert error.value.code == "LEDGER_REFUSED"
    assert isinstance(error.value.__cause__, psycopg.DataError)
    assert len(ledger.keeper.open_jobs()) == 1
    assert ledger.keeper_database.known[0] is True


def test_name_that_cannot_be_asked_for_is_refused(ledger: Ledger) -> None:
    """A NUL in what somebody looks for is refused in the same words as one in what somebody adds."""
    with pytest.raises(LedgerRefused):
        ledger.repositories.show("repo\x00", tenant=DEFAULT_TENANT)


def test_refused_publish_leaves_the_attempt_running(ledger: Ledger) -> None:
    """What was learned and cannot be kept is not half-kept."""
    job = ledger.running()
    learned = replace(knowledge(2), files=(file_row(0), file_row(1, language="a\x00b")))

    with pytest.raises(LedgerRefused):
        ledger.publish(job, learned)

    assert ledger.state(job) is State.RUNNING
    assert ledger.repositories.show(job.repository_id, tenant=DEFAULT_TENANT) is None


def _both(connection: Connection, first: LiteralString, second: LiteralString) -> None:
    connection.execute(first)
    connection.execute(second)


@pytest.mark.parametrize(
    ("before", "statement", "cause"),
    [
        (
            "set transaction read only",
            "update pharos.jobs set reason = 'x'",
            psycopg.errors.ReadOnlySqlTransaction,
        ),
        ("select 1", "select * from pharos.a_table_of_another_version", psycopg.errors.UndefinedTable),
    ],
)
def test_ledger_that_records_nothing_is_unavailable(
    ledger: Ledger, before: LiteralString, statement: LiteralString, cause: type[psycopg.Error]
) -> None:
    """A read-only server, and a schema that is not ours, are told as a ledger that is away, with the SQLSTATE."""
    with pytest.raises(LedgerUnavailable) as error, ledger.app.transaction(DEFAULT_TENANT) as connection:
        _both(connection, before, statement)

    assert isinstance(error.value.__cause__, cause)
    assert error.value.details == {"cause": cause.__name__, "sqlstate": cause.sqlstate}
    assert ledger.app.known[0] is False
