"""One JavaScript or TypeScript import to the file it means, in the order that the compiler asks (J2 to J10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from edge_worker.source.languages.javascript import specifier as words
from edge_worker.source.languages.javascript.conventions import Conventions
from edge_worker.source.languages.javascript.entries import Entries
from edge_worker.source.languages.javascript.probe import CODE, DECLARATIONS
from edge_worker.source.languages.javascript.tsconfig import Config
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import ASSET, EXTERNAL, UNRESOLVED, Resolution, Target, local
from edge_worker.source.resolve.repository import Repository, is_inside, join, parent

# Longer than any path that a file system takes.
_LONGEST = 4096
# The same ones are written again and again.
_SPECIFIERS = 4096


class JavaScriptResolver:
    """Implements ``Resolver`` for JavaScript and TypeScript, with nothing installed and nothing built."""

    def __init__(self, repository: Repository) -> None:
        self._entries = Entries(repository)
        self._conventions = Conventions(repository)
        #: The file at hand: its directory, its configurations and their number, and the nearest package's directory.
        self._path: str | None = None
        self._directory = ""
        self._governing: list[Config] = []
        self._number = 0
        self._home: str | None = None
        #: Lists of configurations, by which they are, numbered.
        self._groups: dict[tuple[int, ...], int] = {}
        #: By the group of configurations, the nearest package, and the specifier.
        self._known: dict[tuple[int, str | None, str], Resolution] = {}
        self._paths: dict[str, Resolution] = {}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that a specifier means; a target that is no code is an asset."""
        if path != self._path:
            self._enter(path)
        specifier, outcome = _sorted(statement.module)
        if outcome is not None:
            return outcome
        if words.is_relative(specifier):
            return self._relative(specifier)
        # Neighbours are governed by the same configurations and ask for the same packages.
        asked = self._number, self._home, specifier
        if asked not in self._known:
            self._known[asked] = self._named(specifier)
        return self._known[asked]

    def _enter(self, path: str) -> None:
        self._path, self._directory = path, parent(path)
        self._governing = self._entries.configs.of(path)
        group = tuple(id(config) for config in self._governing)
        self._number = self._groups.setdefault(group, len(self._groups))
        self._home = self._entries.home(self._directory)

    def _relative(self, specifier: str) -> Resolution:
        base = _joined(self._directory, specifier)
        if base is None:
            return UNRESOLVED
        if base not in self._paths:
            self._paths[base] = _answer(self._entries.path(base))
        if self._paths[base] is not UNRESOLVED:
            return self._paths[base]
        swapped = (self._entries.present(other) for config in self._governing for other in _swapped(config, base))
        found = next((target for target in swapped if target is not None), None)
        if found is None and (loose := self._entries.by_case(base)) is not None:
            return replace(UNRESOLVED, targets=(loose,))
        return _answer(found)

    def _named(self, specifier: str) -> Resolution:
        aliased = [target for config in self._governing for target in config.alias(specifier)]
        found = self._first(aliased)
        if found is None and specifier.startswith("#"):
            return _answer(self._entries.private(specifier, self._directory))
        if found is None and specifier.partition("/")[0] in words.BUILTINS:
            return EXTERNAL
        if found is None:
            found = self._from_base(specifier)
        if found is not None:
            return _answer(found)
        known, found = self._entries.bare(specifier, self._directory)
        if not known:
            found = self._first(self._conventions.paths(specifier, self._home or ""))
        return _answer(found) if known or found is not None else EXTERNAL

    def _first(self, paths: Iterable[str]) -> Target | None:
        return next((found for path in paths if (found := self._entries.path(path)) is not None), None)

    def _from_base(self, specifier: str) -> Target | None:
        """``baseUrl`` is a guess that the compiler makes for every name: only a committed source confirms it."""
        for config in self._governing:
            base = join(config.base_url, specifier) if config.base_url is not None else None
            found = self._entries.present(base) if base is not None else None
            if found is not None and not found.path.endswith(DECLARATIONS):
                return found
        return None


@lru_cache(_SPECIFIERS)
def _sorted(module: str) -> tuple[str, Resolution | None]:
    """Return the bare specifier, and what it means if that is told by itself."""
    specifier = words.clean(module)
    if words.is_address(specifier):
        return specifier, EXTERNAL
    if not specifier or specifier.startswith("/") or len(specifier) > _LONGEST:
        return specifier, UNRESOLVED
    return specifier, None


def _joined(directory: str, specifier: str) -> str | None:
    """Do as ``join`` does, at once for the paths that people write."""
    above, rest = directory, specifier.removeprefix("./")
    while rest.startswith("../") and above:
        above, rest = parent(above), rest[3:]
    if not rest or rest.startswith((".", "/")) or "/." in rest or "//" in rest or rest.endswith("/"):
        return join(directory, specifier)
    return f"{above}/{rest}" if above else rest


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
