"""Bring one commit of a repository onto this worker's disk: bare, shallow, bounded in time and size."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from edge_worker.source import failures
from edge_worker.source.bare import BareRepository
from edge_worker.source.git import LOCAL_UPLOAD_PACK, Access, GitFolder, Remote, open_remote, wait
from edge_worker.source.process import GitProcess, ProcessLimits
from shared.errors import JobSignal
from shared.logs import get_logger
from shared.repositories import RepositoryAddress

log = get_logger("source.fetch")

_T = TypeVar("_T")

_COMMIT = re.compile(r"^[0-9a-f]{40}$", re.IGNORECASE)
_REF = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.+/@-]{0,199}$")


class Progress(Protocol):
    """The part of a handler's reporter that a fetch needs; both raise ``Cancelled`` when it should stop."""

    def stage(self, name: str, done: int = 0, total: int = 0) -> None:
        """Say how far a stage is."""

    def check(self) -> None:
        """Go on or raise."""


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """The most that one fetch may take: wall seconds, bytes on disk, files in the commit, bytes of a file.

    ``free_bytes`` is what stays free on the disk, before and during the fetch.
    """

    seconds: float
    max_bytes: int
    max_files: int
    max_file_bytes: int
    free_bytes: int = 256 << 20


def resolve_commit(
    address: RepositoryAddress,
    *,
    ref: str | None,
    into: Path,
    limits: FetchLimits,
    access: Access,
    reporter: Progress,
) -> str:
    """Return the commit (40 hex digits) that ``ref`` names now: a branch, else a tag; the default branch when None.

    A whole commit hash is given back unasked. ``into`` is the job's scratch folder, as for ``fetch``.

    Raises:
        Permanent: ``repository_not_found``, ``repository_empty``, ``ref_not_found``, ``address_refused``.
        Transient: ``clone_failed``, ``clone_timeout``, ``host_not_found``.
        Snooze: ``disk_full``.
        Cancelled: somebody asked for it.
    """
    return _Fetch(address, into=into, limits=limits, access=access, reporter=reporter).resolve(ref)


def fetch(
    address: RepositoryAddress,
    *,
    ref: str | None,
    into: Path,
    limits: FetchLimits,
    access: Access,
    reporter: Progress,
) -> BareRepository:
    """Return the commit that ``ref`` names, with all of its files up to ``max_file_bytes``, in a bare copy.

    No work tree is ever made, nothing of the repository is run, and no git process is left when this returns or
    raises. The copy lies in ``into``, which the caller removes.

    Raises:
        Permanent: as ``resolve_commit``, and ``too_many_files``, ``repository_too_large``, ``repository_malformed``.
        Transient: as ``resolve_commit``.
        Cancelled: somebody asked for it.
    """
    return _Fetch(address, into=into, limits=limits, access=access, reporter=reporter).run(ref)


class _Fetch:
    """One visit to a repository, with one deadline."""

    def __init__(
        self, address: RepositoryAddress, *, into: Path, limits: FetchLimits, access: Access, reporter: Progress
    ) -> None:
        self._address = address
        self._folder = GitFolder(root=into)
        self._limits = limits
        self._access = access
        self._reporter = reporter
        self._ends = time.monotonic() + limits.seconds
        self._reported = 0.0

    def resolve(self, ref: str | None) -> str:
        return self._attempt(lambda: self._commit(self._open(), ref))

    def run(self, ref: str | None) -> BareRepository:
        started = time.monotonic()
        repository = self._attempt(lambda: self._run(ref))
        log.info(
            "repository_fetched",
            repository=self._address.name,
            commit=repository.commit,
            bytes=folder_bytes(self._folder.repository),
            seconds=round(time.monotonic() - started, 3),
        )
        return repository

    def _run(self, ref: str | None) -> BareRepository:
        remote = self._open()
        commit = self._commit(remote, ref)
        repository = BareRepository(
            name=self._address.name,
            commit=commit,
            folder=self._folder,
            seconds=self._limits.seconds,
            max_files=self._limits.max_files,
            max_file_bytes=self._limits.max_file_bytes,
        )
        # Folders first: a commit of too many files is refused before any file of it has come.
        self._take(remote, commit, "blob:none")
        repository.check_count()
        # git leaves out what has at least that many bytes.
        self._take(remote, commit, f"blob:limit={self._limits.max_file_bytes + 1}", "--refetch")
        return repository

    def _take(self, remote: Remote, commit: str, wanted: str, *more: str) -> None:
        """Fetch those objects of a commit that a filter lets through."""
        arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            f"--filter={wanted}",
            *more,
            *([LOCAL_UPLOAD_PACK] if self._address.local else []),
            "--",
            remote.url,
            f"+{commit}:refs/heads/ingest",
        ]
        self._ask(remote, arguments, tick=self._watch)
        self._folder.forget_remote()
        self._watch()

    def _attempt(self, step: Callable[[], _T]) -> _T:
        """Do ``step``; a disk that refuses Pharos' own files is no other failure than one that refuses git's."""
        try:
            return step()
        except OSError as error:
            raise failures.from_os(error, self._address.name) from error

    def _open(self) -> Remote:
        remote = open_remote(self._address, self._access)
        self._watch()
        self._folder.create(remote, limits=self._process_limits(), tick=self._reporter.check)
        return remote

    def _commit(self, remote: Remote, ref: str | None) -> str:
        if ref is not None and _COMMIT.fullmatch(ref):
            return ref.lower()
        if ref is not None and not _REF.fullmatch(ref):
            raise failures.ref_not_found(self._address.name, ref)
        wanted = ["HEAD"] if ref is None else [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"]
        found = self._refs(remote, wanted)
        for name in wanted:
            if name in found:
                return found[name]
        if not self._refs(remote, ["refs/heads/*"]):
            raise failures.repository_empty(self._address.name)
        raise failures.ref_not_found(self._address.name, ref or "HEAD")

    def _refs(self, remote: Remote, patterns: list[str]) -> dict[str, str]:
        """Return commits by full name; a pattern also matches the ends of longer names, so look names up exactly."""
        upload_pack = [LOCAL_UPLOAD_PACK] if self._address.local else []
        listed = self._ask(remote, ["ls-remote", *upload_pack, "--", remote.url, *patterns], tick=self._reporter.check)
        rows = (line.partition("\t") for line in listed.splitlines())
        return {name: commit for commit, _, name in rows if _COMMIT.fullmatch(commit)}

    def _ask(self, remote: Remote, arguments: list[str], *, tick: Callable[[], None]) -> str:
        with self._folder.ask(remote, arguments, limits=self._process_limits()) as process:
            code = wait(process, tick)
            if code or process.expired:
                raise self._failure(process)
            return process.output()

    def _failure(self, process: GitProcess) -> JobSignal:
        if process.expired:
            return failures.timeout(self._address.name, self._limits.seconds)
        if folder_bytes(self._folder.repository) >= self._limits.max_bytes:
            return failures.too_large(self._address.name, self._limits.max_bytes)
        return failures.signal_for(process.errors(), self._address)

    def _watch(self) -> None:
        """Stop when cancelled, too large, or out of disk; say how far it is about once a second."""
        size = folder_bytes(self._folder.repository)
        if size > self._limits.max_bytes:
            raise failures.too_large(self._address.name, self._limits.max_bytes)
        if shutil.disk_usage(_existing(self._folder.root)).free < self._limits.free_bytes:
            raise failures.disk_full()
        self._reporter.check()
        if time.monotonic() - self._reported >= 1.0:
            self._reported = time.monotonic()
            self._reporter.stage("fetch", size, 0)

    def _process_limits(self) -> ProcessLimits:
        return ProcessLimits(seconds=max(self._ends - time.monotonic(), 0.001), file_bytes=self._limits.max_bytes)


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below ``folder``; what git removes in the meantime counts nothing."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(top) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
