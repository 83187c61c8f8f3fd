"""One writer at a time, among all processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

#: Seconds that are waited for the others: a commit takes parts of one, a table's compaction some.
_PATIENCE = 120
#: Seconds between two looks at it.
_LOOK = 0.01


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Hold the lock that is the file at ``path``, in an existing folder; a process that dies gives it back.

    Raises:
        OSError: the file cannot be written, or others held the lock for two minutes.
    """
    lock = FileLock(path, timeout=_PATIENCE, poll_interval=_LOOK)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(f"others held {path} for {_PATIENCE} s") from None
    try:
        yield
    finally:
        lock.release()
