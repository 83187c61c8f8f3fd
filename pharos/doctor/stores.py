"""What a process of this machine would stand on: Postgres and Redis, where their URLs are set."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from pharos.doctor.check import LIMIT, Check, Finding
from shared.errors import MailboxUnavailable

if TYPE_CHECKING:
    from shared.mailbox.addresses import RestAddress

_SPOKEN = {"tcp": "TCP", "unix": "a unix socket", "rest": "REST"}


def store_checks(environment: Mapping[str, str], *, vectors: Path | None) -> list[Check]:
    """Return the checks of the stores that ``environment`` names; ``vectors`` is where LanceDB keeps them, if here."""
    checks = []
    if vectors is not None:
        checks.append(
            Check(group="stores", name="vectors", look=lambda: look_at_folder(vectors), fix=f"chown -R $USER {vectors}")
        )
    for variable, name in (
        ("PHAROS_DATABASE_URL", "Postgres (app)"),
        ("PHAROS_KEEPER_DATABASE_URL", "Postgres (keeper)"),
    ):
        if url := environment.get(variable):
            checks.append(_postgres(name, SecretStr(url)))
    names = ("PHAROS_REDIS_URL", "PHAROS_REDIS_REST_URL", "PHAROS_REDIS_TOKEN")
    url, rest_url, token = (environment.get(name) or None for name in names)
    if url or rest_url:

        def look() -> Finding:
            secrets = (SecretStr(word) if word else None for word in (url, token))
            return look_at_redis(*secrets, rest_url=rest_url)

        fix = "check " + " and ".join(name for name in names[:2] if environment.get(name))
        checks.append(Check(group="queue", name="Redis", look=look, fix=fix))
    return checks


def look_at_postgres(url: SecretStr) -> Finding:
    """Whether the role is a safe one and the schema is this version's."""
    from shared.ledger.migrate import latest_version
    from shared.ledger.postgres import Database

    with closing(Database(url, connections=1, wait=LIMIT)) as database:
        began = time.monotonic()
        database.check()
        taken = time.monotonic() - began
    return Finding(grade="OK", found=f"schema {latest_version()}, role as it should be, {taken * 1000:.0f} ms")


def look_at_redis(url: SecretStr | None, token: SecretStr | None = None, *, rest_url: str | None = None) -> Finding:
    """Whether Redis answers, and over which transport; both are asked where both are set.

    Raises:
        ConfigurationError, MailboxUnavailable: the settings do not fit together; it answers over none.
    """
    from shared.mailbox.addresses import find_addresses

    found = find_addresses(url, rest_url, token)
    assert found is not None
    ways = [where for where in (found.socket, found.rest) if where is not None]
    with ThreadPoolExecutor(len(ways)) as threads:
        answers = list(threads.map(_ask_redis, ways))
    if found.socket is None or found.rest is None:
        (answer,) = answers
        if isinstance(answer, MailboxUnavailable):
            raise answer
        return Finding(grade="OK", found=f"answers {answer}")
    return _told(*answers, door=_door(found.socket))


def _ask_redis(where: SecretStr | RestAddress) -> str | MailboxUnavailable:
    """Return how fast Redis answered and over what, or why it did not."""
    from shared.mailbox.connection import connect_address
    from shared.mailbox.link import Meter, as_ours

    # A moment less than a check has: one way that is blocked must not take the other's answer with it.
    patience = LIMIT - 0.5
    with closing(connect_address(where, wait=0.0, patience=patience, meter=Meter())) as link:
        began = time.monotonic()
        try:
            with as_ours():
                link.ping()
        except MailboxUnavailable as error:
            return error
        taken = time.monotonic() - began
        return f"in {taken * 1000:.0f} ms over {_SPOKEN[link.transport]}"


def _told(socket: str | MailboxUnavailable, rest: str | MailboxUnavailable, *, door: str) -> Finding:
    if isinstance(rest, MailboxUnavailable):
        if isinstance(socket, MailboxUnavailable):
            raise socket
        cause = rest.details.get("cause")
        return Finding(
            grade="WARN",
            found=f"answers {socket}; not over REST ({cause}), which would stand in for it",
            fix="check PHAROS_REDIS_REST_URL and PHAROS_REDIS_TOKEN",
        )
    if isinstance(socket, MailboxUnavailable):
        blocked = socket.details.get("cause") in {"TimeoutError", "ConnectionError"}
        return Finding(
            grade="OK", found=f"answers {rest}; {door} {'is blocked' if blocked else socket.details.get('cause')}"
        )
    return Finding(grade="OK", found=f"answers {socket}, {rest}")


def _door(url: SecretStr) -> str:
    parts = urlsplit(url.get_secret_value())
    return "the unix socket" if parts.scheme == "unix" else f"TCP {parts.port or 6379}"


def look_at_folder(folder: Path) -> Finding:
    """Whether this user may write where vectors are kept."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return Finding(grade="FAIL", found=f"{folder} cannot be written ({reason})", fix=f"chown -R $USER {folder}")
    return Finding(grade="OK", found=f"{folder} can be written" + ("" if there == folder else " (will be made)"))


def _postgres(name: str, url: SecretStr) -> Check:
    return Check(group="stores", name=name, look=lambda: look_at_postgres(url), fix="pharos db init")
