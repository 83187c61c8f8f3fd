"""What a process of this machine would stand on: Postgres and Redis, where their URLs are set."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from pharos.doctor.check import LIMIT, Check, Finding


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
    if url := environment.get("PHAROS_REDIS_URL"):
        address = SecretStr(url)
        checks.append(
            Check(group="queue", name="Redis", look=lambda: look_at_redis(address), fix="check PHAROS_REDIS_URL")
        )
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


def look_at_redis(url: SecretStr) -> Finding:
    """Whether Redis answers."""
    from shared.mailbox.connection import as_ours, connect

    with as_ours(), closing(connect(url, wait=0.0, patience=LIMIT)) as client:
        began = time.monotonic()
        client.ping()
        taken = time.monotonic() - began
    return Finding(grade="OK", found=f"answers in {taken * 1000:.0f} ms")


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
