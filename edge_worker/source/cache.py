"""What was read of each contents, kept on this machine: they decide what a file imports, so none is parsed twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType

from edge_worker.kept import KeptFile
from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.remembered import Remembered, from_row, to_row

#: A name of the contents (a hash of them) and the name of a language.
Wanted = tuple[str, str]

#: This program's mark and the version of the rows, as ``cache.sql`` sets them. The version is raised whenever rows mean
#: something else than before, or the same contents earn other flags.
_OURS = 1349011811, 1
_DAY = 86_400
_MOST_BYTES = 256 * 2**20
#: As many are asked for in one statement.
_BATCH = 10_000


class ParsedCache:
    """A context manager. What is new is written by ``close``; what nobody asked for longest goes when it is full."""

    def __init__(self, path: Path, *, most_bytes: int, today: int) -> None:
        self._file = KeptFile(
            path,
            statements=Path(__file__).with_suffix(".sql"),
            ours=_OURS,
            otherwise="every file is read",
        )
        self._most_bytes = most_bytes
        self._today = today
        self._new: dict[str, bytes] = {}
        self._used: set[str] = set()

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

    @property
    def trouble(self) -> str | None:
        """What went wrong, in a sentence; the cache can be used all the same, and may know nothing."""
        return self._file.trouble

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
            self._file.give_up(error)
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
        if self._new or self._used:
            self._write()
        self._file.close()

    def _rows(self, keys: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
        asked = iter(keys)
        while self._file.database is not None and (batch := list(islice(asked, _BATCH))):
            yield from self._file.database.execute(self._file.sql["find"], (json.dumps(batch),))

    def _write(self) -> None:
        sql = self._file.sql
        with self._file.writing() as database:
            if database is None:
                return
            rows = ((key, self._today, row) for key, row in self._new.items())
            database.executemany(sql["keep"], rows)
            database.executemany(sql["use"], ((self._today, key) for key in self._used))
            self._file.make_room(database, self._most_bytes)
        self._new.clear()
        self._used.clear()


def _key(contents: str, language: str) -> str:
    return f"{contents}:{language}:{known()[language].version}"
