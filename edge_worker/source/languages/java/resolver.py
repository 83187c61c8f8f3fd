"""One Java import to the file that declares the type, or to those of a package whose types are used."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge_worker.source.languages.java import words
from edge_worker.source.parse.statement import QUALIFIED, ImportStatement, Parsed
from edge_worker.source.resolve.base import (
    EXTERNAL,
    IMPLIED,
    SAME_PACKAGE,
    UNRESOLVED,
    Resolution,
    Target,
    implied,
    local,
)
from edge_worker.source.resolve.repository import Repository, ancestors, parent

# How sure an edge to one file is where only the package is known.
_PACKAGE_ALONE = 0.5
# More names than a path of packages and nested types has.
_DEEPEST = 40


class JavaResolver:
    """Implements ``Resolver`` for Java, by package clauses and names of types; nothing is compiled."""

    def __init__(self, repository: Repository) -> None:
        self._types = _Types(repository)
        self._modules: defaultdict[str, list[str]] = defaultdict(list)

    def learn(self, path: str, parsed: Parsed) -> None:
        """Remember the package that a file belongs to and the types at its top, or the module that it declares."""
        first = parsed.declares[0] if parsed.declares else ""
        if first.startswith(words.MODULE):
            insort(self._modules[first.removeprefix(words.MODULE)], path)
        elif first:
            self._types.learn(path, first.removeprefix(words.PACKAGE), parsed.declares[1:])

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the files that a statement means.

        Where types of several files have one name (a package of two projects), the nearest to the importer counts.
        """
        module, names = statement.module, statement.names
        if module.startswith(words.PACKAGE):
            return self._siblings(path, module.removeprefix(words.PACKAGE), names)
        if module.startswith(words.MODULE):
            found = self._modules.get(module.removeprefix(words.MODULE))
            return local(Target(path=_nearest(found, path))) if found else EXTERNAL
        if names and self._types.has(module):
            return self._all_of(path, module, names)
        file = self._type(path, module.split(".")[:_DEEPEST])
        if QUALIFIED in statement.kinds:
            return implied(Target(path=file)) if file is not None else IMPLIED
        if file is not None:
            return local(Target(path=file))
        return UNRESOLVED if self._types.is_within(module) else EXTERNAL

    def _siblings(self, path: str, package: str, names: Iterable[str]) -> Resolution:
        """What a file uses of its own package needs no import. Files without a package share one with their folder."""
        found = [file for name in names if (file := self._types.find(package, name, path)) is not None]
        near = found if package else [file for file in found if parent(file) == parent(path)]
        return implied(*(Target(path=file, kinds=(SAME_PACKAGE,)) for file in near))

    def _all_of(self, path: str, package: str, names: Iterable[str]) -> Resolution:
        """A type of the file's own package is meant before one of a package that is imported whole."""
        own = self._types.package_of(path)
        used = (name for name in names if own is None or self._types.find(own, name, path) is None)
        found = [file for name in used if (file := self._types.find(package, name, path)) is not None]
        if found:
            return local(*(Target(path=file) for file in found))
        return local(Target(path=self._types.face(package, path), confidence=_PACKAGE_ALONE))

    def _type(self, path: str, parts: list[str]) -> str | None:
        """Cut members and nested types from the end, until what is left is a type at the top of a file."""
        for size in range(len(parts), min(1, len(parts) - 1), -1):
            found = self._types.find(".".join(parts[: size - 1]), parts[size - 1], path)
            if found is not None:
                return found
        return None


class _Types:
    """The types of a repository by package and name."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._files: defaultdict[str, list[str]] = defaultdict(list)
        self._declaring: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._package: dict[str, str] = {}
        #: The files that were not read: by the names of types, then by every package that their folders may mean.
        self._called: dict[str, dict[str, list[str]]] = {}

    def learn(self, path: str, package: str, names: Iterable[str]) -> None:
        self._package[path] = package
        insort(self._files[package], path)
        for name in names:
            insort(self._declaring[package, name], path)

    def package_of(self, path: str) -> str | None:
        return self._package.get(path)

    def has(self, package: str) -> bool:
        return package in self._files

    def find(self, package: str, name: str, importer: str) -> str | None:
        """Return the file of a type; one that was not read is known by its name and its folder."""
        found = self._declaring.get((package, name)) or self._unread(package, name)
        return _nearest(found, importer) if found else None

    def is_within(self, name: str) -> bool:
        """Return whether a type, had it a file, would lie in a package of this repository or below one.

        A package of one word may be shared with anybody.
        """
        above = (name.rsplit(".", size)[0] for size in range(1, min(name.count("."), _DEEPEST)))
        return any(package in self._files for package in above)

    def face(self, package: str, importer: str) -> str:
        """Return the file that stands for a package: package-info.java, else the first."""
        folder = parent(_nearest(self._files[package], importer))
        about = self._repository.file(f"{folder}/package-info.java".lstrip("/"))
        return about or min(file for file in self._files[package] if parent(file) == folder)

    def _unread(self, package: str, name: str) -> Sequence[str]:
        """Return the files that are called like a type, lie in a folder called like its package, and were not read."""
        if name not in self._called:
            named = self._repository.named(f"{name}.java") if package else ()
            if not named:
                return ()
            self._called[name] = _by_package(sorted(path for path in named if path not in self._package))
        return self._called[name].get(package, ())


def _by_package(paths: Iterable[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        folders = parent(path).split("/")
        for size in range(1, min(len(folders), _DEEPEST) + 1):
            found[".".join(folders[-size:])].append(path)
    return found


def _nearest(paths: Sequence[str], importer: str) -> str:
    """Return the first of the sorted ``paths`` that lie below the deepest folder that the importer is in as well."""
    for folder in ancestors(parent(importer)):
        prefix = f"{folder}/" if folder else ""
        place = bisect_left(paths, prefix)
        if place < len(paths) and paths[place].startswith(prefix):
            return paths[place]
    return paths[0]
