"""The include directories that build files name: CMake, make, Meson, and the commands of a compilation database."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from itertools import islice, takewhile

from edge_worker.source.languages.c.spellings import Spelling, flags, reader_of
from edge_worker.source.resolve.jsonc import Value, mapping
from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

# Deeper than any path of a repository.
_DEEPEST = 100
# More include directories than any compiler is given: each name would be looked up in all of them.
_MOST = 1000


class Builds:
    """Which directories the files of a directory may include from, nearest build file first."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._by_directory: dict[str, dict[str, None]] = {}
        readers = ((path, reader_of(path)) for path in sorted(repository.files))
        read = [(path, reader) for path, reader in readers if reader is not None]
        self._holders = {parent(path) for path, _ in read}
        for path, reader in read:
            # A module of CMake is included by its project's own file.
            scope = self._tops(parent(path))[0] if path.endswith(".cmake") else parent(path)
            self._keep(scope, parent(path), islice(reader(repository.text(path)), _MOST))
        for path in repository.named("compile_commands.json"):
            for entry in repository.array(path):
                self._compiled(mapping(entry))
        #: Every directory that some build file names.
        self.declared = frozenset(directory for named in self._by_directory.values() for directory in named)
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, directory: str) -> tuple[str, ...]:
        """Return the include directories for the files of a directory, in order."""
        if directory not in self._known:
            named = (self._by_directory.get(above, {}) for above in ancestors(directory))
            self._known[directory] = tuple(islice(dict.fromkeys(found for group in named for found in group), _MOST))
        return self._known[directory]

    def _keep(self, scope: str, directory: str, spelled: Iterable[Spelling]) -> None:
        for spelling in spelled:
            bases = self._tops(directory) if spelling.from_top else [directory]
            joined = (join(base, spelling.path) for base in bases)
            found = next((path for path in joined if path is not None and self._repository.is_directory(path)), None)
            if found is not None:
                self._by_directory.setdefault(scope, {})[found] = None

    def _tops(self, directory: str) -> list[str]:
        """The directories that a build file here may call its project's, the outermost first."""
        return list(takewhile(self._holders.__contains__, ancestors(directory)))[::-1]

    def _compiled(self, entry: dict[str, Value]) -> None:
        """Paths of a compilation database are another machine's: its root is what precedes a file of ours."""
        home, file = entry.get("directory"), entry.get("file")
        if not isinstance(home, str) or not isinstance(file, str):
            return
        whole = _joined(home, file)
        parts = whole.split("/")[-_DEEPEST:]
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        ours = next((tail for tail in tails if self._repository.file(tail) is not None), None)
        if ours is None:
            return
        root = whole[: -len(ours)]
        kept = self._by_directory.setdefault(parent(ours), {})
        for flag in flags(entry):
            found = f"{_joined(home, flag)}/"
            inside = found.removeprefix(root).rstrip("/") if found.startswith(root) else None
            if inside is not None and self._repository.is_directory(inside):
                kept[inside] = None


def _joined(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))
