"""The rows of one generation of a repository: put in by the thousand, and taken out with the repository or the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from shared.knowledge import Knowledge, Standing
from shared.ledger.paths import bytes_of
from shared.ledger.postgres import Connection
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.paths import folder_of, is_test, subject_of
from shared.text import plain

_SQL = queries("knowledge")
_CLEARED = ("clear_files", "clear_edges", "clear_cycles", "clear_communities", "clear_unresolved")
#: Rows of one statement: few round trips, and no statement of more than a few MB.
_BATCH = 5_000
#: Of files that nobody analysed.
_UNKNOWN = Standing()

#: For each column, what a row has there.
_Columns = Mapping[str, Callable[[Any], object]]


def clear(connection: Connection, repository_id: str) -> None:
    """Take out every row that speaks of a repository's files."""
    for name in _CLEARED:
        connection.execute(_SQL[name], {"repository_id": repository_id})


def add_rows(connection: Connection, job: Job, knowledge: Knowledge) -> None:
    """Put in what an ingest learned, table by table; fastest inside a pipeline."""
    analysis = knowledge.analysis
    standings = analysis.standings or (_UNKNOWN,) * len(knowledge.files)
    tables: tuple[tuple[str, _Columns, Iterable[object]], ...] = (
        ("add_files", _FILE, zip(knowledge.files, standings, strict=True)),
        ("add_edges", _EDGE, knowledge.edges),
        ("add_cycles", _CYCLE, enumerate(analysis.cycles)),
        ("add_communities", _COMMUNITY, enumerate(analysis.communities)),
        ("add_unresolved", _UNRESOLVED, enumerate(knowledge.unresolved)),
    )
    key = {"tenant": job.tenant_id, "repository_id": job.repository_id}
    for name, columns, rows in tables:
        rest = iter(rows)
        while batch := list(islice(rest, _BATCH)):
            given = {column: [value(row) for row in batch] for column, value in columns.items()}
            connection.execute(_SQL[name], {**key, **given})


def _list(values: Iterable[float]) -> str:
    """Return numbers as Postgres writes an array: an array of arrays would have to be a rectangle."""
    return "{" + ",".join(map(repr, values)) + "}"


def _words(words: Sequence[str]) -> str:
    return " ".join(words)


#: Of (file, standing).
_FILE: _Columns = {
    "number": lambda row: row[0].number,
    "path": lambda row: bytes_of(row[0].path),
    "language": lambda row: row[0].language,
    "size": lambda row: row[0].size,
    "blob": lambda row: row[0].blob,
    "status": lambda row: row[0].status,
    "isolated": lambda row: row[0].isolated,
    "similar_to": lambda row: _list(number for number, _ in row[0].similar),
    "similarity": lambda row: _list(score for _, score in row[0].similar),
    "flags": lambda row: _words(row[0].flags),
    "subject": lambda row: plain(subject_of(row[0].path)),
    "folder": lambda row: bytes_of(folder_of(row[0].path)),
    "test": lambda row: is_test(row[0].path),
    "rank": lambda row: row[1].rank,
    "importers": lambda row: row[1].importers,
    "imports": lambda row: row[1].imports,
    "community": lambda row: row[1].community,
    "orphan": lambda row: row[1].orphan,
}
_EDGE: _Columns = {
    "source": lambda edge: edge.source,
    "target": lambda edge: edge.target,
    "kinds": lambda edge: _words(edge.kinds),
    "line": lambda edge: edge.line,
    "confidence": lambda edge: edge.confidence,
}
#: Of (number, what has it), as the next two.
_CYCLE: _Columns = {
    "number": lambda row: row[0],
    "files": lambda row: _list(row[1].files),
    "cut_from": lambda row: _list(start for start, _ in row[1].cut),
    "cut_to": lambda row: _list(end for _, end in row[1].cut),
    "at_least": lambda row: row[1].at_least,
}
_COMMUNITY: _Columns = {
    "number": lambda row: row[0],
    "size": lambda row: row[1].size,
    "inside": lambda row: row[1].inside,
    "across": lambda row: row[1].across,
    "leaders": lambda row: _list(row[1].leaders),
}
_UNRESOLVED: _Columns = {
    "number": lambda row: row[0],
    "source": lambda row: row[1].source,
    "line": lambda row: row[1].line,
    "module": lambda row: plain(row[1].module),
}
