"""The imports of a folder or a bare repository of this machine, with nothing fetched, queued or written to it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from edge_worker.source.answer import Answers, Survey
from edge_worker.source.graph import GraphBuilder
from edge_worker.source.languages.registry import known
from edge_worker.source.listing import Listing, WorkTree
from edge_worker.source.readings import Memory, NoMemory, readings, trusted_readings
from edge_worker.source.resolve.repository import Repository
from edge_worker.source.shadow import GitPlace, cast_shadow, find_repository
from edge_worker.source.shelf import Shelf
from edge_worker.source.stamped import FolderMemory
from edge_worker.source.walk import UNPARSED, Read, Selection, SourceFile, content_flags, select
from shared.errors import InvalidRequest, NotFound, PharosError

if TYPE_CHECKING:
    from edge_worker.source.bare import BareRepository
    from edge_worker.source.entry import Entry
    from edge_worker.source.parse.statement import Parsed

#: Larger files than any that people write are not read; a declaration file of 1 MB is met now and then.
_MAX_FILE_BYTES = 4 << 20
_MAX_FILES = 2_000_000
_SECONDS = 600.0
_NAME_LETTERS = 32
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def survey(folder: Path, *, ref: str | None = None, optional: bool = False, cache: Path | None = None) -> Survey:
    """Return the imports of what lies at ``folder`` now; of a commit where it is a bare repository or a ref is given.

    Files that import one another are told, and with ``optional`` those that have to do with each other otherwise.
    ``cache`` is a file that is made if it is not there: what each contents of a commit import is kept in it, and parsed
    once. What the files on disk import is kept in a folder beside it, for as long as they lie as they do.

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
    with tempfile.TemporaryDirectory(prefix="pharos-graph-") as made:
        scratch = Path(made)
        if place is not None:
            cast_shadow(place, scratch / "repository")
        if place is not None and (place.top is None or ref is not None):
            with _opened(cache) as memory:
                found = _of_commit(folder, scratch, ref or "HEAD", memory, optional=optional, below=_below(top, place))
            return replace(found, trouble=memory.trouble)
        tree = WorkTree(top, max_file_bytes=_MAX_FILE_BYTES)
        listing = tree.listing(place, scratch / "repository")
    return _remembered(folder, tree, listing, cache, optional=optional)


def _remembered(folder: Path, tree: WorkTree, listing: Listing, cache: Path | None, *, optional: bool) -> Survey:
    """Return the answer that is known for the folder, or make it, from what is known of its files, and keep both."""
    if cache is None:
        return _of_disk(folder, tree, listing, NoMemory(), optional=optional)
    shelf = Shelf(cache.with_name("folders"))
    name = sha256(os.fsencode(folder.resolve())).hexdigest()[:_NAME_LETTERS]
    answers = Answers(shelf, f"{name}.{'all' if optional else 'imports'}", tree, listing.mark)
    found = answers.get()
    if found is None:
        memory = FolderMemory(shelf, f"{name}.files", tree)
        found = _of_disk(folder, tree, listing, memory, optional=optional)
        memory.close()
        answers.put(found)
    return replace(found, trouble=shelf.trouble)


def _of_disk(folder: Path, tree: WorkTree, listing: Listing, memory: Memory, *, optional: bool) -> Survey:
    chosen = tree.select(listing)
    if not chosen.files and tree.unread:
        raise PharosError(f"Nothing could be read in {folder}: permission was refused.")
    repository = Repository(paths=chosen.index, aliases=chosen.aliases, read=tree.get)
    # By their paths: the memory knows how each file lay when it was read.
    remembered = memory.get_many((file.oid, file.language) for file in chosen.files if file.parsed)
    read = trusted_readings(chosen.files, tree.read, memory, remembered)
    found = _found(folder, chosen, repository, read, tree.read if optional else None)
    unread = frozenset(tree.unread)
    large = tuple(path for path in found.too_large if path not in unread)
    return replace(found, unread=tuple(sorted(unread)), too_large=large)


def _of_commit(folder: Path, scratch: Path, ref: str, memory: Memory, *, optional: bool, below: str) -> Survey:
    with _open_commit(folder, scratch, ref) as bare:
        chosen = select(_entries_below(bare, below), bare.read, border=_never)

        def config(path: str) -> bytes | None:
            entry = chosen.index.get(path)
            return None if entry is None else bare.get(entry.oid)

        repository = Repository(paths=chosen.index, aliases=chosen.aliases, read=config)
        read = readings(chosen.files, bare.read, memory)
        return _found(folder, chosen, repository, read, bare.read if optional else None)


def _found(
    folder: Path,
    chosen: Selection,
    repository: Repository,
    read: Iterable[tuple[SourceFile, Parsed | None]],
    again: Read | None,
) -> Survey:
    """Return what the files import; what else they name is told if they can be read again for it."""
    if not chosen.files:
        raise PharosError(f"There is no source file in {folder} of a language that Pharos reads.")
    builder = GraphBuilder(repository, aside=again is not None)
    large = []
    for number, (file, parsed) in enumerate(read):
        if parsed is None:
            builder.add_unread(number=number, path=file.path)
            if "too_large" in file.flags:
                large.append(file.path)
        else:
            builder.add_parsed(number=number, path=file.path, language=file.language, parsed=parsed)
    if again is not None:
        _add_aside(builder, chosen.files, again)
    # At once: what is resolved last may still ask for a configuration.
    links = tuple(link for link in builder.links() if again is not None or link.imports)
    long = chosen.skipped.get("path_too_long", 0)
    return Survey(links=links, unresolved=builder.unresolved(), too_large=tuple(large), too_long=long)


def _add_aside(builder: GraphBuilder, files: Sequence[SourceFile], read: Read) -> None:
    """Read files once more for what else they name: nobody pays for it who did not ask."""
    wanted = [file for file in files if file.parsed and known()[file.language].aside is not None]
    for file, (_, data) in zip(wanted, read(file.oid for file in wanted), strict=True):
        if data is not None and not content_flags(data) & UNPARSED:
            builder.add_aside(path=file.path, language=file.language, source=data)


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
