"""One fetched commit: what is in it and what its files hold, without a work tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import IO

from edge_worker.source import failures
from edge_worker.source.entry import Entry
from edge_worker.source.git import GitFolder
from edge_worker.source.process import GitProcess, ProcessLimits
from shared.errors import Permanent, Transient

#: A listing that takes longer is made to, by folders without files: git lists a million files in seconds.
_LIST_SECONDS = 60.0
#: The job has a deadline of its own; this one only makes sure that no reader is left behind for ever.
_READ_SECONDS = 4 * 3600.0
_MAX_PATH_BYTES = 4096
_CHUNK = 1 << 16
#: So many object names fit into a pipe at once, so that neither side waits for the other.
_BATCH = 256


class BareRepository:
    """A commit on this worker's disk; a context manager that leaves no git behind."""

    def __init__(
        self, *, name: str, commit: str, folder: GitFolder, seconds: float, max_files: int, max_file_bytes: int
    ) -> None:
        self.commit = commit
        self._name = name
        self._folder = folder
        self._list_seconds = min(seconds, _LIST_SECONDS)
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self._running: list[GitProcess] = []
        self._lookup: GitProcess | None = None

    def __enter__(self) -> BareRepository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every git that still reads."""
        self._lookup = None
        while self._running:
            self._running.pop().close()

    def entries(self) -> Iterator[Entry]:
        """Yield the whole tree in git's order; paths that are not UTF-8 carry surrogates (PEP 383).

        Memory stays bounded, whatever the tree: one entry at a time. Take them at once: the listing has a deadline.

        Raises:
            Permanent: ``too_many_files`` as soon as there is one too many, ``repository_malformed``.
        """
        return map(_entry, self._listed("-l"))

    def check_count(self) -> None:
        """Return when the tree has no more files than are taken; needs its folders alone. Raises as ``entries``."""
        for _ in self._listed("--name-only"):
            pass

    def _listed(self, how: str) -> Iterator[bytes]:
        process = self._start(["ls-tree", "-r", "-z", how, "--full-tree", self.commit], seconds=self._list_seconds)
        try:
            for count, line in enumerate(self._lines(process.stdout), start=1):
                if count > self._max_files:
                    raise failures.too_many_files(self._name, self._max_files)
                yield line
            if process.wait() or process.expired:
                raise self._malformed("its folders cannot be listed")
        finally:
            self._end(process)

    def read(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield what each object holds, in the order asked for: None when it was not fetched or is too large.

        One git answers for all of them; one object at a time is in memory.

        Raises:
            Transient: ``clone_failed``, when git ended on the way.
        """
        process = self._start(["cat-file", "--batch"], seconds=_READ_SECONDS)
        asked = iter(oids)
        try:
            while batch := list(islice(asked, _BATCH)):
                process.stdin.write(b"".join(oid.encode("ascii") + b"\n" for oid in batch))
                process.stdin.flush()
                for oid in batch:
                    yield oid, self._object(process.stdout)
        except BrokenPipeError as error:
            raise self._broken() from error
        finally:
            self._end(process)

    def get(self, oid: str) -> bytes | None:
        """Return what one object holds, None as in ``read``: for look-ups now and then, such as configuration.

        Raises:
            Transient: ``clone_failed``, when git ended on the way.
        """
        if self._lookup is None:
            self._lookup = self._start(["cat-file", "--batch"], seconds=_READ_SECONDS)
        try:
            self._lookup.stdin.write(oid.encode("ascii") + b"\n")
            self._lookup.stdin.flush()
        except BrokenPipeError as error:
            raise self._broken() from error
        return self._object(self._lookup.stdout)

    def _object(self, answer: IO[bytes]) -> bytes | None:
        head = answer.readline(_CHUNK).split()
        if not head:
            raise self._broken()
        if len(head) != 3:  # '<oid> missing'
            return None
        size = int(head[2])
        if size > self._max_file_bytes:
            _skip(answer, size + 1)
            return None
        data = answer.read(size + 1)
        if len(data) != size + 1:
            raise self._broken()
        return data[:-1]

    def _lines(self, listing: IO[bytes]) -> Iterator[bytes]:
        rest = b""
        while chunk := listing.read1(_CHUNK):  # type: ignore[attr-defined]  # typeshed: IO lacks it, BufferedReader not
            *lines, rest = (rest + chunk).split(b"\0")
            if len(rest) > _MAX_PATH_BYTES or any(len(line) > _MAX_PATH_BYTES for line in lines):
                raise self._malformed(f"a path is longer than {_MAX_PATH_BYTES} bytes")
            yield from lines

    def _start(self, arguments: list[str], *, seconds: float) -> GitProcess:
        limits = ProcessLimits(seconds=seconds, file_bytes=_CHUNK)
        process = self._folder.read(arguments, limits=limits)
        self._running.append(process)
        return process

    def _end(self, process: GitProcess) -> None:
        if process in self._running:
            self._running.remove(process)
            process.close()

    def _malformed(self, why: str) -> Permanent:
        return Permanent("repository_malformed", f"{self._name} cannot be read: {why}. Nothing was indexed.")

    def _broken(self) -> Transient:
        return Transient("clone_failed", f"Reading {self._name} broke off. Nothing was changed.")


def _entry(line: bytes) -> Entry:
    head, _, path = line.partition(b"\t")
    mode, _, oid, size = head.decode("ascii").split()
    return Entry(
        mode=mode, oid=oid, size=int(size) if size.isdigit() else None, path=path.decode("utf-8", "surrogateescape")
    )


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        chunk = stream.read(min(size, _CHUNK))
        if not chunk:
            return
        size -= len(chunk)
