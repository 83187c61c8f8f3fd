"""A Go import path to the directory of its package."""

from __future__ import annotations

from collections import defaultdict

from edge_worker.source.languages.go.modfile import Module, read_module, read_workspace
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside, parent

# The module path of the Go tree itself: its packages have no prefix.
_STANDARD = "std"


class Modules:
    """The modules of a repository. Versions are not looked at: what the repository holds is what is meant."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        read = (read_module(repository, path) for path in repository.named("go.mod"))
        found = [module for module in read if module is not None]
        self._by_directory = {module.directory: module for module in found}
        self._by_path: defaultdict[str, list[Module]] = defaultdict(list)
        for module in found:
            self._by_path[module.path].append(module)
        self._workspaces = {parent(path): read_workspace(repository, path) for path in repository.named("go.work")}
        self._seen: dict[tuple[str, str], tuple[bool, str | None]] = {}

    def find(self, directory: str, path: str) -> tuple[bool, str | None]:
        """Return whether an import path, as a file in a directory writes it, means a package of this repository; and
        the package's directory, if it is there."""
        key = (directory, path)
        if key not in self._seen:
            self._seen[key] = self._find(directory, path)
        return self._seen[key]

    def _find(self, directory: str, path: str) -> tuple[bool, str | None]:
        above = ancestors(directory)
        home = next((self._by_directory[up] for up in above if up in self._by_directory), None)
        known = self._replaced(above, home, path)
        # The root of the repository is called by an empty text.
        known = known if known is not None else self._of_module(directory, home, path)
        if known is not None and self._repository.is_directory(known):
            return True, known
        vendored = (f"{up}/vendor/{path}".lstrip("/") for up in above)
        found = next((place for place in vendored if self._repository.is_directory(place)), None)
        return known is not None or found is not None, found

    def _replaced(self, above: list[str], home: Module | None, path: str) -> str | None:
        tables = [self._workspaces[up] for up in above if up in self._workspaces]
        if home is not None:
            tables.append(home.replaced)
        for prefix in _prefixes(path):
            place = next((table[prefix] for table in tables if prefix in table), None)
            if place is not None:
                return _below(place, path[len(prefix) :])
        return None

    def _of_module(self, directory: str, home: Module | None, path: str) -> str | None:
        for prefix in _prefixes(path):
            seen = [module for module in self._by_path.get(prefix, ()) if _is_visible(module.directory, directory)]
            if seen:
                nearest = home if home in seen else max(seen, key=lambda one: _nearness(one.directory, directory))
                return _below(nearest.directory, path[len(prefix) :])
        if home is not None and home.path == _STANDARD:
            place = _below(home.directory, f"/{path}")
            return place if self._repository.is_directory(place) else None
        return None


def _prefixes(path: str) -> list[str]:
    """The path and all above it, the longest first."""
    return ancestors(path)[:-1]


def _below(directory: str, tail: str) -> str:
    return f"{directory}{tail}".lstrip("/")


def _is_visible(module: str, importer: str) -> bool:
    """Modules below testdata are fixtures: they give their names to each other alone."""
    parts = module.split("/")
    hidden = next((size for size, part in enumerate(parts, 1) if part == "testdata" or part.startswith("_")), None)
    return hidden is None or is_inside(importer, "/".join(parts[:hidden]))


def _nearness(module: str, importer: str) -> tuple[int, int, str]:
    """How many folders the two share, then how shallow the module lies."""
    shared = len(set(ancestors(module)) & set(ancestors(importer)))
    return shared, -module.count("/"), module
