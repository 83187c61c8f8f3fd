"""Which files two commits differ in: both fetched bare and shallow, then told by git from their trees."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from edge_worker.source import failures
from edge_worker.source.fetch import FetchLimits, Progress, fetch, folder_bytes
from edge_worker.source.git import Access, GitFolder
from edge_worker.source.process import ProcessLimits
from shared.changes import Change, changes_of
from shared.errors import Permanent
from shared.repositories import RepositoryAddress

#: Bytes of a listing of changed files, and pairs of files that are looked at for a rename.
_MOST_BYTES = 8 << 20
_MOST_PAIRS = 400
_FILE_BYTES = 1 << 16


def compare(
    address: RepositoryAddress,
    *,
    base: str,
    head: str,
    into: Path,
    limits: FetchLimits,
    access: Access,
    reporter: Progress,
) -> list[Change]:
    """Return the files in which commit ``head`` differs from commit ``base``, by path.

    Files that were renamed and changed count as renamed where git finds them alike. Each commit may be as large as
    ``limits`` allows one fetch; the time is for all of it.

    Raises:
        Permanent, Transient, Snooze, Cancelled: as ``fetch`` does; Permanent ``repository_malformed`` also when the
            commits cannot be compared.
    """
    ends = time.monotonic() + limits.seconds
    folder = GitFolder(root=into)
    for commit in (base, head):
        # What lies there already is the other commit's, and takes nothing from this one.
        size = limits.max_bytes + folder_bytes(folder.repository)
        left = replace(limits, seconds=max(ends - time.monotonic(), 0.001), max_bytes=size)
        try:
            fetch(address, ref=commit, into=into, limits=left, access=access, reporter=reporter).close()
        except Permanent as error:
            if error.reason == "ref_not_found":  # git does not say which
                raise failures.ref_not_found(address.name, commit) from error
            raise
    for renames in ("--find-renames", "--no-renames"):
        # Without renames it also works where a large file was left out of the fetch.
        seconds = max(ends - time.monotonic(), 0.001)
        listing = _listing(folder, [renames, f"-l{_MOST_PAIRS}", base, head], seconds=seconds)
        if listing is not None:
            return changes_of(listing)
    if time.monotonic() >= ends:
        raise failures.timeout(address.name, limits.seconds)
    raise Permanent("repository_malformed", f"The commits of {address.name} cannot be compared. Nothing was changed.")


def _listing(folder: GitFolder, arguments: list[str], *, seconds: float) -> bytes | None:
    limits = ProcessLimits(seconds=seconds, file_bytes=_FILE_BYTES)
    with folder.read(["diff-tree", "-r", "-z", "--name-status", *arguments], limits=limits) as process:
        listed = process.stdout.read(_MOST_BYTES + 1)
        if len(listed) > _MOST_BYTES or process.wait() or process.expired:
            return None
    return listed
