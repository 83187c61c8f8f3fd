"""The passwords that ``pharos db init`` gives the roles."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pharos.roles import choose_roles
from shared.errors import ConfigurationError
from shared.settings import OwnerSettings

OWNER = "postgresql://owner:s3cret@db.example:5432/pharos?sslmode=require"


def settings(owner: str = OWNER, app: str | None = None, keeper: str | None = None) -> OwnerSettings:
    return OwnerSettings(
        owner_database_url=SecretStr(owner),
        database_url=SecretStr(app) if app else None,
        keeper_database_url=SecretStr(keeper) if keeper else None,
    )


def test_given_passwords_are_taken() -> None:
    """Passwords of URLs that are set are taken, decoded, and no URL is shown."""
    roles = choose_roles(
        settings(app="postgresql://pharos_app:p%40ss@h/d", keeper="host=h user=pharos_keeper password=other")
    )

    assert roles.app_password.get_secret_value() == "p@ss"
    assert roles.keeper_password.get_secret_value() == "other"
    assert roles.new_urls == {}


@pytest.mark.parametrize(
    "owner", [OWNER, "host=db.example port=5432 dbname=pharos user=owner password=s3cret sslmode=require"]
)
def test_new_urls_lead_to_the_same_database(owner: str) -> None:
    """A URL that is made leads to the owner's database as the role, with its new password and without the owner's."""
    roles = choose_roles(settings(owner))

    made = roles.new_urls["PHAROS_KEEPER_DATABASE_URL"].get_secret_value()
    parts = conninfo_to_dict(made)
    assert parts["user"] == "pharos_keeper"
    assert parts["password"] == roles.keeper_password.get_secret_value()
    assert (parts["host"], parts["dbname"], parts["sslmode"]) == ("db.example", "pharos", "require")
    assert "s3cret" not in made


def test_each_role_has_its_own_password() -> None:
    """Two roles never share a made password."""
    roles = choose_roles(settings())

    assert roles.app_password != roles.keeper_password


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://postgres:geheim@h/d", "must name the role pharos_app"),
        ("postgresql://pharos_app@h/d", "has no password"),
        ("geheim:geheim", "is not a Postgres URL"),
    ],
)
def test_unfit_url(url: str, message: str) -> None:
    """A URL that cannot give a password is refused by the variable's name, and nothing of it is shown."""
    with pytest.raises(ConfigurationError, match=message) as refused:
        choose_roles(settings(app=url))

    assert "PHAROS_DATABASE_URL" in refused.value.message
    assert "geheim" not in refused.value.message
