"""One path or constant of a Ruby file to the file it means."""

from __future__ import annotations

from itertools import islice

from edge_worker.source.languages.ruby.constants import MARK
from edge_worker.source.languages.ruby.gems import Gems
from edge_worker.source.languages.ruby.paths import ANYWHERE
from edge_worker.source.languages.ruby.zeitwerk import Zeitwerk
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import EXTERNAL, IMPLIED, UNRESOLVED, Resolution, Target, implied, local
from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

# How sure a target is that the load path does not give: by the name of a constant, below an enclosing directory.
_CONSTANT, _AROUND = 0.9, 0.9
# Extensions that are written out; all others are part of a name.
_WHOLE = (".rb", ".rake", ".ru", ".gemspec")
# What a compiler makes of an extension.
_NATIVE = (".so", ".o", ".dll", ".bundle", ".jar")


class RubyResolver:
    """Implements ``Resolver`` for Ruby: the load path of rake and of the gems that the repository holds."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._gems = Gems(repository)
        self._zeitwerk = Zeitwerk(repository, self._gems)
        # The first two files that a feature may be in the gems of the repository.
        self._offered: dict[str, tuple[str, ...]] = {}
        self._heads = {own.partition("/")[0] for own in self._gems.own}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that is required, or that a constant's name makes Zeitwerk load."""
        module = statement.module
        if module.startswith(MARK):
            found = self._zeitwerk.file(path, module[len(MARK) :], statement.names)
            return implied(Target(path=found, confidence=_CONSTANT)) if found is not None else IMPLIED
        if module.startswith(("./", "../")):
            found = self._file(parent(path), module)
            return local(Target(path=found)) if found is not None else UNRESOLVED
        if module.startswith(f"{ANYWHERE}/"):
            target = self._around(path, module[len(ANYWHERE) + 1 :])
            return local(target) if target is not None else EXTERNAL
        return self._required(path, module)

    def _required(self, path: str, feature: str) -> Resolution:
        found = self._searched(path, feature)
        if found is not None:
            return local(Target(path=found))
        target = self._around(path, feature) if "/" in feature else None
        if target is not None:
            return local(target)
        known = self._is_own(path, feature) and not feature.endswith(_NATIVE) and not self._gems.requires(feature)
        return UNRESOLVED if known else EXTERNAL

    def _searched(self, path: str, feature: str) -> str | None:
        for directory in self._gems.around(parent(path)):
            found = self._file(directory, feature)
            if found is not None and found != path:
                return found
        if feature not in self._offered:
            tried = (self._file(library, feature) for library in self._gems.libraries)
            self._offered[feature] = tuple(islice((found for found in tried if found is not None), 2))
        return next((found for found in self._offered[feature] if found != path), None)

    def _is_own(self, path: str, feature: str) -> bool:
        """Whether the first part of a path is what a gem of this repository calls itself."""
        first, slash, _ = feature.partition("/")
        return bool(slash) and first in self._heads

    def _around(self, path: str, feature: str) -> Target | None:
        """A path from the directory that the program is started in: one that encloses the file."""
        tried = (self._file(above, feature) for above in ancestors(parent(path)))
        found = next((file for file in tried if file is not None and file != path), None)
        return Target(path=found, confidence=_AROUND) if found is not None else None

    def _file(self, directory: str, path: str) -> str | None:
        joined = join(directory, path)
        if not joined:
            return None
        exact = self._repository.file(joined) if joined.endswith(_WHOLE) else None
        return exact or self._repository.file(f"{joined}.rb")
