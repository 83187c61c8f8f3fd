"""What an ingest learned of one commit: files, edges between them, and each file's nearest few.

The compute process writes it to a file of JSON lines, the worker reads it back and publishes it in one transaction;
nothing of a repository's contents is in it but paths and structure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """One source file. ``number`` is its index in the graph; ``similar`` holds (number, cosine), best first."""

    number: int
    path: str
    language: str
    size: int
    blob: str
    #: ``parsed``, ``partial`` (syntax errors, imports kept), ``failed`` (nothing of it is a program) or ``skipped``
    #: (too large, minified, not text).
    status: str
    #: No import leads to it or from it: its vector says nothing about likeness.
    isolated: bool
    similar: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class EdgeRow:
    """File ``source`` imports file ``target``; ``kinds`` are the resolver's words, ``line`` is its first import.

    ``confidence`` is 1 for an edge that a rule of the language gives, less for a guess from evidence.
    """

    source: int
    target: int
    kinds: tuple[str, ...]
    line: int
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """Everything that one generation of a repository publishes in the ledger."""

    commit: str
    files: tuple[FileRow, ...]
    edges: tuple[EdgeRow, ...]
    #: Figures about the run: files seen and skipped, imports unresolved, seconds by stage, method and parameters.
    stats: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write as JSON lines: a head, then one line a file and one an edge."""
        with path.open("w", encoding="utf-8") as out:
            head = {"commit": self.commit, "stats": self.stats, "files": len(self.files), "edges": len(self.edges)}
            out.write(json.dumps(head) + "\n")
            out.writelines(json.dumps(asdict(row)) + "\n" for row in self.files)
            out.writelines(json.dumps(asdict(row)) + "\n" for row in self.edges)

    @classmethod
    def read(cls, path: Path) -> Knowledge:
        """Read what ``write`` wrote.

        Raises:
            ValueError: the file was cut short.
        """
        with path.open(encoding="utf-8") as lines:
            head = json.loads(next(_take(lines, 1)))
            files = tuple(_file_row(json.loads(line)) for line in _take(lines, head["files"]))
            edges = tuple(_edge_row(json.loads(line)) for line in _take(lines, head["edges"]))
        return cls(commit=head["commit"], files=files, edges=edges, stats=head["stats"])


def _take(lines: Iterator[str], count: int) -> Iterator[str]:
    for _ in range(count):
        line = next(lines, None)
        if line is None:
            raise ValueError("the knowledge file was cut short")
        yield line


def _file_row(row: dict[str, Any]) -> FileRow:
    similar = tuple((int(number), float(score)) for number, score in row.pop("similar"))
    return FileRow(**row, similar=similar)


def _edge_row(row: dict[str, Any]) -> EdgeRow:
    return EdgeRow(**{**row, "kinds": tuple(row["kinds"])})
