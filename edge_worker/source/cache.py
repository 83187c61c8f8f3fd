"""What was read of each contents, kept on this machine: they decide what a file imports, so none is parsed twice.

A file of SQLite. Whatever happens to it, nothing is lost but time: a file that is damaged, or that is no such cache, is
put aside and made anew; one that cannot be written is not used; a process that is killed leaves whole transactions.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from types import TracebackType

from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.remembered import Remembered, from_row, to_row

#: A name of the contents (a hash of them) and the name of a language.
Wanted = tuple[str, str]

#: This program's mark and the version of the rows, as ``cache.sql`` sets them. The version is raised whenever rows mean
#: something else than before, or the same contents earn other flags.
_OURS = 1349011811, 1
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_DAY = 86_400
_MOST_BYTES = 256 * 2**20
#: How full it is after the oldest went.
_KEPT = 0.75
#: As many are asked for in one statement.
_BATCH = 10_000
#: How long another process may hold the file; a commit takes milliseconds.
_PATIENCE_SECONDS = 2.0


class ParsedCache:
    """A context manager. What is new is written by ``close``; what nobody asked for longest goes when it is full."""

    def __init__(self, path: Path, *, most_bytes: int, today: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._today = today
        self._new: dict[str, bytes] = {}
        self._used: set[str] = set()
        #: What went wrong, in a sentence; the cache can be used all the same, and may know nothing.
        self.trouble: str | None = None
        self._database = self._opened()

    @classmethod
    def open(cls, path: Path, *, most_bytes: int = _MOST_BYTES, now: Callable[[], float] = time.time) -> ParsedCache:
        """Return the cache in a file, made with the folders above it if it is not there. Never raises."""
        return cls(path, most_bytes=most_bytes, today=int(now() // _DAY))

    def __enter__(self) -> ParsedCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get_many(self, wanted: Iterable[Wanted]) -> dict[Wanted, Remembered]:
        """Return what is known, by contents and language; what is not known has no entry."""
        keys = {_key(*asked): asked for asked in wanted}
        found: dict[Wanted, Remembered] = {}
        try:
            for key, day, row in self._rows(keys):
                found[keys[key]] = from_row(row)
                if day < self._today:
                    self._used.add(key)
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._give_up(error)
            return {}
        return found

    def put(self, contents: str, language: str, *, flags: frozenset[str], parsed: Parsed | None) -> None:
        """Remember what was read of contents. A reading that failed is not kept: the clock may have ended it."""
        if parsed is None or parsed.status != "failed":
            row = to_row(Remembered(flags=flags, parsed=parsed))
            if row is not None:
                self._new[_key(contents, language)] = row

    def close(self) -> None:
        """Write what is new, note which entries were used (once a day each), and make room where there is too little.

        Never raises; ``trouble`` says what could not be written.
        """
        try:
            if self._database is not None and (self._new or self._used):
                self._write(self._database)
        except sqlite3.Error as error:
            self._give_up(error)
        if self._database is not None:
            self._database.close()
            self._database = None

    def _rows(self, keys: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
        asked = iter(keys)
        while self._database is not None and (batch := list(islice(asked, _BATCH))):
            yield from self._database.execute(_sql()["find"], (json.dumps(batch),))

    def _write(self, database: sqlite3.Connection) -> None:
        with database:
            database.execute(_sql()["begin"])
            rows = ((key, self._today, row) for key, row in self._new.items())
            database.executemany(_sql()["keep"], rows)
            database.executemany(_sql()["use"], ((self._today, key) for key in self._used))
            self._make_room(database)
        self._new.clear()
        self._used.clear()

    def _make_room(self, database: sqlite3.Connection) -> None:
        """The file keeps its size: pages that a deletion frees are written again."""
        pages, size = database.execute(_sql()["pages"]).fetchone()
        if pages * size > self._most_bytes:
            count = _number(database, "count")
            database.execute(_sql()["drop"], (count - int(count * _KEPT * self._most_bytes / (pages * size)),))

    def _opened(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return _connected(self._path)
            except (sqlite3.OperationalError, OSError):
                raise
            except (sqlite3.DatabaseError, ValueError) as error:
                self.trouble = f"The cache {self._path} is no such cache or damaged ({error}); it is made anew."
                _put_aside(self._path)
                return _connected(self._path)
        except (sqlite3.Error, OSError, ValueError) as error:
            self.trouble = f"The cache {self._path} cannot be used ({error}); every file is read."
            return None

    def _give_up(self, error: Exception) -> None:
        """Use the file no longer if it is held or cannot be written; make it anew if it is damaged."""
        if self._database is not None:
            self._database.close()
        self._database = None
        if isinstance(error, sqlite3.OperationalError):
            self.trouble = f"The cache {self._path} cannot be used ({error}); every file is read."
            return
        self.trouble = f"The cache {self._path} is damaged ({error}); it is made anew."
        try:
            _put_aside(self._path)
        except OSError as refused:
            self.trouble = f"The damaged cache {self._path} cannot be put aside ({refused}); every file is read."
            return
        self._database = self._opened()


def _connected(path: Path) -> sqlite3.Connection:
    """Return the open cache.

    Raises:
        sqlite3.OperationalError: it cannot be opened or is held for too long.
        sqlite3.DatabaseError: it is damaged.
        ValueError: it is a database of somebody else, or of another version.
    """
    database = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
    try:
        database.execute(_sql()["settle"])
        if not _is_ours(database):
            with database:
                database.execute(_sql()["begin"])
                # Another process may have been first.
                if not _is_ours(database):
                    _make(database)
    except BaseException:
        database.close()
        raise
    return database


def _is_ours(database: sqlite3.Connection) -> bool:
    return (_number(database, "mark"), _number(database, "version")) == _OURS


def _make(database: sqlite3.Connection) -> None:
    if _number(database, "mark") or _number(database, "changes"):
        raise ValueError("it was made by another program or version")
    for statement in ("create", "set_mark", "set_version"):
        database.execute(_sql()[statement])


def _put_aside(path: Path) -> None:
    """Keep one such file beside the new one: it may be somebody's. Its journal must not meet the new one."""
    path.replace(path.with_name(f"{path.name}.bad"))
    for ending in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _number(database: sqlite3.Connection, statement: str) -> int:
    (value,) = database.execute(_sql()[statement]).fetchone()
    return int(value)


@cache
def _sql() -> Mapping[str, str]:
    """Return the statements of ``cache.sql`` by name."""
    parts = _NAME.split(Path(__file__).with_suffix(".sql").read_text("utf-8"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _key(contents: str, language: str) -> str:
    return f"{contents}:{language}:{known()[language].version}"
