"""One Go import to the files of the package that declare the names which are used of it."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator
from posixpath import basename

from edge_worker.source.languages.go import words
from edge_worker.source.languages.go.modules import Modules
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import (
    EXTERNAL,
    SAME_PACKAGE,
    UNRESOLVED,
    Resolution,
    Target,
    implied,
    local,
)
from edge_worker.source.resolve.repository import Repository, join, parent

# More files than declare one name for different systems: a folder of programs, each by itself.
_MOST_VARIANTS = 50
# How sure a use is that is known by its name alone.
_UNSCOPED = 0.9
# How sure an edge to one file is where only the package is known.
_PACKAGE_ALONE = 0.5


class GoResolver:
    """Implements ``Resolver`` for Go, without a toolchain. Build tags are not looked at: every variant is meant."""

    def __init__(self, repository: Repository) -> None:
        self._modules = Modules(repository)
        self._packages = _Packages(repository)

    def learn(self, path: str, parsed: Parsed) -> None:
        """Remember the package that a file belongs to and the names it declares."""
        self._packages.learn(path, parsed.declares)

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the files that declare what is used of a package.

        Where none is found, the file that runs because of a blank import, or the one that stands for the package.
        """
        asked = statement.module
        if asked.startswith(words.PACKAGE):
            return self._siblings(path, asked.removeprefix(words.PACKAGE), statement.names)
        if asked == "C":
            return EXTERNAL
        if asked.startswith(("./", "../")) or asked in {".", ".."}:
            known, directory = True, join(parent(path), asked)
        else:
            known, directory = self._modules.find(parent(path), asked)
        if directory is None or not self._packages.has(directory):
            return UNRESOLVED if known else EXTERNAL
        found = self._packages.declaring(directory, statement.names, importer=path)
        if not found and not statement.names:
            found = self._packages.declaring(directory, ("init",), importer=path)
        if found:
            return local(*(Target(path=file) for file in found))
        return local(Target(path=self._packages.face(directory), confidence=_PACKAGE_ALONE))

    def _siblings(self, path: str, clause: str, names: tuple[str, ...]) -> Resolution:
        """What a file uses of its own package needs no import. Names are read without scopes, so it is a guess."""
        files = self._packages.declaring(parent(path), tuple(f"{clause}.{name}" for name in names), importer=path)
        return implied(*(Target(path=file, kinds=(SAME_PACKAGE,), confidence=_UNSCOPED) for file in files))


class _Packages:
    """What each directory's files declare."""

    def __init__(self, repository: Repository) -> None:
        self._files: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(repository.files):
            if path.endswith(".go") and not path.endswith("_test.go"):
                self._files[parent(path)].append(path)
        self._clauses: dict[str, str] = {}
        self._declaring: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def learn(self, path: str, declares: tuple[str, ...]) -> None:
        directory = parent(path)
        for name in declares:
            if name.startswith(words.PACKAGE):
                self._clauses[path] = name.removeprefix(words.PACKAGE)
            else:
                insort(self._declaring[directory, name], path)

    def has(self, directory: str) -> bool:
        return directory in self._files

    def declaring(self, directory: str, names: tuple[str, ...], *, importer: str) -> list[str]:
        """Return the files of a directory's package that declare one of the names, in order of path."""
        found = {file for name in names for file in self._named(directory, name, importer)}
        libraries = [file for file in found if self._clauses.get(file) != "main"]
        return sorted(libraries or found)

    def _named(self, directory: str, spelled: str, importer: str) -> Iterator[str]:
        qualifier, _, name = spelled.rpartition(".")
        # Tests of a package from outside it see what its own tests declare (export_test.go).
        own_test = importer.endswith("_test.go") and parent(importer) == directory
        for file in self._declaring.get((directory, name), ())[:_MOST_VARIANTS]:
            clause = self._clauses.get(file, qualifier)
            if qualifier in {"", clause} and (own_test or not file.endswith("_test.go")):
                yield file

    def face(self, directory: str) -> str:
        """Return the file that stands for a package: doc.go, the one of the package's name, else the first."""
        files = self._files[directory]
        clauses = [self._clauses[file] for file in files if file in self._clauses]
        wanted = ("doc.go", *(f"{clause}.go" for clause in clauses), f"{basename(directory)}.go")
        by_name = {basename(file): file for file in files}
        return next((by_name[name] for name in wanted if name in by_name), files[0])
