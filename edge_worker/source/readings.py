"""What each source of a listing imports: remembered by what it holds, else read and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from edge_worker.source.languages.registry import known as known_languages
from edge_worker.source.reader import read as read_imports
from edge_worker.source.remembered import Remembered
from edge_worker.source.walk import UNPARSED, Read, SourceFile, content_flags

if TYPE_CHECKING:
    from edge_worker.source.parse.statement import Parsed

#: A name of the contents, and the language.
Wanted = tuple[str, str]
#: Contents that are in memory at once, but for the last file's.
_BATCH_BYTES = 4 << 20


class Memory(Protocol):
    """What was read before, by a name of the contents and the language: ``ParsedCache``, or nothing at all."""

    @property
    def trouble(self) -> str | None:
        """What went wrong with it, in a sentence; it can be used all the same."""
        ...

    def get_many(self, wanted: Iterable[Wanted]) -> dict[Wanted, Remembered]:
        """Return what is known."""
        ...

    def put(self, contents: str, language: str, *, flags: frozenset[str], parsed: Parsed | None) -> None:
        """Remember what was read."""
        ...


class NoMemory:
    """Knows nothing and keeps nothing."""

    trouble: str | None = None

    def get_many(self, wanted: Iterable[Wanted]) -> dict[Wanted, Remembered]:
        """Return nothing."""
        return {}

    def put(self, contents: str, language: str, *, flags: frozenset[str], parsed: Parsed | None) -> None:
        """Keep nothing."""


def readings(files: Sequence[SourceFile], read: Read, memory: Memory) -> Iterator[tuple[SourceFile, Parsed | None]]:
    """Yield each file once, in order, with the flags that its contents earn and what it imports.

    None stands for a file that is not to be parsed: its flags say why. Every other file is read, and remembered by a
    hash of the bytes that were read: what an index or an object of somebody's folder says they are is never believed,
    since the memory serves all folders.
    """
    for batch in _batches(files, read):
        named = [None if data is None else (sha256(data).hexdigest(), file.language) for file, data in batch]
        known = memory.get_many(name for name in named if name is not None)
        for (file, data), name in zip(batch, named, strict=True):
            if not file.parsed:
                yield file, None
                continue
            found = known.get(name) if name is not None else None
            yield _told(file, found or _learnt(memory, name, file.language, data))


def trusted_readings(
    files: Sequence[SourceFile], read: Read, memory: Memory, known: Mapping[Wanted, Remembered]
) -> Iterator[tuple[SourceFile, Parsed | None]]:
    """Do the same by object ids, for objects whose ids git has made itself as it fetched them.

    ``known`` is what the memory has of them, which is not read; of the others one is in memory at a time.
    """
    wanted = read(file.oid for file in files if file.parsed and (file.oid, file.language) not in known)
    for file in files:
        if not file.parsed:
            yield file, None
            continue
        name = file.oid, file.language
        yield _told(file, known.get(name) or _learnt(memory, name, file.language, next(wanted)[1]))


def _batches(files: Sequence[SourceFile], read: Read) -> Iterator[list[tuple[SourceFile, bytes | None]]]:
    """Yield all files with their contents, as many together as are worth one question to the memory."""
    wanted = read(file.oid for file in files if file.parsed)
    batch: list[tuple[SourceFile, bytes | None]] = []
    size = 0
    for file in files:
        data = next(wanted)[1] if file.parsed else None
        batch.append((file, data))
        size += len(data or b"")
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _learnt(memory: Memory, name: Wanted | None, language: str, data: bytes | None) -> Remembered:
    """Read contents that are not known, and remember them; None stands for those that cannot be read."""
    flags = content_flags(data, has_lines=known_languages()[language].has_lines)
    parsed = None if data is None or flags & UNPARSED else read_imports(language, data)
    if name is not None and data is not None:
        memory.put(*name, flags=flags, parsed=parsed)
    return Remembered(flags=flags, parsed=parsed)


def _told(file: SourceFile, found: Remembered) -> tuple[SourceFile, Parsed | None]:
    return (replace(file, flags=file.flags | found.flags) if found.flags else file), found.parsed
