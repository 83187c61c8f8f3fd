"""What an ingest learned of one commit: files, edges, what was not understood, and how the graph is built.

The compute process writes it to a file of JSON lines, the worker reads it back and publishes it in one transaction;
nothing of a repository's contents is in it but paths, structure and the names in imports that lead nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

#: Imports that are kept of those that were not understood; their true count stands in the statistics.
MOST_UNRESOLVED = 5_000
#: Characters that are kept of what such an import names.
MOST_NAME = 300

#: Raised whenever the lines change: worker and compute process are of one version, or nothing is published.
_FORMAT = 2
#: The most that a line may have; a cycle of 100,000 files fits.
_MOST_LINE = 16 << 20
_MOST_ROWS = 10_000_000

_Row = TypeVar("_Row")


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
    #: What it is besides a source: ``generated``, ``vendored``, ``minified``, and other words of the walk.
    flags: tuple[str, ...] = ()


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
class UnresolvedRow:
    """An import of file ``source`` that means something of the repository which is not there, as it was written."""

    source: int
    line: int
    module: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The place of one file in the whole graph."""

    #: PageRank along imports, in multiples of the mean file's.
    rank: float = 1.0
    #: Files that import it, and files that it imports.
    importers: int = 0
    imports: int = 0
    #: The number of its community, 0 the largest; ``None`` for an isolated file.
    community: int | None = None
    #: No file imports it, and neither name nor place says that something else starts it.
    orphan: bool = False


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """Files of which each reaches each other by imports (a strongly connected component, of two files or more)."""

    files: tuple[int, ...]
    #: Edges without which no cycle among these files is left; nobody can do with fewer than ``at_least``.
    cut: tuple[tuple[int, int], ...]
    at_least: int


@dataclass(frozen=True, kw_only=True)
class Community:
    """Files that import each other more than others; ``leaders`` are those of the highest rank, highest first."""

    size: int
    #: Edges between its files, and edges that cross its border in either direction.
    inside: int
    across: int
    leaders: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How a graph is built: each file's standing by number, cycles and communities, the largest first."""

    standings: tuple[Standing, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    communities: tuple[Community, ...] = ()
    #: How much more edges lie within communities than chance would have it, at most 1.
    modularity: float = 0.0

    def figures(self) -> dict[str, int | float]:
        """Return what an ingest's statistics say of it."""
        return {
            "cycles": len(self.cycles),
            "files_in_cycles": sum(len(cycle.files) for cycle in self.cycles),
            "orphans": sum(standing.orphan for standing in self.standings),
            "communities": len(self.communities),
            "modularity": round(self.modularity, 4),
        }


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """Everything that one generation of a repository publishes in the ledger."""

    commit: str
    files: tuple[FileRow, ...]
    edges: tuple[EdgeRow, ...]
    #: Figures about the run: files seen and skipped, imports unresolved, seconds by stage, method and parameters.
    stats: dict[str, Any]
    #: At most ``MOST_UNRESOLVED``, in order of path and line.
    unresolved: tuple[UnresolvedRow, ...] = ()
    #: Of these very files and edges; empty when nobody analysed them.
    analysis: Analysis = field(default_factory=Analysis)

    def write(self, path: Path) -> None:
        """Write as JSON lines: a head that counts them, then one line for each row of each kind."""
        rows = self._rows()
        head = {
            "format": _FORMAT,
            "commit": self.commit,
            "stats": self.stats,
            "modularity": self.analysis.modularity,
            "rows": {name: len(kind) for name, kind in rows.items()},
        }
        with path.open("w", encoding="utf-8") as out:
            out.write(json.dumps(head) + "\n")
            for kind in rows.values():
                out.writelines(json.dumps(asdict(row)) + "\n" for row in kind)

    @classmethod
    def read(cls, path: Path) -> Knowledge:
        """Read what ``write`` wrote.

        Raises:
            ValueError: the file was cut short, is another version's, or speaks of a file that it does not have.
        """
        with path.open(encoding="utf-8") as lines:
            head = _head(lines)
            rows = {name: tuple(_take(lines, head["rows"].get(name, 0), make)) for name, make in _MAKERS.items()}
        known = cls(
            commit=head["commit"],
            files=rows["files"],
            edges=rows["edges"],
            stats=head["stats"],
            unresolved=rows["unresolved"],
            analysis=Analysis(
                standings=rows["standings"],
                cycles=rows["cycles"],
                communities=rows["communities"],
                modularity=head["modularity"],
            ),
        )
        known.check()
        return known

    def check(self) -> None:
        """Return when every row speaks of files that are there.

        Raises:
            ValueError: one does not, or there are more unresolved imports than are kept.
        """
        files = len(self.files)
        numbers = [edge.source for edge in self.edges] + [edge.target for edge in self.edges]
        numbers += [one.source for one in self.unresolved]
        for cycle in self.analysis.cycles:
            numbers += [*cycle.files, *(end for edge in cycle.cut for end in edge)]
        for community in self.analysis.communities:
            numbers += community.leaders
        if any(not 0 <= number < files for number in numbers):
            raise ValueError("the knowledge names a file that it does not have")
        if len(self.analysis.standings) not in {0, files}:
            raise ValueError("the knowledge has not one standing for each file")
        if len(self.unresolved) > MOST_UNRESOLVED:
            raise ValueError(f"the knowledge has more than {MOST_UNRESOLVED} unresolved imports")

    def _rows(self) -> Mapping[str, Sequence[Any]]:
        return {
            "files": self.files,
            "edges": self.edges,
            "unresolved": self.unresolved,
            "standings": self.analysis.standings,
            "cycles": self.analysis.cycles,
            "communities": self.analysis.communities,
        }


def _head(lines: IO[str]) -> dict[str, Any]:
    head = json.loads(_line(lines))
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError("the knowledge file was written by another version of Pharos")
    if not all(0 <= count <= _MOST_ROWS for count in head["rows"].values()):
        raise ValueError("the knowledge file has more rows than any repository")
    return head


def _take(lines: IO[str], count: int, make: Callable[[dict[str, Any]], _Row]) -> Iterator[_Row]:
    for _ in range(count):
        yield make(json.loads(_line(lines)))


def _line(lines: IO[str]) -> str:
    line = lines.readline(_MOST_LINE)
    if not line.endswith("\n"):
        raise ValueError("the knowledge file was cut short")
    return line


def _file_row(row: dict[str, Any]) -> FileRow:
    similar = tuple((int(number), float(score)) for number, score in row.pop("similar"))
    return FileRow(**{**row, "flags": tuple(row["flags"])}, similar=similar)


def _edge_row(row: dict[str, Any]) -> EdgeRow:
    return EdgeRow(**{**row, "kinds": tuple(row["kinds"])})


def _cycle(row: dict[str, Any]) -> Cycle:
    return Cycle(
        files=tuple(row["files"]), cut=tuple((one, other) for one, other in row["cut"]), at_least=row["at_least"]
    )


def _community(row: dict[str, Any]) -> Community:
    return Community(**{**row, "leaders": tuple(row["leaders"])})


#: In the order in which they are written.
_MAKERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "files": _file_row,
    "edges": _edge_row,
    "unresolved": lambda row: UnresolvedRow(**row),
    "standings": lambda row: Standing(**row),
    "cycles": _cycle,
    "communities": _community,
}
