"""What an ingest learned of a commit's text, as the ledger keeps it: which collection has it, and names, never text.

The compute process writes it to a file of JSON lines, the worker reads it back and publishes it in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

#: Raised whenever the lines change: worker and compute process are of one version, or nothing is published.
_FORMAT = 1
_MOST_LINE = 4 << 20
_MOST_ROWS = 1_000_000
#: Names that are kept of one file.
MOST_NAMES = 500
#: What has lines of its own in the file.
_LISTS = ("without", "rows")


@dataclass(frozen=True, kw_only=True)
class PublishedText:
    """The generation of a repository's text that everybody sees."""

    commit: str
    generation: int
    collection: str
    #: The payload's parameters that shaped it.
    parameters: dict[str, Any]
    #: Where its passages lie.
    vector_store: str
    node: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A symbol, or a document's heading, and the lines that it stands for, from 1, both included."""

    symbol: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesRow:
    """The names of one file: what answers a search while nobody who has the text is there."""

    path: str
    language: str
    names: tuple[Name, ...]


@dataclass(frozen=True, kw_only=True)
class Textual:
    """Everything that one generation of a repository's text publishes in the ledger."""

    commit: str
    #: The collection that holds its passages, by its name; a model's and a chunker's own.
    collection: str
    model: str
    dimension: int
    #: The payload's parameters that shaped it.
    parameters: dict[str, Any]
    passages: int
    #: Figures about the run: files, passages embedded and taken from the cache, seconds by stage.
    stats: dict[str, Any]
    #: The published generation whose names stay, but for the paths in ``without``; ``None``: nothing stays.
    builds_on: int | None = None
    without: tuple[str, ...] = ()
    #: The names of the files that were cut anew.
    rows: tuple[NamesRow, ...]

    def write(self, path: Path) -> None:
        """Write as JSON lines: a head, then a line for each path that does not stay, and for each file."""
        head = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _LISTS}
        counts = {name: len(getattr(self, name)) for name in _LISTS}
        with path.open("w", encoding="utf-8") as out:
            out.write(json.dumps({"format": _FORMAT, "counts": counts, **head}) + "\n")
            out.writelines(json.dumps(one) + "\n" for one in self.without)
            out.writelines(json.dumps(asdict(row)) + "\n" for row in self.rows)

    @classmethod
    def read(cls, path: Path) -> Textual:
        """Read what ``write`` wrote.

        Raises:
            ValueError: the file was cut short, or is another version's.
        """
        with path.open(encoding="utf-8") as lines:
            head = json.loads(_line(lines))
            if head.pop("format", None) != _FORMAT:
                raise ValueError("the text's file was written by another version of Pharos")
            counts = head.pop("counts")
            if not all(0 <= counts[name] <= _MOST_ROWS for name in _LISTS):
                raise ValueError("the text's file has more rows than any repository")
            without = tuple(json.loads(_line(lines)) for _ in range(counts["without"]))
            return cls(**head, without=without, rows=tuple(_rows(lines, counts["rows"])))


def _rows(lines: IO[str], count: int) -> Iterator[NamesRow]:
    for _ in range(count):
        row = json.loads(_line(lines))
        names = tuple(Name(**name) for name in row.pop("names"))
        if len(names) > MOST_NAMES:
            raise ValueError(f"the text's file has more than {MOST_NAMES} names of one file")
        yield NamesRow(**row, names=names)


def _line(lines: IO[str]) -> str:
    line = lines.readline(_MOST_LINE)
    if not line.endswith("\n"):
        raise ValueError("the text's file was cut short")
    return line
