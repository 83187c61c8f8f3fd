"""The listing of one commit as a resolver sees it: every question is a look-up, nothing is read but configuration."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from edge_worker.source.parse.later import later
from edge_worker.source.parse.text import to_utf8
from edge_worker.source.resolve.jsonc import Value, parse_jsonc

Read = Callable[[str], bytes | None]
T = TypeVar("T")

# Most repositories have files of one of the two kinds at most.
_parse_toml: Callable[[str], dict[str, Value]] = later("tomllib", "loads")
_parse_ini: Callable[[str], dict[str, dict[str, str]]] = later("edge_worker.source.resolve.ini", "parse_ini")

_HOPS = 8
# Configuration written by people is far smaller; what is larger is not read.
_LARGEST = 512_000


class Repository:
    """Paths are relative to the root, with ``/``; the root itself is the empty string.

    Configuration that cannot be read counts as absent (and its path is kept in ``unreadable``): one broken file must
    not cost the other files their edges.
    """

    def __init__(self, *, paths: Iterable[str], aliases: Mapping[str, str], read: Read) -> None:
        self._aliases = {path: _clean(target) for path, target in aliases.items()}
        self.files = frozenset(path for path in paths if path not in self._aliases)
        self.directories = _directories(self.files)
        self.unreadable: set[str] = set()
        #: Where folders really are, as far as somebody asked.
        self._folders: dict[str, str] = {}
        #: Made when somebody asks for a path whose letters may be wrong.
        self._by_case: dict[str, str | None] | None = None
        self._read = read
        self._named: defaultdict[str, list[str]] = defaultdict(list)
        for path in self.files:
            self._named[path.rpartition("/")[2]].append(path)

    def file(self, path: str) -> str | None:
        """Return the real path of a file, through symbolic links, or None if there is no such file."""
        if path in self.files:
            return path
        if not self._aliases:
            return None
        real = self._real(path)
        return real if real in self.files else None

    @property
    def links(self) -> Iterable[str]:
        """The paths of the symbolic links, to files and to folders, in no order."""
        return self._aliases.keys()

    def placed(self, path: str) -> str:
        """Return a path with its folder where that really is; the path itself may still be a link."""
        if not self._aliases:
            return path
        folder, _, name = path.rpartition("/")
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = self._followed(folder)
        if real == folder:
            return path
        return f"{real}/{name}" if real else name

    def only_by_case(self, path: str) -> str | None:
        """Return the one file whose path is the same but for large and small letters, None if there are several."""
        if self._by_case is None:
            self._by_case = {}
            for known in self.files:
                folded = known.casefold()
                self._by_case[folded] = None if folded in self._by_case else known
        return self._by_case.get(path.casefold())

    def is_directory(self, path: str) -> bool:
        """Return whether a directory with a file below it is there."""
        return self._real(path) in self.directories

    def named(self, name: str) -> list[str]:
        """Return the files of that name, shallow first."""
        return sorted(self._named.get(name, ()), key=lambda path: (path.count("/"), path))

    def names(self) -> Iterable[str]:
        """Return the names that files have, each once, in no order."""
        return self._named.keys()

    def json(self, path: str) -> dict[str, Value]:
        """Return the object in a JSON file with comments and trailing commas, or an empty one."""
        value = self._parsed(path, parse_jsonc, None)
        return value if isinstance(value, dict) else {}

    def array(self, path: str) -> list[Value]:
        """Return the list in a JSON file, as ``json`` does an object, or an empty one."""
        value = self._parsed(path, parse_jsonc, None)
        return value if isinstance(value, list) else []

    def toml(self, path: str) -> dict[str, Value]:
        """Return the table in a TOML file, or an empty one."""
        return self._parsed(path, _parse_toml, {})

    def ini(self, path: str) -> dict[str, dict[str, str]]:
        """Return the options of each section of an INI file, or none."""
        return self._parsed(path, _parse_ini, {})

    def text(self, path: str) -> str:
        """Return a small text file, or an empty string."""
        return self._parsed(path, str, "")

    def _parsed(self, path: str, parse: Callable[[str], T], absent: T) -> T:
        real = self.file(path)
        content = self._read(real) if real is not None else None
        if content is None:
            return absent
        try:
            if len(content) > _LARGEST:
                raise ValueError("too large for a configuration file")
            return parse(to_utf8(content).decode("utf-8"))
        except (ValueError, RecursionError):
            self.unreadable.add(path)
            return absent

    def _real(self, path: str) -> str:
        path = self.placed(path)
        return self._followed(path) if path in self._aliases else path

    def _followed(self, path: str) -> str:
        for _ in range(_HOPS):
            parts = path.split("/")
            heads = ("/".join(parts[: size + 1]) for size in range(len(parts)))
            link = next((head for head in heads if head in self._aliases), None)
            if link is None:
                return path
            path = _clean(f"{self._aliases[link]}/{path[len(link) :]}")
        return path


def join(directory: str, path: str) -> str | None:
    """Return ``path`` as seen from ``directory``, or None if it leads out of the repository."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    if joined == ".":
        return ""
    return None if joined == ".." or joined.startswith(("../", "/")) else joined


def parent(path: str) -> str:
    """Return the directory of a path, the empty string at the root."""
    return path.rpartition("/")[0]


def ancestors(directory: str) -> list[str]:
    """Return a directory and all above it, the root last."""
    found = [directory]
    while directory:
        directory = directory.rpartition("/")[0]
        found.append(directory)
    return found


def is_inside(path: str, directory: str) -> bool:
    """Return whether a path is a directory itself or lies below it."""
    return not directory or path == directory or path.startswith(directory + "/")


def _clean(path: str) -> str:
    clean = posixpath.normpath(path)
    return "" if clean == "." else clean


def _directories(files: Iterable[str]) -> frozenset[str]:
    found = {""}
    for path in files:
        directory = parent(path)
        while directory not in found:
            found.add(directory)
            directory = parent(directory)
    return frozenset(found)
