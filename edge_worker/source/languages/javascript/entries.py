"""Which file a package gives for its name or a path within it (J7, J8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from edge_worker.source.languages.javascript.built import Sources
from edge_worker.source.languages.javascript.exports import map_targets, subpath_targets
from edge_worker.source.languages.javascript.packages import Package, Packages
from edge_worker.source.languages.javascript.probe import DECLARATIONS, Probe, Stems
from edge_worker.source.languages.javascript.settings import Settings
from edge_worker.source.languages.javascript.specifier import split_name
from edge_worker.source.languages.javascript.tsconfig import Configs
from edge_worker.source.resolve.base import CASE_FALLBACK, Target
from edge_worker.source.resolve.jsonc import mapping, strings
from edge_worker.source.resolve.repository import Repository, join, parent

# How sure it is that a package of the right name is meant which no workspace lists.
_BY_NAME = 0.8
_BY_CASE = 0.5
_FIELDS = ("source", "module", "main", "types", "browser")


class Entries:
    """Answers for paths, packages and ``#`` imports; the one place where they meet."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self._repository = repository
        self._packages = Packages(repository)
        self._given: dict[tuple[str, str], Target | None] = {}
        self._probe = Probe(repository.file, Stems(repository).find)
        self._loose = Probe(repository.only_by_case)
        self.configs = Configs(repository, self._config_file)
        self._sources = Sources(repository, self._probe, self.configs, settings)

    def path(self, path: str) -> Target | None:
        """Return the file that a path means: itself, with an extension, a directory's entry, or its source (J3, J9)."""
        return self.present(path) or self._built(path)

    def present(self, path: str) -> Target | None:
        """Return the file that a path means, only if it is committed as such."""
        found = self._probe.file(path) if path else None
        if found is None and self._repository.is_directory(path):
            package = self._packages.at(path)
            if package is not None and any(field in package.manifest for field in _FIELDS):
                return self._best(package, self._fields(package)) or self._index(path)
            return self._index(path)
        return Target(path=found) if found is not None else None

    def by_case(self, path: str) -> Target | None:
        """Return the one file that a path means on a disk that does not tell large letters from small ones (R6)."""
        found = self._loose.file(path) or self._loose.index(path)
        return Target(path=found, kinds=(CASE_FALLBACK,), confidence=_BY_CASE) if found is not None else None

    def home(self, directory: str) -> str | None:
        """Return the directory of the nearest package, on which bare and ``#`` names depend, None without one."""
        package = self._packages.around(directory)
        return package.directory if package is not None else None

    def bare(self, specifier: str, directory: str) -> tuple[bool, Target | None]:
        """Return whether a bare name is a package of the repository, and the file that it gives."""
        named = split_name(specifier)
        package = self._packages.named(named[0], directory) if named is not None else None
        if named is None or package is None:
            return False, None
        key = package.directory, named[1]
        if key not in self._given:
            self._given[key] = self._entry(package, named[1])
        found = self._given[key]
        if found is not None and self._packages.is_guess(package, directory):
            found = replace(found, confidence=min(found.confidence, _BY_NAME))
        return True, found

    def private(self, specifier: str, directory: str) -> Target | None:
        """Return the file that a ``#x`` means in the nearest package's ``imports``."""
        package = self._packages.around(directory)
        if package is None:
            return None
        targets = map_targets(mapping(package.manifest.get("imports")), specifier, self._conditions)
        own = [target for target in targets if target.startswith(".")]
        others = (self.bare(target, package.directory)[1] for target in targets if not target.startswith("."))
        return self._best(package, own) or next((found for found in others if found is not None), None)

    @cached_property
    def _conditions(self) -> frozenset[str]:
        return self.configs.conditions()

    def _entry(self, package: Package, subpath: str) -> Target | None:
        wanted = f"./{subpath}" if subpath else "."
        exports = package.manifest.get("exports")
        targets = subpath_targets(exports, wanted, self._conditions) if exports is not None else []
        if not targets and not subpath:
            targets = self._fields(package)
        return self._best(package, targets) or self._plain(package, subpath)

    def _plain(self, package: Package, subpath: str) -> Target | None:
        """The path itself, then under the directories where sources lie."""
        if not subpath:
            return self._index(package.directory) or self._index(f"{package.directory}/src".lstrip("/"))
        for directory in ("", "src", "lib"):
            path = join(package.directory, "/".join(part for part in (directory, subpath) if part))
            found = self.path(path) if path else None
            if found is not None:
                return found
        return None

    def _fields(self, package: Package) -> list[str]:
        return [target for field in _FIELDS for target in strings(package.manifest.get(field))]

    def _best(self, package: Package, targets: list[str]) -> Target | None:
        """The first target that is a source, else the source of one that was not built, else a declaration."""
        paths = [path for target in targets if (path := join(package.directory, target)) is not None]
        found = [real for path in paths if (real := self._committed(package, path)) is not None]
        source = next((path for path in found if not path.endswith(DECLARATIONS)), None)
        if source is not None:
            return Target(path=source)
        built = next(self._all_built(package, paths), None)
        return built or (Target(path=found[0]) if found else None)

    def _committed(self, package: Package, path: str) -> str | None:
        """A target may be a directory, but its own manifest is not asked: two could turn in circles."""
        found = self._probe.file(path) if path else None
        return found or (self._probe.index(path) if self._repository.is_directory(path) else None)

    def _all_built(self, package: Package, paths: list[str]) -> Iterator[Target]:
        for path in paths:
            source = self._sources.of(package, path)
            if source is not None:
                yield source

    def _built(self, path: str) -> Target | None:
        package = self._packages.around(parent(path))
        return next(self._all_built(package, [path]), None) if package is not None else None

    def _index(self, directory: str) -> Target | None:
        found = self._probe.index(directory)
        return Target(path=found) if found is not None else None

    def _config_file(self, specifier: str, directory: str) -> str | None:
        named = split_name(specifier)
        package = self._packages.named(named[0], directory) if named is not None else None
        if named is None or package is None:
            return None
        wanted = f"./{named[1]}" if named[1] else "./tsconfig.json"
        mapped = subpath_targets(package.manifest.get("exports"), wanted, ())
        places = (join(package.directory, target) for target in (*mapped, wanted, f"{wanted}.json"))
        return next((path for path in places if path and self._repository.file(path)), None)
