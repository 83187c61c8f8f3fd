"""One Python import to the files it means (P1, P5 to P9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from edge_worker.source.languages.python.dependencies import normalised
from edge_worker.source.languages.python.modules import Modules
from edge_worker.source.languages.python.roots import Roots, Search
from edge_worker.source.languages.python.standard import STANDARD
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import EXTERNAL, PACKAGE_INIT, UNRESOLVED, Resolution, Target, local
from edge_worker.source.resolve.repository import Repository, ancestors, parent

# How sure a guess is by its evidence: two parts of the name lie below a directory around the importer; a package that
# no project declares lies beside what the importer is in; a file lies beside a script.
_TWO_NAMES, _PACKAGE_BELOW, _BESIDE = 0.8, 0.7, 0.9

#: A search list, the module, the names asked of it.
_Asked = tuple[tuple[str, ...], str, tuple[str, ...]]


class PythonResolver:
    """Implements ``Resolver`` for Python, without an interpreter and without anything installed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._modules = Modules(repository)
        self._roots = Roots(repository)
        self._tops = _top_parents(repository, self._roots)
        #: The file at hand, its directory, and where its absolute imports are looked up.
        self._path: str | None = None
        self._directory = ""
        self._search = self._roots.search("")
        #: Where the modules of each top package are looked up.
        self._lists: dict[str, tuple[str, ...]] = {}
        #: What was found on a search list; few lists exist, and files ask for the same names again and again.
        self._known: dict[_Asked, Resolution | None] = {}
        self._packages: dict[str, tuple[str, ...]] = {}
        self._target = cache(lambda path: Target(path=path))
        self._package = cache(lambda path: Target(path=path, kinds=(PACKAGE_INIT,)))

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the files that an import means: submodules where the names are submodules, else the module."""
        if path != self._path:
            self._path, self._directory = path, parent(path)
            search = self._roots.search(self._directory)
            if search.own is not self._search.own:
                self._lists = {}
            self._search = search
        directory, search = self._directory, self._search
        if statement.level:
            return self._relative(directory, statement)
        top = statement.module.partition(".")[0]
        if top in STANDARD and search.top != top:
            return EXTERNAL
        lists = self._lists
        if top not in lists:
            lists[top] = self._search_list(search, top)
        found = self._found(lists[top], statement.module, statement.names)
        if found is not None:
            return found
        if normalised(top) in self._roots.needs and normalised(top) not in self._roots.names:
            return EXTERNAL
        guessed = self._fall_back(directory, statement.module.split("."), statement.names)
        return local(*guessed) if guessed else self._missing(search, top)

    def _found(self, roots: tuple[str, ...], module: str, names: tuple[str, ...]) -> Resolution | None:
        asked = (roots, module, names)
        try:
            return self._known[asked]
        except KeyError:
            targets = self._files(roots, module.split(".") if module else (), names)
            found = self._known[asked] = Resolution(outcome="local", targets=tuple(targets)) if targets else None
            return found

    def _relative(self, directory: str, statement: ImportStatement) -> Resolution:
        above = ancestors(directory)
        if statement.level > len(above):
            return UNRESOLVED
        base = above[statement.level - 1]
        return self._found(self._portions(base), statement.module, statement.names) or UNRESOLVED

    def _portions(self, base: str) -> tuple[str, ...]:
        """Return the directories of a package: of a namespace, the same path below every other root as well."""
        if base not in self._packages:
            self._packages[base] = (base, *self._others(base))
        return self._packages[base]

    def _others(self, base: str) -> Iterator[str]:
        if self._repository.file(f"{base}/__init__.py") is not None:
            return
        roots = self._roots.all()
        home = next((root for root in roots if root and base.startswith(f"{root}/")), None)
        if home is None:
            return
        below = base[len(home) + 1 :]
        for root in roots:
            other = f"{root}/{below}" if root else below
            if other != base and self._repository.is_directory(other):
                yield other

    def _search_list(self, search: Search, top: str) -> tuple[str, ...]:
        """A name that is a declared dependency is somebody else's, unless a package of that name is one's own (P8)."""
        name = normalised(top)
        if name not in self._roots.needs or name in self._roots.names:
            return search.every
        module = self._modules.find(search.own, (top,))
        return search.own if module is not None and module.file is not None else ()

    def _files(self, roots: Sequence[str], parts: Sequence[str], names: Sequence[str]) -> list[Target]:
        for stubs in (False, True):
            found = self._walk(roots, parts, names, stubs=stubs) if roots else []
            if found:
                return found
        return []

    def _walk(self, roots: Sequence[str], parts: Sequence[str], names: Sequence[str], *, stubs: bool) -> list[Target]:
        """Return each file once."""
        way = self._modules.way(roots, parts, stubs=stubs)
        if way is None:
            return []
        module = way[-1]
        # ``from . import x``: the package is the first portion itself.
        file = module.file if parts else self._repository.file(f"{roots[0]}/__init__.py" if roots[0] else "__init__.py")
        if names and module.portions:
            found = [self._submodule(module.portions, name, stubs=stubs) or file for name in names]
            asked = dict.fromkeys(path for path in found if path)
        else:
            asked = {file: None} if file else {}
        if not asked:
            return []
        targets = [self._target(path) for path in asked]
        run = [one.file for one in (way if parts else way[:-1]) if one.file and one.file not in asked]
        return targets + [self._package(path) for path in dict.fromkeys(run)]

    def _submodule(self, portions: tuple[str, ...], name: str, *, stubs: bool) -> str | None:
        if name == "*" or not portions:
            return None
        module = self._modules.step(portions, name, stubs=stubs)
        return module.file if module else None

    def _fall_back(self, directory: str, parts: Sequence[str], names: Sequence[str]) -> list[Target]:
        """Look where tests and scripts put themselves on the path, each place with its own evidence (P9)."""
        for root in ancestors(directory)[:-1]:
            found = self._deep(root, parts, names)
            if found:
                return _guessed(found, _TWO_NAMES)
        top = self._tops.get(parts[0] if parts else "", ())
        around = set(ancestors(directory))
        for root in top:
            if parent(root) in around:
                return _guessed(self._files((root,), parts, names), _PACKAGE_BELOW)
        script = self._repository.file(f"{directory}/__init__.py") is None
        return _guessed(self._files((directory,), parts, names), _BESIDE) if script else []

    def _deep(self, root: str, parts: Sequence[str], names: Sequence[str]) -> list[Target]:
        """Two components that match are evidence; one alone is a coincidence."""
        if len(parts) > 1:
            return self._files((root,), parts, names)
        module = self._modules.find((root,), parts)
        if module is None:
            return []
        found = [path for name in names if (path := self._submodule(module.portions, name, stubs=False))]
        return self._files((root,), parts, names) if found else []

    def _missing(self, search: Search, top: str) -> Resolution:
        known = self._modules.find(search.every, (top,))
        return UNRESOLVED if known is not None and known.file is not None else EXTERNAL


def _guessed(targets: Iterable[Target], confidence: float) -> list[Target]:
    return [replace(target, confidence=confidence) for target in targets]


def _top_parents(repository: Repository, roots: Roots) -> dict[str, tuple[str, ...]]:
    """The directories that hold a top regular package outside every declared root, by the package's name."""
    found: dict[str, list[str]] = {}
    for path in repository.named("__init__.py"):
        package = parent(path)
        holder = parent(package)
        inside = any(above in roots.declared for above in ancestors(holder))
        if package and not inside and roots.implicit(package) == holder:
            found.setdefault(package.rpartition("/")[2], []).append(holder)
    return {name: tuple(holders) for name, holders in found.items()}
