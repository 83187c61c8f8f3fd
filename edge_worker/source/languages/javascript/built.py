"""From an output that nobody built to the source that makes it (J9)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.languages.javascript.exports import sourced_targets
from edge_worker.source.languages.javascript.packages import Package
from edge_worker.source.languages.javascript.probe import CODE, Probe
from edge_worker.source.languages.javascript.settings import Settings
from edge_worker.source.languages.javascript.tsconfig import Configs
from edge_worker.source.resolve.base import BUILT, Target
from edge_worker.source.resolve.repository import Repository, is_inside, join

# How sure it is when the package's configuration tells where its output comes from, and when only the paths are alike.
_TOLD, _MIRRORED = 0.95, 0.85
_OUTPUTS = frozenset({"dist", "lib", "build", "out", "esm", "cjs", "es", "output"})
_VARIANT_NAMES = "esm cjs es types dts src development production modern legacy node browser umd"
_VARIANTS = frozenset(_VARIANT_NAMES.split())
_SOURCES = ("src", "source", "", "src/exports", "src/entrypoints", "lib")
_BEFORE = frozenset({"src", "source", "exports", "entries", "entrypoints", "lib"})
_TOOLS = ("tsdown", "tsup", "vite", "rollup", "rolldown", "esbuild", "build", "webpack", "rslib")
_SUFFIXES = ("ts", "mts", "cts", "js", "mjs", "cjs")
_LITERAL = re.compile(r"""(?:([\w$-]{1,100}|["'][^"'\n]{1,200}["'])\s{0,20}:\s{0,20})?["'`]([^"'`\n]{1,300})["'`]""")


class Sources:
    """Finds the source of an output by what the package itself says it is, its build configuration, its outDir, or the
    same path under src."""

    def __init__(self, repository: Repository, probe: Probe, configs: Configs, settings: Settings) -> None:
        self._repository = repository
        self._settings = settings
        self._probe = probe
        self._configs = configs
        #: By the directory of a package: from an output to its source.
        self._declarations: dict[str, dict[str, str]] = {}
        self._entries: dict[str, tuple[tuple[str, str], ...]] = {}

    def of(self, package: Package, output: str) -> Target | None:
        """Return the source of an output, given as a path of the repository inside the package."""
        below = output[len(package.directory) :].strip("/")
        head, _, rest = below.partition("/")
        # ``require("./lib/x")`` leaves the extension to Node; a dot that is no code extension names an asset.
        stem = _stem(rest) or (rest if "." not in rest.rpartition("/")[2] else None)
        if head not in _OUTPUTS or not stem:
            return None
        names = list(_names(stem))
        told = (
            self._declared(package, output)
            or self._configured(package.directory, names)
            or self._compiled(package.directory, output, names[0])
        )
        found = told or self._mirrored(package.directory, names)
        return Target(path=found, kinds=(BUILT,), confidence=_TOLD if told else _MIRRORED) if found else None

    def _declared(self, package: Package, output: str) -> str | None:
        """Return what a package gives under the same name as an output, if it names a source for that name."""
        if package.directory not in self._declarations:
            self._declarations[package.directory] = dict(self._outputs(package))
        return self._declarations[package.directory].get(output)

    def _outputs(self, package: Package) -> Iterator[tuple[str, str]]:
        """Yield (output, source) of what ``exports`` gives under the names for which it also names the source."""
        for sources, others in sourced_targets(package.manifest.get("exports")):
            places = (join(package.directory, target) for target in sources if target.endswith(CODE))
            source = next((real for path in places if path and (real := self._repository.file(path))), None)
            if source is not None:
                yield from ((path, source) for target in others if (path := join(package.directory, target)))

    def _configured(self, directory: str, names: list[str]) -> str | None:
        if directory not in self._entries:
            self._entries[directory] = tuple(self._read(directory))
        entries = self._entries[directory]
        for name in names:
            for key, path in entries:
                if key == name:
                    return path
            for _, path in entries:
                before, found, _ = f"/{_stem(path[len(directory) :].strip('/'))}/".rpartition(f"/{name}/")
                if found and _BEFORE.issuperset(part for part in before.split("/") if part):
                    return path
        return None

    def _read(self, directory: str) -> Iterator[tuple[str, str]]:
        """Yield (key, source) of the string literals in build configurations that name source files."""
        for tool in _TOOLS:
            for config in self._settings.of(directory, tool, _SUFFIXES):
                for match in _LITERAL.finditer(self._repository.text(config)):
                    path = f"{directory}/{match[2].removeprefix('./')}".lstrip("/")
                    real = self._repository.file(path) if path.endswith(CODE) else None
                    if real is not None:
                        yield (match[1] or "").strip("\"'"), real

    def _compiled(self, directory: str, output: str, name: str) -> str | None:
        for config in self._configs.builds(directory):
            if config.out_dir is None or not is_inside(output, config.out_dir):
                continue
            root = config.root_dir if config.root_dir is not None else f"{directory}/src".lstrip("/")
            rest = _stem(output[len(config.out_dir) :].strip("/")) or name
            found = self._added(root, rest)
            if found is not None:
                return found
        return None

    def _mirrored(self, directory: str, names: list[str]) -> str | None:
        for name in names:
            for source in _SOURCES:
                found = self._added("/".join(part for part in (directory, source) if part), name)
                if found is not None:
                    return found
        return None

    def _added(self, root: str, name: str) -> str | None:
        path = f"{root}/{name}".lstrip("/")
        return self._probe.added(path) or self._probe.index(path)


def _stem(path: str) -> str | None:
    """Return a path without its code extension, None if it has none."""
    extension = max((extension for extension in CODE if path.endswith(extension)), key=len, default=None)
    return path[: -len(extension)] if extension else None


def _names(stem: str) -> Iterator[str]:
    """Yield what the source may be called: the same, without leading variant directories, without bundle suffixes."""
    yield stem
    head, slash, rest = stem.partition("/")
    while slash and head in _VARIANTS:
        yield rest
        stem = rest
        head, slash, rest = stem.partition("/")
    directory, slash, name = stem.rpartition("/")
    plain = name.partition(".")[0]
    if plain and plain != name:
        yield f"{directory}{slash}{plain}"
