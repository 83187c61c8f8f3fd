"""One path of Rust to the file of the longest part of it that is a module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edge_worker.source.languages.rust import words
from edge_worker.source.languages.rust.cargo import Packages
from edge_worker.source.languages.rust.modules import Modules, Place
from edge_worker.source.parse.statement import QUALIFIED, ImportStatement, Parsed
from edge_worker.source.resolve.base import ASSET, EXTERNAL, UNRESOLVED, Resolution, Target, implied, local
from edge_worker.source.resolve.repository import Repository, join, parent


class _Start(NamedTuple):
    """A module from which the rest of a path goes down."""

    place: Place
    rest: tuple[str, ...]


class RustResolver:
    """Implements ``Resolver`` for Rust, without a toolchain. Conditions are not looked at: every variant is meant."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._packages = Packages(repository)
        self._declared: dict[str, list[ImportStatement]] = {}
        self._inline: dict[str, frozenset[str]] = {}
        self._built: Modules | None = None

    def learn(self, path: str, parsed: Parsed) -> None:
        """Remember the modules that a file declares, of which the trees are built."""
        self._declared[path] = [one for one in parsed.imports if one.module.startswith(words.MOD)]
        self._inline[path] = frozenset(parsed.declares)

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the files of the modules that a statement names."""
        module = statement.module
        for verb, answer in ((words.MOD, self._mod), (words.INCLUDE, self._include), (words.ASSET, self._asset)):
            if module.startswith(verb):
                return answer(path, statement)
        if module.startswith(words.CRATE):
            return self._paths(path, ["::" + module.removeprefix(words.CRATE)])
        if QUALIFIED in statement.kinds:
            return implied(*self._paths(path, [module]).targets)
        return self._paths(path, [f"{module}::{name}" for name in statement.names] or [module])

    @property
    def _modules(self) -> Modules:
        if self._built is None:
            roots = [root for package in self._packages.all() for root in package.roots]
            self._built = Modules(self._repository, self._declared, dict.fromkeys(roots))
        return self._built

    def _mod(self, path: str, statement: ImportStatement) -> Resolution:
        return local(*(Target(path=file) for _, file in self._modules.children(path, statement)))

    def _include(self, path: str, statement: ImportStatement) -> Resolution:
        found = self._written(path, statement.module.removeprefix(words.INCLUDE))
        return local(Target(path=found)) if found is not None else UNRESOLVED

    def _asset(self, path: str, statement: ImportStatement) -> Resolution:
        found = self._written(path, statement.module.removeprefix(words.ASSET))
        return local(Target(path=found, kinds=(ASSET,))) if found is not None else UNRESOLVED

    def _written(self, path: str, written: str) -> str | None:
        directory = parent(path)
        if written.startswith(words.MANIFEST):
            package = self._packages.around(directory)
            directory, written = package.directory if package else "", written.removeprefix(words.MANIFEST).lstrip("/")
        target = join(directory, written)
        return self._repository.file(target) if target is not None else None

    def _paths(self, path: str, asked: list[str]) -> Resolution:
        """A statement of several names is as local as its best one."""
        found: list[Target] = []
        missing = False
        for one in asked:
            starts = list(self._starts(path, one.split("::")))
            if starts:
                found.append(Target(path=self._best(starts)))
            missing = missing or (not starts and one.startswith("super::"))
        if found:
            return local(*found)
        return UNRESOLVED if missing else EXTERNAL

    def _best(self, starts: list[_Start]) -> str:
        """A file may stand in several crates: the one in which most of the path is a module counts, then the first."""
        reached = [self._modules.deepest(start.place.root, (*start.place.path, *start.rest)) for start in starts]
        sizes = [size - len(start.place.path) for start, (size, _) in zip(starts, reached, strict=True)]
        return reached[sizes.index(max(sizes))][1]

    def _starts(self, path: str, segments: list[str]) -> Iterator[_Start]:
        head, rest = segments[0], tuple(name for name in segments[1:] if name != "*")
        for place in self._modules.places(path):
            if head == "crate":
                yield _Start(Place(place.root, ()), rest)
            elif head == "self":
                yield _Start(place, rest)
            elif head == "super":
                up = next((size for size, name in enumerate(segments) if name != "super"), len(segments))
                if up <= len(place.path):
                    yield _Start(Place(place.root, place.path[:-up]), tuple(segments[up:]))
            else:
                yield from self._named(path, place, head, rest)

    def _named(self, path: str, place: Place, head: str, rest: tuple[str, ...]) -> Iterator[_Start]:
        """A name is a module of the same module, else a crate; by the rules before 2018 also a module of the root."""
        name, rest = (rest[0], rest[1:]) if not head and rest else (head, rest)
        is_global = not head
        if not is_global and self._modules.file(Place(place.root, (*place.path, name))) is not None:
            yield _Start(place, (name, *rest))
        elif not is_global and (name in self._inline.get(path, ()) or name[:1].isupper()):
            # A module within the file, or a type that it knows: what it imports it names by other statements.
            yield _Start(place, ())
        elif (library := self._crate(path, name)) is not None:
            yield _Start(Place(library, ()), rest)
        elif self._modules.file(Place(place.root, (name,))) is not None:
            yield _Start(Place(place.root, ()), (name, *rest))

    def _crate(self, path: str, name: str) -> str | None:
        package = self._packages.around(parent(path))
        return self._packages.library(package, name) if package is not None else None
