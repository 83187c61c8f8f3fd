"""Making the ledger and bringing it up to date: roles, schema, and numbered migrations under an advisory lock."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from shared.errors import ConfigurationError, LedgerUnavailable
from shared.ledger.queries import queries

_FILE = re.compile(r"^(\d{4})_(\w+)\.sql$")
#: Any number will do, as long as every version of Pharos takes the same.
_LOCK = 7_401_937_001

APP_ROLE = "pharos_app"
KEEPER_ROLE = "pharos_keeper"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One numbered step of the schema."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text: an applied migration is never changed."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@cache
def migrations() -> tuple[Migration, ...]:
    """Return every migration in order."""
    folder = files("shared.ledger").joinpath("migrations")
    found = (
        Migration(version=int(match[1]), name=match[2], text=entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if (match := _FILE.match(entry.name))
    )
    return tuple(sorted(found, key=lambda migration: migration.version))


def latest_version() -> int:
    """Return the schema version that this version of Pharos was written for."""
    return migrations()[-1].version


def initialise(owner_url: SecretStr, *, app_password: SecretStr, keeper_password: SecretStr) -> list[str]:
    """Make the roles and apply every migration that is missing; return the names of those applied.

    Safe to run twice and by two processes at once.

    Raises:
        LedgerUnavailable: Postgres does not answer.
        ConfigurationError: the owner may not do this, or an applied migration was changed since.
    """
    try:
        with psycopg.connect(
            owner_url.get_secret_value(), connect_timeout=10, autocommit=True, row_factory=dict_row
        ) as link:
            link.execute("select pg_advisory_lock(%s)", (_LOCK,))
            _make_role(link, APP_ROLE, app_password)
            _make_role(link, KEEPER_ROLE, keeper_password)
            for name in ("schema", "usage", "migrations", "read_migrations"):
                link.execute(queries("roles")[name])
            return [_apply(link, migration) for migration in _missing(link)]
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"The role of PHAROS_OWNER_DATABASE_URL may not make roles and tables ({error.diag.message_primary}). "
            "Nothing more was changed. Use the owner's connection string."
        ) from error
    except psycopg.OperationalError as error:
        raise LedgerUnavailable(
            "Postgres does not answer under PHAROS_OWNER_DATABASE_URL. Nothing was changed; check the address and "
            "the password.",
            cause=type(error).__name__,
        ) from error


def _make_role(link: psycopg.Connection[dict[str, object]], name: str, password: SecretStr) -> None:
    there = link.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter") if there else sql.SQL("create")
    # A utility statement takes no parameters; the password goes as a quoted literal, since hosted Postgres refuses one
    # that was hashed by the client.
    link.execute(
        sql.SQL("{} role {} login noinherit password {}").format(
            verb, sql.Identifier(name), sql.Literal(password.get_secret_value())
        )
    )
    for setting, value in (("statement_timeout", "60s"), ("lock_timeout", "20s"), ("timezone", "UTC")):
        link.execute(
            sql.SQL("alter role {} set {} = {}").format(
                sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)
            )
        )


def _missing(link: psycopg.Connection[dict[str, object]]) -> list[Migration]:
    rows = link.execute("select version, checksum from pharos.migrations").fetchall()
    applied = {row["version"]: row["checksum"] for row in rows}
    for migration in migrations():
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise ConfigurationError(
                f"Migration {migration.version} was applied with another text than this version has. Nothing was "
                "changed. Use the version of Pharos that made this ledger."
            )
    return [migration for migration in migrations() if migration.version not in applied]


def _apply(link: psycopg.Connection[dict[str, object]], migration: Migration) -> str:
    with link.transaction():
        link.execute(migration.text.encode())
        link.execute(
            "insert into pharos.migrations (version, name, checksum) values (%s, %s, %s)",
            (migration.version, migration.name, migration.checksum),
        )
    return f"{migration.version:04d}_{migration.name}"
