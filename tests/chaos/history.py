"""What was asked and what the ledger did: the words that the checker reads, and how they are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg.rows import dict_row

from shared.ledger.records import DEFAULT_TENANT

#: ``fail``: planted to end as failed; ``idle``: succeeds with nothing to publish.
Fate = Literal["succeed", "fail", "idle"]
_SQL = Path(__file__).with_name("history.sql")
_VISIBLE = """
select r.id as repository_id, r.generation, r.commit,
       array(select convert_from(f.path, 'UTF8') from pharos.files f where f.repository_id = r.id order by 1) as paths
  from pharos.repositories r order by r.id
"""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One acknowledged submit: whoever was answered 202 may go home."""

    key: str
    job_id: str
    repository: str
    fate: Fate


@dataclass(frozen=True, kw_only=True)
class Change:
    """A job's row came to be, or changed its state or attempt; ``at`` orders the changes of one job."""

    at: int
    transaction: int
    job_id: str
    repository_id: str
    state: str
    attempt: int
    generation: int | None
    failures: int
    rescues: int
    worker: str | None
    reason: str | None
    #: Seconds since the history began, on the database's clock.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A repository was pointed at a generation; ``commit`` names the job and the attempt that made it."""

    at: int
    transaction: int
    repository_id: str
    generation: int
    commit: str


@dataclass(frozen=True, kw_only=True)
class Visible:
    """What everybody sees of a repository at the end: its generation, and the files that are listed."""

    repository_id: str
    generation: int
    commit: str
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything that the checker looks at."""

    asks: tuple[Ask, ...]
    changes: tuple[Change, ...]
    publications: tuple[Publication, ...]
    visible: tuple[Visible, ...]

    def keep(self, folder: Path) -> Path:
        """Write it down for reading: one line a word."""
        path = folder / "history.jsonl"
        with path.open("w", encoding="utf-8") as out:
            for name in ("asks", "changes", "publications", "visible"):
                out.writelines(json.dumps({"word": name, **asdict(word)}) + "\n" for word in getattr(self, name))
        return path


def begin(owner_url: str) -> None:
    """Have a ledger write down what becomes of its jobs and repositories from now on. For a test's own ledger."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(_SQL.read_bytes())


def read(owner_url: str, app_url: str, asks: list[Ask]) -> History:
    """Return what the ledger wrote down, with what was asked and what its tenant sees now."""
    with psycopg.connect(owner_url, row_factory=dict_row) as owner:
        changes = owner.execute("select * from chaos.changes order by at").fetchall()
        publications = owner.execute("select * from chaos.publications order by at").fetchall()
    with psycopg.connect(app_url, row_factory=dict_row) as app:
        # The owner is under row-level security like everybody else.
        app.execute("select set_config('app.tenant_id', %s, true)", (str(DEFAULT_TENANT),))
        visible = app.execute(_VISIBLE).fetchall()
    return History(
        asks=tuple(asks),
        changes=tuple(Change(**row) for row in changes),
        publications=tuple(Publication(**row) for row in publications),
        visible=tuple(Visible(**{**row, "paths": tuple(row["paths"])}) for row in visible),
    )
