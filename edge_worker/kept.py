"""A file of SQLite that may be lost: whatever happens to it, it costs time and nothing else.

One that is damaged, or that is no such file, is put aside and made anew; one that cannot be written is not used; a
process that is killed leaves whole transactions.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
#: How full it is after the oldest went.
_KEPT = 0.75
#: How long another process may hold the file; a commit takes milliseconds.
_PATIENCE_SECONDS = 2.0


class KeptFile:
    """Such a file, open unless ``trouble`` says otherwise.

    ``statements`` are its own, beside those of ``kept.sql``: ``create``, ``set_mark``, ``set_version``, ``count`` and
    ``drop``, which forgets as many of the oldest as it is given. ``ours`` is the mark and the version that it has.
    """

    def __init__(self, path: Path, *, statements: Path, ours: tuple[int, int], otherwise: str) -> None:
        self._path = path
        self._ours = ours
        #: What follows when it cannot be used, in words.
        self._otherwise = otherwise
        self.sql: Mapping[str, str] = {**read_sql(Path(__file__).with_suffix(".sql")), **read_sql(statements)}
        #: What went wrong, in a sentence.
        self.trouble: str | None = None
        self.database = self._opened()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection | None]:
        """One transaction that writes; ``None`` for a file that cannot be used. An error of the file ends its use."""
        try:
            if self.database is None:
                yield None
                return
            with self.database:
                self.database.execute(self.sql["begin"])
                yield self.database
        except sqlite3.Error as error:
            self.give_up(error)

    def make_room(self, database: sqlite3.Connection, most_bytes: int) -> None:
        """Let the oldest go where there is too much. The file keeps its size: freed pages are written again."""
        pages, size = database.execute(self.sql["pages"]).fetchone()
        if pages * size > most_bytes:
            count = self._number(database, "count")
            database.execute(self.sql["drop"], (count - int(count * _KEPT * most_bytes / (pages * size)),))

    def give_up(self, error: Exception) -> None:
        """Use the file no longer if it is held or cannot be written; make it anew if it is damaged."""
        self.close()
        if isinstance(error, sqlite3.OperationalError):
            self.trouble = f"The cache {self._path} cannot be used ({error}); {self._otherwise}."
            return
        self.trouble = f"The cache {self._path} is damaged ({error}); it is made anew."
        try:
            _put_aside(self._path)
        except OSError as refused:
            self.trouble = f"The damaged cache {self._path} cannot be put aside ({refused}); {self._otherwise}."
            return
        self.database = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        if self.database is not None:
            self.database.close()
            self.database = None

    def _opened(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return self._connected()
            except (sqlite3.OperationalError, OSError):
                raise
            except (sqlite3.DatabaseError, ValueError) as error:
                self.trouble = f"The cache {self._path} is no such cache or damaged ({error}); it is made anew."
                _put_aside(self._path)
                return self._connected()
        except (sqlite3.Error, OSError, ValueError) as error:
            self.trouble = f"The cache {self._path} cannot be used ({error}); {self._otherwise}."
            return None

    def _connected(self) -> sqlite3.Connection:
        """Return the open file.

        Raises:
            sqlite3.OperationalError: it cannot be opened or is held for too long.
            sqlite3.DatabaseError: it is damaged.
            ValueError: it is a database of somebody else, or of another version.
        """
        database = sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS, isolation_level=None)
        try:
            database.execute(self.sql["settle"])
            if not self._is_ours(database):
                with database:
                    database.execute(self.sql["begin"])
                    # Another process may have been first.
                    if not self._is_ours(database):
                        self._make(database)
        except BaseException:
            database.close()
            raise
        return database

    def _is_ours(self, database: sqlite3.Connection) -> bool:
        return (self._number(database, "mark"), self._number(database, "version")) == self._ours

    def _make(self, database: sqlite3.Connection) -> None:
        if self._number(database, "mark") or self._number(database, "changes"):
            raise ValueError("it was made by another program or version")
        for statement in ("create", "set_mark", "set_version"):
            database.execute(self.sql[statement])

    def _number(self, database: sqlite3.Connection, statement: str) -> int:
        (value,) = database.execute(self.sql[statement]).fetchone()
        return int(value)


@cache
def read_sql(path: Path) -> Mapping[str, str]:
    """Return the statements of a ``.sql`` file by name."""
    parts = _NAME.split(path.read_text("utf-8"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _put_aside(path: Path) -> None:
    """Keep one such file beside the new one: it may be somebody's. Its journal must not meet the new one."""
    path.replace(path.with_name(f"{path.name}.bad"))
    for ending in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
