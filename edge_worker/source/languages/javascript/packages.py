"""The packages of a repository by directory and by name (J8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_worker.source.languages.javascript.globs import matches
from edge_worker.source.resolve.jsonc import Value, mapping, strings
from edge_worker.source.resolve.repository import Repository, join, parent

_EXAMPLES = frozenset(
    {"examples", "example", "fixtures", "__fixtures__", "test", "tests", "__tests__", "testdata", "playground"}
)
# More globs than any workspace declares: each is matched with every package.
_MOST_GLOBS = 500
_LINKS = ("link:", "file:", "portal:")
_YAML_ITEM = re.compile(r"""^\s*-\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$""")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A directory with a package.json."""

    directory: str
    manifest: dict[str, Value]

    @property
    def name(self) -> str:
        """The name that others import it by, empty without one."""
        name = self.manifest.get("name")
        return name if isinstance(name, str) else ""


class Packages:
    """Finds the package around a file and the one that a bare name means."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        found = [
            Package(directory=parent(path), manifest=repository.json(path))
            for path in repository.named("package.json")
            if "node_modules" not in path.split("/")
        ]
        self._by_directory = {package.directory: package for package in found}
        workspaces = _Workspaces(repository, found)
        #: Directories that some workspace lists; the root is part of every one.
        self._members = {"", *(place for place in self._by_directory if workspaces.include(place))}
        ranked = sorted(found, key=lambda package: (package.directory not in self._members, _rank(package)))
        self._around: dict[str, Package | None] = {}
        self._by_name: dict[str, Package] = {}
        for package in ranked:
            if package.name:
                self._by_name.setdefault(package.name, package)

    def at(self, directory: str) -> Package | None:
        """Return the package whose directory this is."""
        return self._by_directory.get(directory)

    def around(self, directory: str) -> Package | None:
        """Return the nearest package that holds a directory."""
        if directory not in self._around:
            nearest = self._by_directory.get(directory)
            above = self.around(parent(directory)) if nearest is None and directory else nearest
            self._around[directory] = above
        return self._around[directory]

    def named(self, name: str, directory: str) -> Package | None:
        """Return the package that a name means in a directory: itself, one of the workspace, or a linked one."""
        around = self.around(directory)
        if around is not None and around.name == name:
            return around
        return self._by_name.get(name) or (self._linked(around, name) if around is not None else None)

    def is_guess(self, package: Package, directory: str) -> bool:
        """Return whether only its name says that a package is the one that is meant in a directory."""
        around = self.around(directory)
        if package.directory in self._members or around is package:
            return False
        return around is None or self._linked(around, package.name) is not package

    def _linked(self, package: Package, name: str) -> Package | None:
        for table in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
            value = mapping(package.manifest.get(table)).get(name)
            if isinstance(value, str) and value.startswith(_LINKS):
                directory = join(package.directory, value.partition(":")[2])
                return self._by_directory.get(directory) if directory is not None else None
        return None


class _Workspaces:
    """The globs of npm, yarn, pnpm and lerna, each seen from the directory of its file."""

    def __init__(self, repository: Repository, packages: list[Package]) -> None:
        self._globs: list[tuple[str, str]] = []
        for package in packages:
            declared = package.manifest.get("workspaces")
            globs = strings(declared.get("packages") if isinstance(declared, dict) else declared)
            self._globs += [(package.directory, glob) for glob in globs]
        for path in repository.named("pnpm-workspace.yaml"):
            self._globs += [(parent(path), glob) for glob in _yaml_packages(repository.text(path))]
        for path in repository.named("lerna.json"):
            self._globs += [(parent(path), glob) for glob in strings(repository.json(path).get("packages"))]
        del self._globs[_MOST_GLOBS:]

    def include(self, directory: str) -> bool:
        """Return whether some workspace lists this directory."""
        wanted = [glob for root, glob in self._globs if _below(glob.lstrip("!"), root, directory)]
        return bool(wanted) and not any(glob.startswith("!") for glob in wanted)


def _below(glob: str, root: str, directory: str) -> bool:
    pattern = join(root, glob)
    return pattern is not None and matches(pattern, directory)


def _yaml_packages(text: str) -> Iterator[str]:
    """The list under ``packages:``; the rest of the file holds settings that name no directories."""
    listed = False
    for line in text.splitlines():
        if line.startswith("packages:"):
            listed = True
        elif line[:1].strip() and line[0] not in "-#":
            listed = False
        elif listed and (match := _YAML_ITEM.match(line)):
            yield match[1].strip()


def _rank(package: Package) -> tuple[bool, int, str]:
    parts = package.directory.split("/")
    return not _EXAMPLES.isdisjoint(parts), len(parts), package.directory
