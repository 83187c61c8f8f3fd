"""Graphs in a real ledger: published by their paths and edges, and read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ledger_world import REPOSITORY, Ledger, file_row

from edge_worker.structure.analysis import analyse
from shared.ids import repository_id
from shared.knowledge import EdgeRow, Knowledge
from shared.ledger.graph import GraphReader
from shared.ledger.records import DEFAULT_TENANT

ID = repository_id(DEFAULT_TENANT, REPOSITORY)


def known_graph(paths: list[str], edges: list[tuple[int, int]], **changes: dict[int, dict[str, object]]) -> Knowledge:
    """Return what an ingest learns of files that import each other; ``files`` has what is special about one."""
    files = tuple(
        file_row(number, path=path, **changes.get("files", {}).get(number, {})) for number, path in enumerate(paths)
    )
    rows = tuple(EdgeRow(source=one, target=other, kinds=("runtime",), line=one + 1) for one, other in edges)
    return Knowledge(commit="a" * 40, files=files, edges=rows, stats={}, analysis=analyse(files, rows))


def reader(ledger: Ledger) -> GraphReader:
    """Return what answers questions about the graphs of a ledger."""
    return GraphReader(ledger.app)


class Publishing(dict[str, bytes]):
    """Statements, one of which is held up by a publish."""

    def __init__(self, statements: Mapping[str, bytes], held_up: str, publish: Callable[[], object]) -> None:
        super().__init__(statements)
        self._held_up, self._publish = held_up, publish

    def __getitem__(self, name: str) -> bytes:
        """Return a statement, publishing first when it is the one."""
        if name == self._held_up:
            self._publish()
        return super().__getitem__(name)
