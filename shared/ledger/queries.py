"""Named SQL: statements live in ``sql/*.sql``, each under ``-- name: …``; Python holds none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def queries(room: str) -> Mapping[str, bytes]:
    """Return the statements of ``sql/<room>.sql`` by name, as bytes: psycopg takes no string that is not a literal."""
    text = files("shared.ledger").joinpath("sql", f"{room}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return {name: body.strip().encode() for name, body in zip(parts[::2], parts[1::2], strict=True)}
