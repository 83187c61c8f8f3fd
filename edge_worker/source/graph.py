"""The file graph of one commit: fed file by file, it keeps edges and counts and none of the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from edge_worker.source.languages.registry import Resolvers, known
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import ASIDE, IMPORTS, Target
from edge_worker.source.resolve.repository import Repository

if TYPE_CHECKING:
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


class Link(NamedTuple):
    """One file names another: every pair once, with all of its kinds, its first line and its best confidence."""

    source: str
    target: str
    kinds: tuple[str, ...]
    line: int
    confidence: float

    @property
    def imports(self) -> bool:
        """Whether the source imports the target, in as many words."""
        return _imports(self.kinds)

    @property
    def aside(self) -> bool:
        """Whether it is no relation between the two files' code."""
        return ASIDE.issuperset(self.kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unresolved:
    """An import that names something of this repository which is not there, as the file wrote it."""

    path: str
    line: int
    module: str


@dataclass(frozen=True, kw_only=True)
class ImportGraph:
    """Nodes by number, edges in order of (source, target); the same input gives the same graph."""

    files: dict[int, str]
    edges: tuple[EdgeRow, ...]
    #: Numbers of the files that no edge touches.
    isolated: frozenset[int]
    stats: GraphStats
    #: In order of path and line.
    unresolved: tuple[Unresolved, ...]
    #: Configuration files that could not be read and counted as absent.
    unreadable: tuple[str, ...]


#: The kinds, first line and confidence of an edge; few different tuples of kinds exist.
_Found = tuple[tuple[str, ...], int, float]


class GraphBuilder:
    """Collects the edges of one commit. Files are resolved as they come, so memory grows with edges, not with text.

    But for those of languages that go by what other files declare: their statements are held until ``links``.
    """

    def __init__(self, repository: Repository, *, aside: bool = False) -> None:
        """Take the repository; ``aside`` has ``links`` tell also what is no relation of code, most of all pairs."""
        self._repository = repository
        self._aside = aside
        self._resolvers = Resolvers(repository)
        self._files: dict[int, str] = {}
        self._edges: dict[str, dict[str, _Found]] = {}
        self._unresolved: list[Unresolved] = []
        self._held: list[tuple[str, str, tuple[ImportStatement, ...]]] = []
        self._read: Counter[str] = Counter()
        self._became: Counter[str] = Counter()

    def add_parsed(self, *, number: int, path: str, language: str, parsed: Parsed) -> None:
        """Keep the edges of a file that was read.

        Raises:
            KeyError: the language is unknown.
        """
        self._files[number] = path
        self._read[parsed.status] += 1
        if known()[language].by_name:
            self._resolvers.of(language).learn(path, parsed)
            self._held.append((path, language, parsed.imports))
        else:
            self._resolve(path, language, parsed.imports)

    def add_unread(self, *, number: int, path: str) -> None:
        """Keep a file as a node that others may import, without reading it (too large, minified)."""
        self._files[number] = path
        self._read["skipped"] += 1

    def add_aside(self, *, path: str, language: str, source: bytes) -> None:
        """Keep what else a file names, where its language knows of such; what is not found is no matter.

        Raises:
            KeyError: the language is unknown.
        """
        aside = known()[language].aside
        if aside is None:
            return
        resolver = self._resolvers.built(aside.resolver)
        for statement in aside.read(source):
            for target in resolver.resolve(path, statement).targets:
                if target.path != path:
                    _keep(self._edges.setdefault(path, {}), target, statement)

    def links(self) -> Iterator[Link]:
        """Yield every pair of files of which one names the other, in order of the two paths."""
        self._resolve_held()
        for source in sorted(self._edges):
            for target, (kinds, line, confidence) in sorted(self._edges[source].items()):
                yield Link(source=source, target=target, kinds=kinds, line=line, confidence=confidence)

    def build(self) -> ImportGraph:
        """Return the graph of all that was added, in any order: imports, and what else ties code to code."""
        # The words of publishing: who only wants ``links`` starts sooner without them.
        from shared.knowledge import EdgeRow

        numbers = {path: number for number, path in self._files.items()}
        own = [link for link in self.links() if not link.aside]
        edges = [
            EdgeRow(
                source=numbers[link.source],
                target=numbers[link.target],
                kinds=link.kinds,
                line=link.line,
                confidence=link.confidence,
            )
            for link in own
            if link.target in numbers
        ]
        edges.sort(key=lambda edge: (edge.source, edge.target))
        touched = {end for edge in edges for end in (edge.source, edge.target)}
        return ImportGraph(
            files=dict(sorted(self._files.items())),
            edges=tuple(edges),
            isolated=frozenset(self._files) - touched,
            stats=self._stats(beyond=len(own) - len(edges)),
            unresolved=self.unresolved(),
            unreadable=tuple(sorted(self._repository.unreadable)),
        )

    def unresolved(self) -> tuple[Unresolved, ...]:
        """Return what could not be understood, in order of path and line."""
        self._resolve_held()
        return tuple(sorted(self._unresolved, key=lambda one: (one.path, one.line, one.module)))

    def _resolve_held(self) -> None:
        while self._held:
            path, language, statements = self._held.pop()
            self._resolve(path, language, statements)

    def _resolve(self, path: str, language: str, statements: tuple[ImportStatement, ...]) -> None:
        resolve = self._resolvers.of(language).resolve
        edges = self._edges.setdefault(path, {})
        for statement in statements:
            resolution = resolve(path, statement)
            self._became[resolution.outcome] += 1
            if resolution.outcome == "unresolved":
                self._unresolved.append(Unresolved(path=path, line=statement.line, module=_spelled(statement)))
            for target in resolution.targets:
                if target.path != path and (self._aside or not _is_aside(target.kinds)):
                    _keep(edges, target, statement)

    def _stats(self, *, beyond: int) -> GraphStats:
        return GraphStats(
            parsed=self._read["parsed"],
            partial=self._read["partial"],
            failed=self._read["failed"],
            skipped=self._read["skipped"],
            local=self._became["local"],
            external=self._became["external"],
            unresolved_local=self._became["unresolved"],
            beyond=beyond,
        )


def _keep(edges: dict[str, _Found], target: Target, statement: ImportStatement) -> None:
    kinds = _sorted(target.kinds_with(statement.kinds) if target.kinds else statement.kinds)
    found = kinds, statement.line, target.confidence
    known = edges.get(target.path)
    edges[target.path] = found if known is None else _joined(known, found)


def _spelled(statement: ImportStatement) -> str:
    return "." * statement.level + statement.module


def _joined(one: _Found, other: _Found) -> _Found:
    """What is no import adds its kinds to one, and says nothing about its line and how sure it is."""
    kinds = one[0] if one[0] == other[0] else _sorted((*one[0], *other[0]))
    if _imports(one[0]) != _imports(other[0]):
        line, confidence = (one if _imports(one[0]) else other)[1:]
        return kinds, line, confidence
    return kinds, min(one[1], other[1]), max(one[2], other[2])


@cache
def _is_aside(kinds: tuple[str, ...]) -> bool:
    return not ASIDE.isdisjoint(kinds)


@cache
def _imports(kinds: tuple[str, ...]) -> bool:
    return not IMPORTS.isdisjoint(kinds)


@cache
def _sorted(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Few different groups exist, and one is asked for at every import."""
    return tuple(sorted(set(kinds)))
