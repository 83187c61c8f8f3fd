"""One include to the file it means: the compiler's way first, then what the listing alone makes certain enough."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from edge_worker.source.languages.c.builds import Builds
from edge_worker.source.languages.c.standard import STANDARD
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import EXTERNAL, UNRESOLVED, Resolution, Target, local
from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

# Directories that are made to be included from.
_INCLUDE = frozenset({"include", "includes", "inc", "Include"})
_SOURCES = frozenset({*_INCLUDE, "src", "source", "lib"})
# What stands in one of these is not meant from outside by a bare name.
_APART = frozenset({"example", "examples", "test", "tests", "testdata", "fixtures", "contrib"})
# What stands in one of these means nothing outside by a bare name.
_VENDORED_NAMES = """
    vendor vendored third_party third-party thirdparty ThirdParty 3rdparty external externals extern deps subprojects
"""
_VENDORED = frozenset(_VENDORED_NAMES.split())
# What a build writes for every project, so that the only committed one is another's.
_GENERATED = frozenset({"config.h", "version.h", "config.hpp", "version.hpp"})
# How sure a target is that no build file leads to: by the directories around the importer, by the directories that
# build files name elsewhere, by the only path that ends so, by the only file of that name.
_AROUND, _DECLARED, _ONLY_PATH, _ONLY_NAME = 0.9, 0.9, 0.8, 0.7


class _Alike(NamedTuple):
    """The files of one ending: all, those below a directory that a build file names, those below one of includes."""

    files: tuple[str, ...]
    declared: tuple[str, ...]
    public: tuple[str, ...]


class IncludeResolver:
    """Implements ``Resolver`` for the languages of the C preprocessor."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._builds = Builds(repository)
        self._ending: dict[str, _Alike] = {}
        self._names = {part for directory in repository.directories for part in directory.split("/")}
        below = (directory.rpartition("/") for directory in repository.directories)
        # The directories that an angled name may begin with.
        self._public = {name for above, _, name in below if above.rpartition("/")[2] in _INCLUDE}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that a quoted or angled name means. A macro's name means one that only a compiler knows."""
        angled = statement.module.startswith("<")
        if not angled and not statement.module.startswith('"'):
            return UNRESOLVED
        name = statement.module[1:-1].strip().replace("\\", "/")
        if not name or name.startswith("/"):
            return UNRESOLVED
        found = self._compiler(path, name, angled=angled)
        if found is not None:
            return local(Target(path=found))
        if name in STANDARD:
            return EXTERNAL
        target = self._listed(path, name, angled=angled)
        return local(target) if target is not None else self._missing(name, angled=angled)

    def _compiler(self, path: str, name: str, *, angled: bool) -> str | None:
        """Look where a compiler would: beside the file unless angled, then in the directories it is given."""
        directory = parent(path)
        for base in self._builds.of(directory) if angled else (directory, *self._builds.of(directory)):
            joined = join(base, name)
            found = self._repository.file(joined) if joined is not None else None
            if found is not None:
                return found
        return None

    def _listed(self, path: str, name: str, *, angled: bool) -> Target | None:
        ending = "/".join(part for part in name.split("/") if part not in {".", ".."})
        near = [found for found in self._near(ending, ancestors(parent(path)), angled=angled) if found != path]
        if near:
            nearest = max(near, key=lambda found: (_shared(found, path), found))
            return Target(path=nearest, confidence=_AROUND)
        alike = self._alike(ending)
        declared = _others(alike.declared, path)
        if declared:
            return _only(declared, _DECLARED)
        if angled:
            return _only(_others(alike.public, path), _ONLY_PATH)
        found = _others(alike.files, path)
        if "/" in ending:
            return _only(found, _ONLY_PATH)
        return _only(found, _ONLY_NAME) if found and _may_name(parent(path), found[0], ending) else None

    def _near(self, ending: str, around: list[str], *, angled: bool) -> Iterator[str]:
        """The files of that ending in a directory that encloses the importer, or in an include directory of one."""
        if not self._alike(ending).files:
            return
        for above in around:
            for name in _INCLUDE if angled else (*_SOURCES, ""):
                found = "/".join(part for part in (above, name, ending) if part)
                if found in self._repository.files:
                    yield found

    def _alike(self, ending: str) -> _Alike:
        """The files whose path ends so, shallow first."""
        if ending not in self._ending:
            named = self._repository.named(ending.rpartition("/")[2])
            roots = {path: path[: -len(ending)].rstrip("/") for path in named if f"/{path}".endswith(f"/{ending}")}
            self._ending[ending] = _Alike(
                files=tuple(roots),
                declared=tuple(path for path, root in roots.items() if root in self._builds.declared),
                public=tuple(path for path, root in roots.items() if root.rpartition("/")[2] in _INCLUDE),
            )
        return self._ending[ending]

    def _missing(self, name: str, *, angled: bool) -> Resolution:
        """A name whose first directory is nowhere here is somebody else's, and so is an angled one without any."""
        first, slash, _ = name.partition("/")
        if angled:
            return UNRESOLVED if slash and first in self._public else EXTERNAL
        return EXTERNAL if slash and first not in {".", ".."} and first not in self._names else UNRESOLVED


def _others(files: tuple[str, ...], path: str) -> list[str]:
    """The first two that are not the importer: more say nothing more."""
    return list(islice((file for file in files if file != path), 2))


def _only(files: list[str], confidence: float) -> Target | None:
    return Target(path=files[0], confidence=confidence) if len(files) == 1 else None


def _may_name(directory: str, found: str, name: str) -> bool:
    """Whether a bare name written in a directory may mean the only file of that name."""
    here, there = directory.split("/"), parent(found).split("/")
    if name in _GENERATED or not _VENDORED.isdisjoint(here):
        return False
    return _APART.intersection(there).issubset(here)


def _shared(path: str, other: str) -> int:
    """How many directories two paths share."""
    pairs = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next((size for size, (one, two) in enumerate(pairs) if one != two), min(path.count("/"), other.count("/")))
