"""A folder of this machine as it lies on disk now: listed by git where there is one, read without following links."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_worker.source.entry import Entry
from edge_worker.source.shadow import GitPlace
from edge_worker.source.walk import EXCLUDED, Selection, select

#: Git lists a million files in seconds; one that takes longer waits for something that never comes.
_SECONDS = 60.0
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LIST = ("ls-files", "-z", "-t", "-s", "-c", "-d", "-o")
_TRACKED_THOUGH_IGNORED = ("ls-files", "-z", "-c", "-i")


@dataclass(frozen=True, kw_only=True)
class _Listed:
    entries: list[Entry]
    #: Tracked files that the repository's rules name; None where git was not asked.
    ignored: frozenset[str] | None


class WorkTree:
    """A folder and all below it. A file's path names its contents; nothing outside the folder is ever opened.

    In a git work tree: the tracked files that are there, and the untracked ones that no ``.gitignore`` names.
    Elsewhere: every file but those in folders of installed things. Made for one pass by one thread.
    """

    def __init__(self, folder: Path, *, max_file_bytes: int) -> None:
        self._folder = os.fsencode(folder)
        self._max_file_bytes = max_file_bytes
        self._links: frozenset[str] = frozenset()
        self._solid: dict[str, bool] = {"": True}
        #: Files that were asked for and could not be read.
        self.unread: list[str] = []

    def select(self, place: GitPlace | None, shadow: Path) -> Selection:
        """Return the sources and everything else that is there. ``shadow`` is a git folder cast of ``place``."""
        listed = self._by_git(place, shadow) if place is not None else None
        if listed is None or not listed.entries:
            # Also a folder that the repository around it ignores: who names it wants it.
            listed = _Listed(entries=list(self._scan()), ignored=None)
        self._links = frozenset(entry.path for entry in listed.entries if entry.mode == "120000")
        return select(listed.entries, self.read, border=_never, ignored=listed.ignored)

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield what each path holds, in the order asked for, as ``get`` does."""
        for path in paths:
            yield path, self.get(path)

    def get(self, path: str) -> bytes | None:
        """Return the contents of a file, the target of a link; None for what is too large, gone, or neither."""
        if not self._is_solid(path.rpartition("/")[0]):
            return None
        try:
            if path in self._links:
                return os.readlink(self._at(path))  # noqa: PTH115  # in bytes, as everything here
            return self._contents(path)
        except OSError:
            self.unread.append(path)
            return None

    def _contents(self, path: str) -> bytes | None:
        handle = os.open(self._at(path), _FLAGS)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_size > self._max_file_bytes:
                return None
            return os.read(handle, found.st_size)
        finally:
            os.close(handle)

    def _is_solid(self, folder: str) -> bool:
        """Tell whether a folder and all above it are folders: a link in the place of one may lead anywhere."""
        known = self._solid.get(folder)
        if known is None:
            known = self._is_solid(folder.rpartition("/")[0]) and not self._is_link(folder)
            self._solid[folder] = known
        return known

    def _is_link(self, path: str) -> bool:
        try:
            return stat.S_ISLNK(os.lstat(self._at(path)).st_mode)
        except OSError:
            return False

    def _at(self, path: str) -> bytes:
        return self._folder + b"/" + path.encode("utf-8", "surrogateescape")

    def _by_git(self, place: GitPlace, shadow: Path) -> _Listed | None:
        rules = ["--exclude-per-directory=.gitignore"]
        private = place.common / "info" / "exclude"
        others = [f"--exclude={name}/" for name in sorted(EXCLUDED)]
        if private.is_file():
            others.append(f"--exclude-from={private}")
        lines = self._git(place, shadow, [*_LIST, *rules, *others])
        ignored = self._git(place, shadow, [*_TRACKED_THOUGH_IGNORED, *rules]) if lines is not None else None
        if lines is None or ignored is None:
            return None
        return _Listed(entries=self._entries(lines), ignored=frozenset(map(_decoded, ignored)))

    def _entries(self, lines: Iterable[bytes]) -> list[Entry]:
        """Read what ``ls-files -t -s`` wrote, by its tags.

        ``?`` is untracked, ``H`` and ``M`` (a conflict, with up to three lines) are tracked, and the same path once
        more is ``R`` if it is not on disk; ``S`` was left out of a sparse work tree.
        """
        found: dict[str, Entry] = {}
        for line in map(_decoded, lines):
            tag = line[0]
            if tag == "?":
                path = line[2:]
                if not path.endswith("/"):  # else another repository, which this one knows nothing of
                    found[path] = _entry("120000" if self._is_link(path) else "100644", path)
                continue
            head, _, path = line.partition("\t")
            if tag in "HM" and self._is_solid(path.rpartition("/")[0]):
                found[path] = _entry(head.split(" ")[1], path)
            elif tag == "R":
                found.pop(path, None)
        return list(found.values())

    def _git(self, place: GitPlace, shadow: Path, arguments: list[str]) -> list[bytes] | None:
        """Return what git lists, None where there is no git or it cannot read this repository's index."""
        index = place.own / "index"
        if index.exists() and not index.is_file():  # git would wait for a pipe
            return None
        environment = {
            "PATH": os.pathsep.join(os.get_exec_path()),
            "HOME": str(shadow),
            "GIT_DIR": str(shadow),
            "GIT_WORK_TREE": str(place.top),
            "GIT_INDEX_FILE": str(index),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return None
        return done.stdout.split(b"\0")[:-1] if done.returncode == 0 else None

    def _scan(self) -> Iterator[Entry]:
        """Yield the folder's files and links; what may not be looked into counts as unread."""
        waiting = [b""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self._folder + b"/" + folder) as found:
                    items = list(found)
            except OSError:
                self.unread.append(_decoded(folder))
                continue
            for item in items:
                path = folder + b"/" + item.name if folder else item.name
                if item.is_symlink():
                    yield _entry("120000", _decoded(path))
                elif item.is_file(follow_symlinks=False):
                    yield _entry("100644", _decoded(path))
                elif item.is_dir(follow_symlinks=False) and _decoded(item.name) not in EXCLUDED:
                    waiting.append(path)


def _entry(mode: str, path: str) -> Entry:
    return Entry(mode=mode, oid=path, size=0, path=path)


def _decoded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _never() -> None:
    """Nobody cancels a listing but by Ctrl-C."""
