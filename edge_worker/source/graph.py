"""The file graph of one commit: fed file by file, it keeps edges and counts and none of the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from edge_worker.source.parse.reader import parse_imports
from edge_worker.source.parse.statement import Parsed, Status
from edge_worker.source.resolve.base import Resolution
from edge_worker.source.resolve.languages import Resolvers
from edge_worker.source.resolve.repository import Repository
from shared.knowledge import EdgeRow


@dataclass(frozen=True, kw_only=True)
class GraphStats:
    """Counts of one build: files by how they were read, import statements by what became of them."""

    parsed: int
    partial: int
    failed: int
    #: Files that were kept as nodes and not read.
    skipped: int
    #: Statements that mean files of the repository.
    local: int
    external: int
    unresolved_local: int
    #: Edges left out because their target is no node (a JSON file, a style sheet).
    beyond: int


@dataclass(frozen=True, kw_only=True)
class ImportGraph:
    """Nodes by number, edges in order of (source, target); the same input gives the same graph."""

    files: dict[int, str]
    edges: tuple[EdgeRow, ...]
    #: Numbers of the files that no edge touches.
    isolated: frozenset[int]
    stats: GraphStats
    #: Configuration files that could not be read and counted as absent.
    unreadable: tuple[str, ...]


@dataclass(kw_only=True)
class _Counts:
    parsed: int = 0
    partial: int = 0
    failed: int = 0
    skipped: int = 0
    local: int = 0
    external: int = 0
    unresolved: int = 0


class GraphBuilder:
    """Collects the edges of one commit. A file is resolved as it comes, so memory grows with edges, not with text."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._resolvers = Resolvers(repository)
        self._files: dict[int, str] = {}
        #: By source number and target path: the first line, and the kinds, of which few different tuples exist.
        self._edges: dict[int, dict[str, tuple[int, tuple[str, ...]]]] = {}
        self._counts = _Counts()

    def add(self, *, number: int, path: str, language: str, source: bytes) -> Status:
        """Read one file and keep its edges; return how well it could be read.

        Raises:
            KeyError: the language is unknown.
        """
        parsed = parse_imports(language, source)
        self.add_parsed(number=number, path=path, language=language, parsed=parsed)
        return parsed.status

    def add_parsed(self, *, number: int, path: str, language: str, parsed: Parsed) -> None:
        """Keep the edges of a file that was read elsewhere (another process, a cache)."""
        self._files[number] = path
        self._count(parsed.status)
        resolver = self._resolvers.of(language)
        for statement in parsed.imports:
            resolution = resolver.resolve(path, statement)
            self._keep(number, path, resolution, statement.kinds, statement.line)

    def add_unread(self, *, number: int, path: str) -> None:
        """Keep a file as a node that others may import, without reading it (too large, minified)."""
        self._files[number] = path
        self._counts.skipped += 1

    def build(self) -> ImportGraph:
        """Return the graph of everything that was added, in whatever order it came."""
        numbers = {path: number for number, path in self._files.items()}
        edges = []
        beyond = 0
        for source in sorted(self._edges):
            known = {path: edge for path, edge in self._edges[source].items() if path in numbers}
            beyond += len(self._edges[source]) - len(known)
            edges += [
                EdgeRow(source=source, target=numbers[path], kinds=kinds, line=line)
                for path, (line, kinds) in known.items()
            ]
        edges.sort(key=lambda edge: (edge.source, edge.target))
        touched = {end for edge in edges for end in (edge.source, edge.target)}
        return ImportGraph(
            files=dict(sorted(self._files.items())),
            edges=tuple(edges),
            isolated=frozenset(self._files) - touched,
            stats=self._stats(beyond),
            unreadable=tuple(sorted(self._repository.unreadable)),
        )

    def _keep(self, number: int, path: str, found: Resolution, kinds: tuple[str, ...], line: int) -> None:
        if found.outcome == "external":
            self._counts.external += 1
        elif found.outcome == "unresolved":
            self._counts.unresolved += 1
        else:
            self._counts.local += 1
        for target in found.targets:
            if target.path == path:
                continue
            edges = self._edges.setdefault(number, {})
            first, known = edges.get(target.path, (line, ()))
            edges[target.path] = min(first, line), _merged(known, kinds, target.kinds)

    def _count(self, status: Status) -> None:
        if status == "parsed":
            self._counts.parsed += 1
        elif status == "partial":
            self._counts.partial += 1
        else:
            self._counts.failed += 1

    def _stats(self, beyond: int) -> GraphStats:
        counts = self._counts
        return GraphStats(
            parsed=counts.parsed,
            partial=counts.partial,
            failed=counts.failed,
            skipped=counts.skipped,
            local=counts.local,
            external=counts.external,
            unresolved_local=counts.unresolved,
            beyond=beyond,
        )


@cache
def _merged(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({kind for group in groups for kind in group}))
