"""``pharos db``: making the ledger, with the owner's URL that no other process sees."""

from __future__ import annotations

import typer

from pharos.cli.options import AsJson
from pharos.cli.output import put, put_json, say

group = typer.Typer(help="Make the ledger and bring it up to date.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _db() -> None:
    """Make the ledger and bring it up to date."""


@group.command("init")
def init(as_json: AsJson = False) -> None:
    """Make the roles and the tables with PHAROS_OWNER_DATABASE_URL; safe to run again, also after an update."""
    from pharos.roles import choose_roles
    from shared.ledger.migrate import initialise, latest_version
    from shared.settings import OwnerSettings, load

    settings = load(OwnerSettings)
    roles = choose_roles(settings)
    applied = initialise(
        settings.owner_database_url, app_password=roles.app_password, keeper_password=roles.keeper_password
    )
    urls = {name: url.get_secret_value() for name, url in roles.new_urls.items()}
    say(f"The ledger has schema {latest_version()}. Applied now: {', '.join(applied) or 'nothing'}.")
    if urls:
        say("The roles have new passwords; these are shown once. Give the variables to the control plane and workers:")
    if as_json:
        put_json({"schema": latest_version(), "applied": applied, "urls": urls})
        return
    for name, url in urls.items():
        put(f"{name}={url}")
