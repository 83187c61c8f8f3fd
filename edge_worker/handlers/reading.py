"""Reading a commit: from an address to its files and the imports between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_worker.handlers.base import Reporter
from edge_worker.source.bare import BareRepository
from edge_worker.source.fetch import FetchLimits, fetch, resolve_commit
from edge_worker.source.git import Access
from edge_worker.source.graph import GraphBuilder, ImportGraph
from edge_worker.source.resolve.repository import Repository
from edge_worker.source.walk import Selection, SourceFile, contents, select
from shared.errors import Permanent
from shared.repositories import RepositoryAddress

#: A report of progress every so many files.
_EVERY = 200


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A commit as a graph. ``files`` and ``statuses`` are by number, as the graph's edges are."""

    commit: str
    files: tuple[SourceFile, ...]
    statuses: tuple[str, ...]
    graph: ImportGraph
    skipped: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One repository as this worker may reach it."""

    address: RepositoryAddress
    ref: str | None
    folder: Path
    limits: FetchLimits
    access: Access

    def commit(self, reporter: Reporter) -> str:
        """Return the commit that is wanted, without fetching it. Raises as ``resolve_commit`` does."""
        return resolve_commit(
            self.address,
            ref=self.ref,
            into=self.folder / "head",
            limits=self.limits,
            access=self.access,
            reporter=reporter,
        )

    def read(self, commit: str, reporter: Reporter) -> tuple[BareRepository, Callable[[], Structure]]:
        """Fetch a commit; return it, and how to read it. Raises as ``fetch`` does."""
        bare = fetch(
            self.address,
            ref=commit,
            into=self.folder / "source",
            limits=self.limits,
            access=self.access,
            reporter=reporter,
        )
        return bare, lambda: read_structure(bare, reporter)


def read_structure(bare: BareRepository, reporter: Reporter) -> Structure:
    """Return the files of a fetched commit and the graph of their imports.

    Raises:
        Permanent: ``no_source_files`` or ``nothing_to_index``.
    """
    reporter.stage("parse")
    chosen = select(bare.entries(), bare.read, border=reporter.check)
    if not chosen.files:
        raise Permanent(
            "no_source_files",
            "The repository has no Python, JavaScript or TypeScript file to index. Nothing was changed.",
        )
    builder = GraphBuilder(
        Repository(paths=chosen.index, aliases=chosen.aliases, read=lambda path: _config(bare, chosen, path))
    )
    files: list[SourceFile] = []
    statuses: list[str] = []
    for number, (file, data) in enumerate(contents(chosen.files, bare.read)):
        files.append(file)
        statuses.append(_add(builder, number, file, data))
        if number % _EVERY == 0:
            reporter.stage("parse", number, len(chosen.files))
    graph = builder.build()
    if not {"parsed", "partial"} & set(statuses):
        raise Permanent(
            "nothing_to_index",
            f"None of {len(files)} source files could be parsed ({graph.stats.failed} broken, {graph.stats.skipped} "
            "too large or not text). Nothing was changed.",
        )
    return Structure(
        commit=bare.commit, files=tuple(files), statuses=tuple(statuses), graph=graph, skipped=chosen.skipped
    )


def _add(builder: GraphBuilder, number: int, file: SourceFile, data: bytes | None) -> str:
    if data is None:
        builder.add_unread(number=number, path=file.path)
        return "skipped"
    return str(builder.add(number=number, path=file.path, language=file.language, source=data))


def _config(bare: BareRepository, chosen: Selection, path: str) -> bytes | None:
    entry = chosen.index.get(path)
    return None if entry is None else bare.get(entry.oid)
