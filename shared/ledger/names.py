"""Names: the paths and symbols of published text, which answer a search while nobody who has the text is there."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from shared.ledger.paths import bytes_of, text_of
from shared.ledger.postgres import Connection, Database
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.text import plain
from shared.textual import Name, NamesRow, Textual
from shared.words import words

_SQL = queries("names")
_Row = TypeVar("_Row")
#: Rows of one statement: few round trips, and no statement of more than a few MB.
_BATCH = 2_000
#: Words of a question that are asked for.
_MOST_WORDS = 32
#: Names of a file that an answer shows.
_MOST_SHOWN = 3
#: For each file of an answer, so many that lead by their words are looked at.
_LOOKED_AT = 10
_Postings = defaultdict[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class NamedFile:
    """A file whose names or path have words that were asked for; ``names`` are those that have most of them."""

    repository_id: str
    #: The repository's name.
    repository: str
    path: str
    language: str
    names: tuple[Name, ...]
    #: Orders the files of one answer.
    score: float


class NamesReader:
    """What a tenant finds by names alone, in its own repositories; answers while every worker sleeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(
        self, asked: Sequence[str], *, tenant: UUID, repository_ids: Sequence[str] | None, path: str, limit: int
    ) -> list[NamedFile]:
        """Return up to ``limit`` files that have one of the words at least, best first.

        ``asked`` are search words (``shared.words.words``). ``repository_ids`` are those to look in, ``None`` all;
        ``path`` is what the paths begin with.

        Raises:
            LedgerUnavailable: Postgres does not answer.
        """
        distinct = list(dict.fromkeys(asked))[:_MOST_WORDS]
        if not distinct:
            return []
        given = {
            "words": distinct,
            "repositories": None if repository_ids is None else list(repository_ids),
            "path": bytes_of(path),
            "most": _LOOKED_AT * limit,
            "limit": limit,
        }
        return [_named_file(row, set(distinct)) for row in self._database.ask(tenant, _SQL["search"], given)]


def clear_names(connection: Connection, repository_id: str) -> None:
    """Take out every name of a repository."""
    for statement in ("clear", "clear_words"):
        connection.execute(_SQL[statement], {"repository_id": repository_id})


def replace_names(connection: Connection, job: Job, textual: Textual) -> None:
    """Put in the names of what was cut anew; those of other files stay where the text builds on what is published."""
    key = {"tenant": job.tenant_id, "repository_id": job.repository_id}
    if textual.builds_on is None:
        clear_names(connection, job.repository_id)
    elif textual.without:
        _drop(connection, job.repository_id, textual.without)
    row = connection.execute(_SQL["next"], key).fetchone()
    assert row is not None
    symbols, paths = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for rows in _batches(enumerate(textual.rows, start=row["number"])):
        given = {column: [value(row) for row in rows] for column, value in _COLUMNS.items()}
        connection.execute(_SQL["add"], {**key, **given, "size": [_note(*row, symbols, paths) for row in rows]})
    for found in _batches(sorted(symbols.keys() | paths.keys())):
        lists = {name: [_list(of[word]) for word in found] for name, of in (("symbols", symbols), ("paths", paths))}
        connection.execute(_SQL["add_words"], {**key, "word": found, **lists})


def _drop(connection: Connection, repository_id: str, gone: Sequence[str]) -> None:
    key = {"repository_id": repository_id}
    numbers, had = list[int](), set[str]()
    for paths in _batches(gone):
        found = connection.execute(_SQL["drop"], {**key, "paths": [bytes_of(path) for path in paths]}).fetchall()
        numbers += [row["number"] for row in found]
        for row in found:
            had.update(words(text_of(row["path"])), *(words(name[0]) for name in row["names"]))
    for some in _batches(sorted(had)):
        connection.execute(_SQL["drop_words"], {**key, "numbers": numbers, "words": some})
        connection.execute(_SQL["drop_unused"], {**key, "words": some})


def _note(number: int, row: NamesRow, symbols: _Postings, paths: _Postings) -> int:
    """Note which words a file has; return how many."""
    named = {word for one in row.names for word in words(one.symbol)}
    placed = set(words(row.path))
    for word in named:
        symbols[word].append(number)
    for word in placed:
        paths[word].append(number)
    return len(named | placed)


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _list(numbers: Iterable[int]) -> str:
    """Return numbers as Postgres writes an array: an array of arrays would have to be a rectangle."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _shown(names: Iterable[Name]) -> str:
    return json.dumps([[plain(one.symbol), one.kind, one.start, one.end] for one in names])


#: Of (number, row).
_COLUMNS: Mapping[str, Callable[[tuple[int, NamesRow]], object]] = {
    "number": lambda row: row[0],
    "path": lambda row: bytes_of(row[1].path),
    "language": lambda row: row[1].language,
    "names": lambda row: _shown(row[1].names),
}


def _named_file(row: dict[str, Any], asked: set[str]) -> NamedFile:
    names = [Name(symbol=symbol, kind=kind, start=start, end=end) for symbol, kind, start, end in row["names"]]
    return NamedFile(
        repository_id=row["repository_id"],
        repository=row["repository"],
        path=text_of(row["path"]),
        language=row["language"],
        names=_best(names, asked),
        score=row["score"],
    )


def _best(names: Sequence[Name], asked: set[str]) -> tuple[Name, ...]:
    """Return the names that have most of the words, the shorter first where they have as many; none without any."""
    shared = Counter({place: len(asked.intersection(words(one.symbol))) for place, one in enumerate(names)})
    places = [place for place, common in shared.items() if common]
    places.sort(key=lambda place: (-shared[place], len(names[place].symbol), place))
    return tuple(names[place] for place in places[:_MOST_SHOWN])
