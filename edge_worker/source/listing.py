"""A folder of this machine as it lies on disk now: listed by git where there is one, read without following links."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge_worker.source.entry import Entry
from edge_worker.source.shadow import GitPlace
from edge_worker.source.walk import EXCLUDED, Selection, select

#: Git lists a million files in seconds; one that takes longer waits for something that never comes.
_SECONDS = 60.0
#: No file system's clock ticks more seldom.
_UNSETTLED = 2_000_000_000
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LIST = ("ls-files", "-z", "-t", "-s", "-c", "-d", "-o")
_TRACKED_THOUGH_IGNORED = ("ls-files", "-z", "-c", "-i")
_RULES = re.compile(rb"\.gitignore\0")
#: What git says of a folder whose untracked files it may not see; it lists the others all the same.
_SHUT = re.compile(rb"^warning: could not open directory '(.+?)/?': ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is there, by name."""

    entries: list[Entry]
    #: Tracked files that the repository's rules name; None where git was not asked.
    ignored: frozenset[str] | None
    #: Listings with the same mark are equal.
    mark: str


class WorkTree:
    """A folder and all below it. A file's path names its contents; nothing outside the folder is ever opened.

    In a git work tree: the tracked files that are there, and the untracked ones that no ``.gitignore`` names.
    Elsewhere: every file but those in folders of installed things. Made for one pass by one thread.
    """

    def __init__(self, folder: Path, *, max_file_bytes: int) -> None:
        self._folder = os.fsencode(folder)
        self._max_file_bytes = max_file_bytes
        #: What changed later may change again without a later time.
        self._settled = time.time_ns() - _UNSETTLED
        #: How each file and link lay there that was asked for; empty for one that has only just changed.
        self.stamps: dict[str, str] = {}
        self._links: frozenset[str] = frozenset()
        self._solid: dict[str, bool] = {"": True}
        #: Files and folders that are there and could not be read, or were there when they were listed.
        self.unread: list[str] = []

    def listing(self, place: GitPlace | None, shadow: Path) -> Listing:
        """Return what is there. ``shadow`` is a git folder cast of ``place``."""
        listed = self._by_git(place, shadow) if place is not None else None
        if listed is None or not listed.entries:
            # Also a folder that the repository around it ignores: who names it wants it.
            entries = list(self._scan())
            names = "\0".join(f"{entry.mode} {entry.path}" for entry in entries)
            listed = Listing(entries=entries, ignored=None, mark=_digest(names.encode("utf-8", "surrogateescape")))
        return listed

    def select(self, listing: Listing) -> Selection:
        """Return the sources and everything else in a listing of this folder."""
        self._links = frozenset(entry.path for entry in listing.entries if entry.mode == "120000")
        found = select(listing.entries, self.read, border=_never, ignored=listing.ignored)
        if all(map(self._is_solid, {file.path.rpartition("/")[0] for file in found.files})):
            return found
        # Git lists what lies behind a link that has taken the place of a folder.
        entries = [entry for entry in listing.entries if self._is_solid(entry.path.rpartition("/")[0])]
        return select(entries, self.read, border=_never, ignored=listing.ignored)

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
                self.stamp(path)
                return os.readlink(self._at(path))  # noqa: PTH115  # in bytes, as everything here
            return self._contents(path)
        except OSError:
            self.unread.append(path)
            return None

    def stamp(self, path: str) -> str | None:
        """Return how a file or link lies there; empty if it has only just changed, None if it is not there."""
        if not self._is_solid(path.rpartition("/")[0]):
            return None
        try:
            found = self.stamps[path] = self._stamp(os.lstat(self._at(path)))
        except OSError:
            return None
        return found

    def _stamp(self, found: os.stat_result) -> str:
        if found.st_ctime_ns > self._settled:
            return ""
        return f"{found.st_dev} {found.st_ino} {found.st_mode} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"

    def _contents(self, path: str) -> bytes | None:
        handle = os.open(self._at(path), _FLAGS)
        try:
            found = os.fstat(handle)
            # Before it is read: what is written meanwhile leaves a later time.
            self.stamps[path] = self._stamp(found)
            if not stat.S_ISREG(found.st_mode):
                self.unread.append(path)
                return None
            if found.st_size > self._max_file_bytes:
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

    def _is_shut(self, path: str) -> bool:
        """Tell whether nobody can say if a file is there: git counts it as deleted."""
        try:
            os.lstat(self._at(path))
        except PermissionError:
            return True
        except OSError:
            return False
        return False

    def _at(self, path: str) -> bytes:
        return self._folder + b"/" + path.encode("utf-8", "surrogateescape")

    def _by_git(self, place: GitPlace, shadow: Path) -> Listing | None:
        rules = ["--exclude-per-directory=.gitignore"]
        private = place.common / "info" / "exclude"
        others = [f"--exclude={name}/" for name in sorted(EXCLUDED)]
        if private.is_file():
            others.append(f"--exclude-from={private}")
        said = self._git(place, shadow, [*_LIST, *rules, *others])
        if said is None:
            return None
        # Rules that are themselves ignored are of no commit, and so leave out nothing that is tracked.
        has_rules = _RULES.search(said) is not None
        ignored = self._git(place, shadow, [*_TRACKED_THOUGH_IGNORED, *rules]) if has_rules else b""
        if ignored is None:
            return None
        entries = self._entries(_lines(said))
        return Listing(entries=entries, ignored=frozenset(_lines(ignored)), mark=_digest(said + b"\0" + ignored))

    def _entries(self, lines: Iterable[str]) -> list[Entry]:
        """Read what ``ls-files -t -s`` wrote, by its tags.

        ``?`` is untracked, ``H`` and ``M`` (a conflict, with up to three lines) are tracked, and the same path once
        more is ``R`` if it is not on disk; ``S`` was left out of a sparse work tree.
        """
        found: dict[str, Entry] = {}
        for line in lines:
            tag = line[0]
            if tag == "?":
                path = line[2:]
                if not path.endswith("/"):  # else another repository, which this one knows nothing of
                    self.stamp(path)
                    found[path] = _entry("120000" if self._is_link(path) else "100644", path)
                continue
            head, _, path = line.partition("\t")
            if tag in "HM":
                found[path] = _entry(head[2:8], path)
            elif tag == "R":
                found.pop(path, None)
                if self._is_shut(path):
                    self.unread.append(path)
        return list(found.values())

    def _git(self, place: GitPlace, shadow: Path, arguments: list[str]) -> bytes | None:
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
        if done.returncode:
            return None
        self.unread += [shut for shut in map(_decoded, _SHUT.findall(done.stderr)) if shut not in self.unread]
        return done.stdout

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
    return Entry(mode, path, 0, path)


def _lines(said: bytes) -> list[str]:
    return _decoded(said).split("\0")[:-1]


def _digest(said: bytes) -> str:
    return sha256(said).hexdigest()


def _decoded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _never() -> None:
    """Nobody cancels a listing but by Ctrl-C."""
