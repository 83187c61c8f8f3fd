"""Reading a commit: from an address to its files and the imports between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_worker.handlers.base import Reporter
from edge_worker.source.bare import BareRepository
from edge_worker.source.cache import ParsedCache
from edge_worker.source.fetch import FetchLimits, fetch, resolve_commit
from edge_worker.source.git import Access
from edge_worker.source.graph import GraphBuilder, ImportGraph
from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.reader import parse_imports
from edge_worker.source.readings import trusted_readings
from edge_worker.source.resolve.repository import Repository
from edge_worker.source.walk import Selection, SourceFile, select
from shared.errors import Permanent
from shared.logs import get_logger
from shared.repositories import RepositoryAddress

log = get_logger(__name__)

#: A report of progress every so many files.
_EVERY = 200
#: Bytes that the grammars are asked about in a commit without imports; garbage takes them most of a second.
_MOST_ASKED = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A commit as a graph. ``files`` and ``statuses`` are by number, as the graph's edges are."""

    commit: str
    files: tuple[SourceFile, ...]
    statuses: tuple[str, ...]
    graph: ImportGraph
    skipped: Mapping[str, int]
    #: Files that were not read, since the same contents were read before.
    remembered: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """One repository as this worker may reach it. ``cache`` is the file of what was read before."""

    address: RepositoryAddress
    ref: str | None
    folder: Path
    limits: FetchLimits
    access: Access
    cache: Path

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
        return bare, lambda: self._structure(bare, reporter)

    def _structure(self, bare: BareRepository, reporter: Reporter) -> Structure:
        with ParsedCache.open(self.cache) as cache:
            if cache.trouble is not None:
                log.warning("parsed_cache_in_trouble", trouble=cache.trouble)
            return read_structure(bare, cache, reporter)


def read_structure(bare: BareRepository, cache: ParsedCache, reporter: Reporter) -> Structure:
    """Return the files of a fetched commit and the graph of their imports; ``cache`` learns what it did not know.

    Raises:
        Permanent: ``no_source_files`` or ``nothing_to_index``.
    """
    reporter.stage("parse")
    chosen = select(bare.entries(), bare.read, border=reporter.check)
    if not chosen.files:
        raise _no_source_files()
    builder = GraphBuilder(
        Repository(paths=chosen.index, aliases=chosen.aliases, read=lambda path: _config(bare, chosen, path))
    )
    # By object id, so that they need not be read: git made the ids itself, from the bytes that it fetched.
    remembered = cache.get_many((file.oid, file.language) for file in chosen.files if file.parsed)
    files: list[SourceFile] = []
    statuses: list[str] = []
    has_imports = False
    for number, (file, parsed) in enumerate(trusted_readings(chosen.files, bare.read, cache, remembered)):
        files.append(file)
        statuses.append(_add(builder, number, file, parsed))
        has_imports = has_imports or (parsed is not None and bool(parsed.imports))
        if number % _EVERY == 0:
            reporter.stage("parse", number, len(chosen.files))
    graph = builder.build()
    if not has_imports and not _is_readable(bare, files, statuses, reporter):
        raise _nothing_to_index(statuses)
    return Structure(
        commit=bare.commit,
        files=tuple(files),
        statuses=tuple(statuses),
        graph=graph,
        skipped=chosen.skipped,
        remembered=sum((file.oid, file.language) in remembered for file in chosen.files),
    )


def _no_source_files() -> Permanent:
    languages = ", ".join(sorted(known()))
    return Permanent(
        "no_source_files",
        f"The repository has no file of a language that is read here ({languages}). Nothing was changed.",
    )


def _nothing_to_index(statuses: Sequence[str]) -> Permanent:
    skipped = statuses.count("skipped")
    return Permanent(
        "nothing_to_index",
        f"None of {len(statuses)} source files could be parsed ({len(statuses) - skipped} broken, {skipped} too large "
        "or not text). Nothing was changed.",
    )


def _is_readable(
    bare: BareRepository, files: Sequence[SourceFile], statuses: Sequence[str], reporter: Reporter
) -> bool:
    """Return whether any file of a commit without imports is a program; too much garbage has the benefit of the doubt.

    A scan looks at imports alone: where there are none, it takes anything for a program.
    """
    if "partial" in statuses:
        return True
    doubted = [file for file, status in zip(files, statuses, strict=True) if status == "parsed"]
    if any(known()[file.language].dialect is None for file in doubted):
        return True
    asked = 0
    for file in doubted:
        reporter.check()
        asked += file.size
        source = bare.get(file.oid)
        if asked > _MOST_ASKED or (source is not None and parse_imports(file.language, source).status != "failed"):
            return True
    return False


def _add(builder: GraphBuilder, number: int, file: SourceFile, parsed: Parsed | None) -> str:
    if parsed is None:
        builder.add_unread(number=number, path=file.path)
        return "skipped"
    builder.add_parsed(number=number, path=file.path, language=file.language, parsed=parsed)
    return str(parsed.status)


def _config(bare: BareRepository, chosen: Selection, path: str) -> bytes | None:
    entry = chosen.index.get(path)
    return None if entry is None else bare.get(entry.oid)
