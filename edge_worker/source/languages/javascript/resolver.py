"""One JavaScript or TypeScript import to the file it means, in the order that the compiler asks (J2 to J10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from edge_worker.source.languages.javascript import specifier as words
from edge_worker.source.languages.javascript.conventions import Conventions
from edge_worker.source.languages.javascript.entries import Entries
from edge_worker.source.languages.javascript.probe import CODE, DECLARATIONS
from edge_worker.source.languages.javascript.settings import Settings
from edge_worker.source.languages.javascript.tsconfig import Config
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import ASSET, EXTERNAL, UNRESOLVED, Resolution, Target
from edge_worker.source.resolve.repository import Repository, is_inside, join, parent

# Longer than any path that a file system takes.
_LONGEST = 4096
_CODE_OR_DATA = (*CODE, ".json")
# The same ones are written again and again.
_SPECIFIERS = 4096


class JavaScriptResolver:
    """Implements ``Resolver`` for JavaScript and TypeScript, with nothing installed and nothing built."""

    def __init__(self, repository: Repository) -> None:
        settings = Settings(repository)
        self._entries = Entries(repository, settings)
        self._conventions = Conventions(repository, settings)
        #: The file at hand: its directory, its configurations, and the nearest package's directory.
        self._path: str | None = None
        self._directory = ""
        self._governing: Sequence[Config] = ()
        self._home: str | None = None
        #: Whether the other files of the directory have the same configurations.
        self._is_shared = False
        #: What was resolved, by the specifier as written: paths in this directory by these configurations, and names
        #: by these configurations in this package.
        self._here: dict[str, Resolution] = {}
        self._near: dict[str, Resolution] = {}
        #: By which configurations and which package.
        self._known: dict[tuple[tuple[int, ...], str | None], dict[str, Resolution]] = {}
        self._paths: dict[str, Resolution] = {}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that a specifier means; a target that is no code is an asset."""
        if path != self._path:
            self._enter(path)
        module = statement.module
        return self._near.get(module) or self._here.get(module) or self._resolved(module)

    def _resolved(self, module: str) -> Resolution:
        specifier, outcome = _sorted(module)
        if outcome is None and words.is_relative(specifier):
            found = self._here[module] = self._relative(specifier)
        else:
            found = self._near[module] = outcome or self._named(specifier)
        return found

    def _enter(self, path: str) -> None:
        self._path = path
        directory = parent(path)
        if directory == self._directory and self._is_shared:
            return
        governing = self._entries.configs.of(path)
        if directory == self._directory and governing == self._governing:
            return
        self._directory, self._governing, self._here = directory, governing, {}
        self._is_shared = len(governing) <= 1
        self._home = self._entries.home(directory)
        asked = tuple(id(config) for config in governing), self._home
        self._near = self._known.setdefault(asked, {})

    def _relative(self, specifier: str) -> Resolution:
        base = _joined(self._directory, specifier)
        if base is None:
            return UNRESOLVED
        known = self._paths.get(base)
        if known is None:
            known = self._paths[base] = _answer(self._entries.path(base))
        if known is not UNRESOLVED:
            return known
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
    if not found.path.endswith(_CODE_OR_DATA):
        found = Target(path=found.path, kinds=(*found.kinds, ASSET))
    return Resolution(outcome="local", targets=(found,))
