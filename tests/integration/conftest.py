"""A ledger and a mailbox of each test's own, on the servers of the session."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
from ledger_world import APP_PASSWORD, KEEPER_PASSWORD, Ledger
from psycopg import sql
from pydantic import SecretStr

from shared.ledger.migrate import APP_ROLE, KEEPER_ROLE, initialise
from shared.ledger.postgres import Database
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox

if TYPE_CHECKING:
    import redis

    from pharos.stack.postgres import EmbeddedPostgres
    from pharos.stack.redis import EmbeddedRedis


@pytest.fixture(scope="session")
def make_database(postgres_server: EmbeddedPostgres) -> Callable[[], str]:
    """Make an empty database; return its name. It is gone with the server."""

    def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(postgres_server.owner_url(), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        return name

    return make


@pytest.fixture(scope="session")
def migrated(postgres_server: EmbeddedPostgres, make_database: Callable[[], str]) -> Iterator[Ledger]:
    """The session's ledger; a copy of it for each test would cost ten times what emptying it does."""
    name = make_database()
    owner = SecretStr(postgres_server.owner_url(name))
    initialise(owner, app_password=APP_PASSWORD, keeper_password=KEEPER_PASSWORD)
    app = SecretStr(postgres_server.role_url(APP_ROLE, APP_PASSWORD.get_secret_value(), name))
    house = Ledger(
        owner_url=owner,
        app_url=app,
        app=Database(app),
        keeper_database=Database(
            SecretStr(postgres_server.role_url(KEEPER_ROLE, KEEPER_PASSWORD.get_secret_value(), name)), connections=8
        ),
    )
    yield house
    house.close()


@pytest.fixture
def ledger(migrated: Ledger) -> Ledger:
    """A ledger as it is after its first migration: one tenant and nothing else."""
    migrated.empty()
    return migrated


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> SecretStr:
    """Where the session's Redis answers."""
    return SecretStr(redis_server.url)


@pytest.fixture
def redis_link(redis_url: SecretStr) -> Iterator[redis.Redis]:
    """A connection to an empty Redis."""
    link = connect(redis_url, wait=5.0)
    link.flushall()
    yield link
    link.close()


@pytest.fixture
def mailbox(redis_link: redis.Redis, redis_url: SecretStr) -> Iterator[Mailbox]:
    """A mailbox over an empty Redis."""
    box = Mailbox(connect(redis_url, wait=30.0))
    yield box
    box.close()
