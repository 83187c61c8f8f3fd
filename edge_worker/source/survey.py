"""The imports of a folder or a bare repository of this machine, with nothing fetched, queued or written to it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_worker.source.graph import GraphBuilder, Link, Unresolved
from edge_worker.source.listing import WorkTree
from edge_worker.source.readings import Memory, NoMemory, readings
from edge_worker.source.resolve.repository import Repository
from edge_worker.source.shadow import GitPlace, cast_shadow, find_repository
from edge_worker.source.walk import Read, SourceFile, select
from shared.errors import InvalidRequest, NotFound, PharosError

if TYPE_CHECKING:
    from edge_worker.source.bare import BareRepository
    from edge_worker.source.entry import Entry

#: Larger files than any that people write are not read; a declaration file of 1 MB is met now and then.
_MAX_FILE_BYTES = 4 << 20
_MAX_FILES = 2_000_000
_SECONDS = 600.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The imports that were found, and what was not understood or not read."""

    #: In order of the two paths.
    links: tuple[Link, ...]
    #: In order of path and line.
    unresolved: tuple[Unresolved, ...]
    #: Files and folders that could not be read, by path.
    unread: tuple[str, ...] = ()
    #: What went wrong with the cache, in a sentence; nothing is missing for it.
    trouble: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    optional: bool
    memory: Memory


def survey(folder: Path, *, ref: str | None = None, optional: bool = False, cache: Path | None = None) -> Survey:
    """Return the imports of what lies at ``folder`` now; of a commit where it is a bare repository or a ref is given.

    Files that import one another are told, and with ``optional`` those that have to do with each other otherwise.
    ``cache`` is a file that is made if it is not there: what each contents import is kept in it, and parsed once.

    Raises:
        NotFound: there is no such folder, or no such ref in its repository.
        InvalidRequest: it is no folder, or has no repository that a ref could be of.
        PharosError: there is no source file in it, or the repository cannot be read.
    """
    if not folder.exists():
        raise NotFound(f"There is no folder {folder}.")
    if not folder.is_dir():
        raise InvalidRequest(f"{folder} is a file. Name the folder whose imports you want.")
    top = folder.resolve()
    place = find_repository(top)
    if place is None and ref is not None:
        raise InvalidRequest(f"{folder} is not in a git repository, so it has no ref {ref}. Leave --ref out.")
    with tempfile.TemporaryDirectory(prefix="pharos-graph-") as made, _opened(cache) as memory:
        scratch, asked = Path(made), _Asked(optional=optional, memory=memory)
        if place is not None:
            cast_shadow(place, scratch / "repository")
        if place is not None and (place.top is None or ref is not None):
            found = _of_commit(folder, scratch, ref or "HEAD", asked, below=_below(top, place))
        else:
            found = _of_disk(folder, place, scratch, asked)
    return replace(found, trouble=memory.trouble)


def _of_disk(folder: Path, place: GitPlace | None, scratch: Path, asked: _Asked) -> Survey:
    tree = WorkTree(folder.resolve(), max_file_bytes=_MAX_FILE_BYTES)
    chosen = tree.select(place, scratch / "repository")
    repository = Repository(paths=chosen.index, aliases=chosen.aliases, read=tree.get)
    found = _found(folder, chosen.files, repository, tree.read, asked)
    return replace(found, unread=tuple(tree.unread))


def _of_commit(folder: Path, scratch: Path, ref: str, asked: _Asked, *, below: str) -> Survey:
    with _open_commit(folder, scratch, ref) as bare:
        chosen = select(_entries_below(bare, below), bare.read, border=_never)

        def config(path: str) -> bytes | None:
            entry = chosen.index.get(path)
            return None if entry is None else bare.get(entry.oid)

        repository = Repository(paths=chosen.index, aliases=chosen.aliases, read=config)
        return _found(folder, chosen.files, repository, bare.read, asked)


def _found(folder: Path, files: Sequence[SourceFile], repository: Repository, read: Read, asked: _Asked) -> Survey:
    if not files:
        raise PharosError(f"There is no source file in {folder} of a language that Pharos reads.")
    builder = GraphBuilder(repository, aside=asked.optional)
    for number, (file, parsed) in enumerate(readings(files, read, asked.memory)):
        if parsed is None:
            builder.add_unread(number=number, path=file.path)
        else:
            builder.add_parsed(number=number, path=file.path, language=file.language, parsed=parsed)
    # At once: what is resolved last may still ask for a configuration.
    links = tuple(link for link in builder.links() if asked.optional or link.imports)
    return Survey(links=links, unresolved=builder.unresolved())


@contextmanager
def _opened(cache: Path | None) -> Iterator[Memory]:
    if cache is None:
        yield NoMemory()
        return
    # Loaded with a database, which who wants no cache does not pay for.
    from edge_worker.source.cache import ParsedCache

    with ParsedCache.open(cache) as found:
        yield found


@contextmanager
def _open_commit(folder: Path, scratch: Path, ref: str) -> Iterator[BareRepository]:
    # Git under guard, for a commit alone: they take longer to load than a small folder takes to read.
    from edge_worker.source.bare import BareRepository
    from edge_worker.source.git import GitFolder
    from edge_worker.source.process import ProcessLimits

    git = GitFolder(root=scratch)
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"]
    with git.read(asked, limits=ProcessLimits(seconds=_SECONDS, file_bytes=_MAX_FILE_BYTES)) as process:
        commit = process.stdout.read().decode("ascii", "replace").strip()
    if not _COMMIT.fullmatch(commit):
        what = "commit yet" if ref == "HEAD" else f"branch, tag or commit {ref}"
        raise NotFound(f"The repository at {folder} has no {what}.")
    with BareRepository(
        name=str(folder),
        commit=commit,
        folder=git,
        seconds=_SECONDS,
        max_files=_MAX_FILES,
        max_file_bytes=_MAX_FILE_BYTES,
    ) as bare:
        yield bare


def _entries_below(bare: BareRepository, folder: str) -> Iterator[Entry]:
    """Yield the entries in a folder of a commit as seen from there."""
    if not folder:
        yield from bare.entries()
        return
    prefix = f"{folder}/"
    for entry in bare.entries():
        if entry.path.startswith(prefix):
            yield entry._replace(path=entry.path[len(prefix) :])


def _below(top: Path, place: GitPlace) -> str:
    if place.top is None:
        return ""
    below = top.relative_to(place.top).as_posix()
    return "" if below == "." else below


def _never() -> None:
    """Nobody cancels it but by Ctrl-C."""
