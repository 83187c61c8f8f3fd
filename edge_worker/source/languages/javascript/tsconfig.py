"""The TypeScript configuration that governs a file: aliases, base directories, conditions (J4 to J6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename
from typing import NamedTuple

from edge_worker.source.languages.javascript.globs import matches
from edge_worker.source.resolve.jsonc import Value, mapping, strings
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside, join, parent

#: What an ``extends`` that names a package means, seen from a directory.
FindPackageFile = Callable[[str, str], str | None]

_CHAIN = 16
_REFERENCES = 200
# More patterns or aliases than any configuration holds: each is tried for every file or import.
_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Config:
    """One configuration with all that it extends; directories are those of the repository."""

    directory: str
    base_url: str | None = None
    #: (pattern, targets as paths of the repository), as declared.
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    root_dirs: tuple[str, ...] = ()
    out_dir: str | None = None
    root_dir: str | None = None
    files: tuple[str, ...] | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    @cached_property
    def has_aliases(self) -> bool:
        """Whether it changes what a specifier means."""
        return bool(self.paths or self.root_dirs or self.base_url is not None)

    def covers(self, path: str) -> bool:
        """Return whether the compiler would take a file as part of this configuration."""
        if self.files is not None and path in self.files:
            return True
        include = self.include
        if include is None:
            include = () if self.files is not None else (self.directory,)
        return _any_matches(include, path) and not _any_matches(self.exclude, path)

    def alias(self, specifier: str) -> tuple[str, ...]:
        """Return the paths that an alias means, in order; none if no alias matches."""
        best: tuple[int, tuple[str, ...]] = (-1, ())
        for pattern, targets in self.paths:
            head, star, tail = pattern.partition("*")
            if not star and pattern == specifier:
                return targets
            fits = star and specifier.startswith(head) and specifier.endswith(tail)
            if fits and len(specifier) >= len(head) + len(tail) and len(head) > best[0]:
                rest = specifier[len(head) : len(specifier) - len(tail)]
                best = len(head), tuple(target.replace("*", rest, 1) for target in targets)
        return best[1]


class _Around(NamedTuple):
    """The configurations in a directory and above it, the nearest first."""

    all: tuple[Config, ...]
    aliased: tuple[Config, ...]


_NOTHING = _Around((), ())


class Configs:
    """Reads each configuration once and knows which of them apply to a file, nearest first."""

    def __init__(self, repository: Repository, find: FindPackageFile) -> None:
        self._repository = repository
        self._find = find
        self._tables: dict[str, dict[str, Value]] = {}
        self._loaded: dict[str, Config] = {}
        self._known: dict[str, _Around] = {}
        self._at: dict[str, list[str]] = {}
        for name in repository.names():
            if name == "jsconfig.json" or (name.startswith("tsconfig") and name.endswith(".json")):
                for path in repository.named(name):
                    self._at.setdefault(parent(path), []).append(path)

    def of(self, path: str) -> tuple[Config, ...]:
        """Return the configurations that may say what a file's imports mean, the most likely first."""
        directory = parent(path)
        around = self._known.get(directory) or self._around(directory)
        if len(around.aliased) <= 1:
            return around.aliased
        covering = next((config for config in around.all if config.covers(path)), None)
        if covering is None or not covering.has_aliases:
            return around.aliased
        return (covering, *(config for config in around.aliased if config is not covering))

    def conditions(self) -> frozenset[str]:
        """Return the custom conditions that any configuration asks for."""
        found = set[str]()
        for paths in self._at.values():
            for path in paths:
                options = mapping(self._table(path).get("compilerOptions"))
                found.update(strings(options.get("customConditions")))
        return frozenset(found)

    def builds(self, directory: str) -> Iterator[Config]:
        """Yield the configurations of a package that may say where its output comes from."""
        for name in ("tsconfig.json", "tsconfig.build.json", "tsconfig.lib.json", "tsconfig.prod.json"):
            path = f"{directory}/{name}" if directory else name
            if self._repository.file(path) is not None:
                yield self._load(path)

    def _around(self, directory: str) -> _Around:
        unknown = [above for above in ancestors(directory) if above not in self._known]
        # The root is the last of the first question, so that there is always one above.
        above = self._known[parent(unknown[-1])] if unknown and unknown[-1] else _NOTHING
        for place in reversed(unknown):
            above = self._known[place] = self._level(place, above) if place in self._at else above
        return self._known[directory]

    def _level(self, directory: str, above: _Around) -> _Around:
        paths = sorted(self._at[directory], key=lambda path: (_order(basename(path)), path))
        listed = dict.fromkeys(found for path in paths for found in (path, *self._references(path)))
        configs = {id(config): config for config in (*map(self._load, listed), *above.all)}
        return _Around(
            all=tuple(configs.values()), aliased=tuple(config for config in configs.values() if config.has_aliases)
        )

    def _references(self, path: str) -> Iterator[str]:
        references = self._table(path).get("references") if basename(path) == "tsconfig.json" else None
        for item in references[:_REFERENCES] if isinstance(references, list) else []:
            for target in strings(mapping(item).get("path")):
                found = self._file(parent(path), target)
                if found is not None:
                    yield found

    def _file(self, directory: str, target: str) -> str | None:
        base = join(directory, target)
        if base is None:
            return None
        below = f"{base}/tsconfig.json" if base else "tsconfig.json"
        return next((path for path in (base, f"{base}.json", below) if self._repository.file(path)), None)

    def _table(self, path: str) -> dict[str, Value]:
        if path not in self._tables:
            self._tables[path] = self._repository.json(path)
        return self._tables[path]

    def _load(self, path: str) -> Config:
        if path not in self._loaded:
            self._loaded[path] = _merged(parent(path), self._chain(path, ()))
        return self._loaded[path]

    def _chain(self, path: str, above: tuple[str, ...]) -> list[tuple[str, dict[str, Value]]]:
        """The files of a configuration from the most distant ancestor to itself, with their directories."""
        if path in above or len(above) >= _CHAIN:
            return []
        table = self._table(path)
        chain: list[tuple[str, dict[str, Value]]] = []
        for target in strings(table.get("extends"))[:_CHAIN]:
            relative = target.startswith(".")
            base = self._file(parent(path), target) if relative else self._find(target, parent(path))
            if base is not None and len(chain) < _REFERENCES:
                chain += self._chain(base, (*above, path))
        return [*chain, (parent(path), table)]


def _merged(directory: str, chain: list[tuple[str, dict[str, Value]]]) -> Config:
    """Merge as the compiler does: each option is replaced whole, and is relative to the file that declares it."""
    found: dict[str, tuple[str, Value]] = {}
    for home, table in chain:
        options = mapping(table.get("compilerOptions"))
        found |= {name: (home, value) for name, value in options.items()}
        found |= {name: (home, table[name]) for name in ("files", "include", "exclude") if name in table}

    def listed(name: str) -> tuple[str, ...] | None:
        home, value = found.get(name, ("", None))
        return _joined(home, strings(value), directory) if name in found else None

    def single(name: str) -> str | None:
        return next(iter(listed(name) or ()), None)

    base_url = single("baseUrl")
    home, paths = found.get("paths", (directory, None))
    start = base_url if base_url is not None else home
    aliases = tuple(
        (key, _joined(start, strings(value), directory)) for key, value in list(mapping(paths).items())[:_MOST]
    )
    return Config(
        directory=directory,
        base_url=base_url,
        paths=aliases,
        root_dirs=listed("rootDirs") or (),
        out_dir=single("outDir"),
        root_dir=single("rootDir"),
        files=listed("files"),
        include=listed("include"),
        exclude=listed("exclude") or (),
    )


def _joined(home: str, values: list[str], directory: str) -> tuple[str, ...]:
    placed = (value.replace("${configDir}", f"/{directory}") for value in values[:_MOST])
    joined = (join("", value[1:]) if value.startswith("/") else join(home, value) for value in placed)
    return tuple(path for path in joined if path is not None)


def _any_matches(patterns: tuple[str, ...], path: str) -> bool:
    """A pattern without wildcard is a file or a directory and all below it."""
    return any(matches(glob, path) if "*" in glob or "?" in glob else is_inside(path, glob) for glob in patterns)


def _order(name: str) -> int:
    return {"tsconfig.json": 0, "jsconfig.json": 1}.get(name, 2)
