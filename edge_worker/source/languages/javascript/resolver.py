"""One JavaScript or TypeScript import to the file it means, in the order that the compiler asks (J2 to J10)."""

from __future__ import annotations

from edge_worker.source.languages.javascript import specifier as words
from edge_worker.source.languages.javascript.entries import Entries
from edge_worker.source.languages.javascript.probe import CODE, DECLARATIONS
from edge_worker.source.languages.javascript.tsconfig import Config
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import ASSET, EXTERNAL, UNRESOLVED, Resolution, Target, local
from edge_worker.source.resolve.repository import Repository, is_inside, join, parent

# Longer than any path that a file system takes.
_LONGEST = 4096


class JavaScriptResolver:
    """Implements ``Resolver`` for JavaScript and TypeScript, with nothing installed and nothing built."""

    def __init__(self, repository: Repository) -> None:
        self._entries = Entries(repository)
        self._configs: dict[str, list[Config]] = {}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that a specifier means; a target that is no code is an asset."""
        specifier = words.clean(statement.module)
        if words.is_address(specifier):
            return EXTERNAL
        if not specifier or specifier.startswith("/") or len(specifier) > _LONGEST:
            return UNRESOLVED
        if words.is_relative(specifier):
            return self._relative(path, specifier)
        return self._named(path, specifier)

    def _relative(self, path: str, specifier: str) -> Resolution:
        base = join(parent(path), specifier)
        if base is None:
            return UNRESOLVED
        found = self._entries.path(base)
        if found is None:
            swapped = (self._entries.present(other) for config in self._of(path) for other in _swapped(config, base))
            found = next((target for target in swapped if target is not None), None)
        return _answer(found)

    def _named(self, path: str, specifier: str) -> Resolution:
        aliased = [target for config in self._of(path) for target in config.alias(specifier)]
        found = self._first(aliased)
        if found is None and specifier.startswith("#"):
            return _answer(self._entries.private(specifier, parent(path)))
        if found is None and specifier.partition("/")[0] in words.BUILTINS:
            return EXTERNAL
        if found is None:
            found = self._from_base(path, specifier)
        if found is not None:
            return _answer(found)
        known, found = self._entries.bare(specifier, parent(path))
        return _answer(found) if known else EXTERNAL

    def _first(self, paths: list[str]) -> Target | None:
        return next((found for path in paths if (found := self._entries.path(path)) is not None), None)

    def _from_base(self, path: str, specifier: str) -> Target | None:
        """``baseUrl`` is a guess that the compiler makes for every name: only a committed source confirms it."""
        for config in self._of(path):
            base = join(config.base_url, specifier) if config.base_url is not None else None
            found = self._entries.present(base) if base is not None else None
            if found is not None and not found.path.endswith(DECLARATIONS):
                return found
        return None

    def _of(self, path: str) -> list[Config]:
        if path not in self._configs:
            self._configs = {path: self._entries.configs.of(path)}
        return self._configs[path]


def _swapped(config: Config, base: str) -> list[str]:
    """``rootDirs`` are laid over each other: a path below one may be found below another."""
    homes = [root for root in config.root_dirs if is_inside(base, root)]
    return [
        f"{other}/{base[len(home) :].strip('/')}".lstrip("/")
        for home in homes
        for other in config.root_dirs
        if other != home
    ]


def _answer(found: Target | None) -> Resolution:
    if found is None:
        return UNRESOLVED
    if not found.path.endswith((*CODE, ".json")):
        return local(Target(path=found.path, kinds=(*found.kinds, ASSET)))
    return local(found)
