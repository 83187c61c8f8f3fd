"""The connection file of a running stack: how other commands on this machine find it and may talk to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The file's name in a stack's folder.
CONNECTION = "connection"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where a running stack answers, its token, and the process that runs it, told apart by its birth."""

    url: str
    token: str
    pid: int
    born: float

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, pid={self.pid})"


def write_connection(folder: Path, *, url: str, token: str) -> Path:
    """Write the connection file of the stack that this process runs, with mode 0600; return its path."""
    import psutil

    from pharos.stack.private import write_private

    process = psutil.Process()
    path = folder / CONNECTION
    write_private(
        path, json.dumps({"url": url, "token": token, "pid": process.pid, "born": process.create_time()}, indent=1)
    )
    return path


def running_stack(base: Path) -> Connection | None:
    """Return the connection of the first stack that runs from ``base``, ``base-2`` …, or None when none does."""
    return next((found for found in map(_read, _candidates(base)) if found is not None and _runs(found)), None)


def _candidates(base: Path) -> Iterator[Path]:
    folders = [base, *base.parent.glob(f"{base.name}-*")] if base.parent.is_dir() else []
    return (path for folder in sorted(folders, key=_number) if _is_mine(path := folder / CONNECTION))


def _number(folder: Path) -> int:
    _, _, tail = folder.name.rpartition("-")
    return int(tail) if tail.isdigit() else 1


def _is_mine(path: Path) -> bool:
    """A file that somebody else put there could send our requests anywhere."""
    if not path.is_file():
        return False
    return sys.platform == "win32" or path.stat().st_uid == _user()


def _user() -> int:
    import os

    return os.geteuid() if sys.platform != "win32" else 0


def _read(path: Path) -> Connection | None:
    try:
        return Connection(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # its stack was just stopped, or another version wrote it
        return None


def _runs(connection: Connection) -> bool:
    """A file outlives a stack that was killed, and its process id may be another's by now."""
    import psutil

    try:
        return abs(psutil.Process(connection.pid).create_time() - connection.born) < 1.0
    except psutil.NoSuchProcess:
        return False
