"""Names that a framework or a bundler gives to folders, where no compiler's configuration does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from edge_worker.source.languages.javascript.settings import Settings
from edge_worker.source.resolve.repository import Repository, ancestors, join

_SUFFIXES = ("js", "ts", "mjs", "mts", "cjs")
_BUNDLERS = ("vite", "vue", "astro", "nuxt", "svelte", "vitest", "webpack", "rollup", "rspack", "rsbuild", "quasar")
_TABLE = re.compile(r"\balias\b([\s\S]{0,3000})")
# ``'@': resolve('src')`` and ``find: '@', replacement: resolve('src')``. A sign in front tells an alias from a setting.
_ENTRY = re.compile(r"""["']?([@~$#][\w@~$#./-]{0,100})["']?\s{0,9}(?::|,\s{0,50}replacement\s{0,9}:)([^\n]{1,300})""")
#: All names begin with one of them.
_SIGNS = ("@", "~", "$", "#")
_LITERAL = re.compile(r"""["'`]([\w@./-]{1,200})["'`]""")
_LIBRARY = re.compile(r"""\blib\s{0,9}:\s{0,9}["']([\w./-]{1,200})["']""")

# More aliases of one directory are generated: each specifier is compared with all of them.
_MOST_ALIASES = 100


class Conventions:
    """The aliases of every directory: written in a configuration, each for a folder that is there, or a framework's."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self._repository = repository
        self._settings = settings
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def paths(self, specifier: str, directory: str) -> Iterator[str]:
        """Yield what a specifier may mean in a directory, the nearest configuration's first."""
        if not specifier.startswith(_SIGNS):
            return
        for above in ancestors(directory):
            if above not in self._known:
                self._known[above] = (*islice(self._written(above), _MOST_ALIASES), *self._fixed(above))
            for name, path in self._known[above]:
                if specifier == name or specifier.startswith(f"{name}/"):
                    yield f"{path}{specifier[len(name) :]}".lstrip("/")

    def _written(self, directory: str) -> Iterator[tuple[str, str]]:
        for bundler in _BUNDLERS:
            table = _TABLE.search(self._configuration(directory, bundler))
            for name, value in _ENTRY.findall(table[1]) if table else ():
                for literal in _LITERAL.findall(value):
                    path = join(directory, literal.lstrip("/"))
                    if path and (self._repository.is_directory(path) or self._repository.file(path) is not None):
                        yield name.rstrip("/"), path
                        break

    def _fixed(self, directory: str) -> Iterator[tuple[str, str]]:
        """What SvelteKit, Vue's own command line and Nuxt set up by themselves."""
        source = f"{directory}/src".lstrip("/")
        if self._has(directory, "svelte"):
            library = _LIBRARY.search(self._configuration(directory, "svelte"))
            found = join(directory, library[1]) if library else None
            yield "$lib", found or f"{source}/lib"
        if self._has(directory, "vue"):
            yield "@", source
        if self._has(directory, "nuxt"):
            application = f"{directory}/app".lstrip("/")
            home = application if self._repository.is_directory(application) else directory
            yield from (("~", home), ("@", home), ("~~", directory), ("@@", directory))

    def _has(self, directory: str, tool: str) -> bool:
        return bool(self._settings.of(directory, tool, _SUFFIXES))

    def _configuration(self, directory: str, tool: str) -> str:
        texts = (self._repository.text(path) for path in self._settings.of(directory, tool, _SUFFIXES))
        return next((text for text in texts if text), "")
