"""The two roles of the ledger and their passwords: taken from the URLs that are set, made where none is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.ledger.migrate import APP_ROLE, KEEPER_ROLE
from shared.settings import OwnerSettings


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The roles' passwords, and the URLs of those that were made now, by variable."""

    app_password: SecretStr
    keeper_password: SecretStr
    new_urls: Mapping[str, SecretStr]


def choose_roles(settings: OwnerSettings) -> Roles:
    """Return the passwords that the roles get.

    Raises:
        ConfigurationError: a URL that is set cannot be read, is another role's, or has no password.
    """
    made: dict[str, SecretStr] = {}

    def password(variable: str, role: str, url: SecretStr | None) -> SecretStr:
        if url is not None:
            return _password_of(variable, role, url)
        fresh = secrets.token_urlsafe(32)
        made[variable] = SecretStr(_as_role(settings.owner_database_url.get_secret_value(), role, fresh))
        return SecretStr(fresh)

    app = password("PHAROS_DATABASE_URL", APP_ROLE, settings.database_url)
    keeper = password("PHAROS_KEEPER_DATABASE_URL", KEEPER_ROLE, settings.keeper_database_url)
    return Roles(app_password=app, keeper_password=keeper, new_urls=made)


def _password_of(variable: str, role: str, url: SecretStr) -> SecretStr:
    found = _parsed(variable, url.get_secret_value())
    if found.get("user") != role:
        raise ConfigurationError(
            f"{variable} must name the role {role}, and its user is another one. Nothing was changed. "
            "Correct it, or unset it to have a new password made."
        )
    if not found.get("password"):
        raise ConfigurationError(
            f"{variable} has no password. Nothing was changed. Add one, or unset it to have one made."
        )
    return SecretStr(str(found["password"]))


def _as_role(owner: str, role: str, password: str) -> str:
    _parsed("PHAROS_OWNER_DATABASE_URL", owner)
    if not owner.startswith(("postgresql://", "postgres://")):
        return make_conninfo(owner, user=role, password=password)
    parts = urlsplit(owner)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{quote(password, safe='')}@{place}").geturl()


def _parsed(variable: str, url: str) -> Mapping[str, object]:
    try:
        return conninfo_to_dict(url)
    except ProgrammingError:  # its text would show the URL
        raise ConfigurationError(f"{variable} is not a Postgres URL. Nothing was changed.") from None
