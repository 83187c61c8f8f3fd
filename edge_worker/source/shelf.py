"""What one run leaves for the next: files that are there whole or not at all, and may be deleted at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from edge_worker.source.resolve.jsonc import Value

_MOST_BYTES = 256 * 2**20
#: One above this is not read: it takes longer than what it spares.
_MOST_OF_ONE = 64 * 2**20
_SUM_LETTERS = 8
#: What is put here holds nothing twice, let alone itself.
_WRITER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class Shelf:
    """A folder of such files, made when something is put there. What nobody asked for longest goes when it is full."""

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        #: What went wrong, in a sentence; nothing is missing for it.
        self.trouble: str | None = None

    def get(self, name: str) -> Value:
        """Return what was put there under a name; None for what is not there, or damaged. Never raises."""
        path = self._folder / name
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_OF_ONE + 1)
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._give_up(error)
            return None
        body = content[_SUM_LETTERS:]
        if len(content) > _MOST_OF_ONE or content[:_SUM_LETTERS] != _sum(body):
            return None
        try:
            value: Value = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return value

    def put(self, name: str, value: object) -> None:
        """Keep what JSON can say, in the place of what was there; two runs at once leave the one or the other."""
        body = _WRITER.encode(value).encode("ascii")
        if len(body) + _SUM_LETTERS > _MOST_OF_ONE or self.trouble is not None:
            return
        made = self._folder / f"{name}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            made.write_bytes(_sum(body) + body)
            made.replace(self._folder / name)
            self._make_room()
        except OSError as error:
            self._give_up(error)

    def _make_room(self) -> None:
        found = sorted(self._sizes())
        over = sum(size for _, size, _ in found) - self._most_bytes
        for _, size, path in found:
            if over <= 0:
                return
            Path(path).unlink(missing_ok=True)
            over -= size

    def _sizes(self) -> Iterator[tuple[int, int, str]]:
        """Yield when each file was last asked for, its size and its path."""
        with os.scandir(self._folder) as found:
            for item in found:
                try:
                    lies = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    # Another run made room.
                    continue
                yield lies.st_mtime_ns, lies.st_size, item.path

    def _give_up(self, error: OSError) -> None:
        self.trouble = f"The cache {self._folder} cannot be used ({error}); every file is read."


def _sum(body: bytes) -> bytes:
    return b"%08x" % crc32(body)
