"""The files that Zeitwerk loads when a constant is first named: in a Rails application, and in gems that say so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.languages.ruby.gems import Gems
from edge_worker.source.languages.ruby.words import flattened
from edge_worker.source.resolve.repository import Repository, ancestors, parent

_APPLICATION = "config/application.rb"
_LOADER = re.compile(r"\bZeitwerk::Loader\b")
_LIBRARY = re.compile(r"\bautoload_lib\b|\b(?:autoload|eager_load)_paths\b[^\n]*\blib\b")
# Folders of ``app`` that hold no Ruby by their path.
_NO_ROOTS = frozenset({"assets", "javascript", "views"})
_LONGEST_NAME = 20


class Zeitwerk:
    """An index of autoloaded files by their path below the directory that is an autoload root."""

    def __init__(self, repository: Repository, gems: Gems) -> None:
        self._repository = repository
        #: Autoload roots to the application or gem that each belongs to.
        roots = dict(self._roots(gems))
        self._bases = frozenset(roots.values())
        self._files: dict[str, dict[str, list[str]]] = {}
        for path in sorted(repository.files) if roots else ():
            root = next((above for above in ancestors(parent(path)) if above in roots), None)
            if root is not None and path.endswith(".rb"):
                key = flattened(path[len(root) : -len(".rb")].lstrip("/"))
                self._files.setdefault(key, {}).setdefault(roots[root], []).append(path)
        # What the constants of one module have in common.
        self._around: tuple[tuple[str, ...], list[str]] = ((), [""])

    def file(self, path: str, name: str, around: tuple[str, ...]) -> str | None:
        """Return the file of a constant as Ruby looks it up: in the modules around it, the innermost first."""
        bases = [above for above in ancestors(parent(path)) if above in self._bases]
        if not bases:
            return None
        parts = flattened(name).split("/")[:_LONGEST_NAME]
        # ``User::ROLE`` is in the file of ``User`` when no file is its own.
        keys = ["/".join(parts[:size]) for size in range(len(parts), 0, -1)]
        for scope in self._scopes(around):
            for key in keys:
                found = self._one(f"{scope}{key}", bases)
                if found is not None:
                    return found
        return None

    def _scopes(self, around: tuple[str, ...]) -> list[str]:
        """What a key begins with in each of the modules around a place, the innermost first; outside of all, empty."""
        if self._around[0] != around:
            self._around = (around, [*(f"{flattened(scope)}/" for scope in around), ""])
        return self._around[1]

    def _one(self, key: str, bases: list[str]) -> str | None:
        """The file of the nearest application or gem around the importer, else the only one of all."""
        homes = self._files.get(key)
        if homes is None:
            return None
        nearest = next((base for base in bases if base in homes), None)
        files = homes[nearest] if nearest is not None else [path for own in homes.values() for path in own]
        return files[0] if len(files) == 1 else None

    def _roots(self, gems: Gems) -> Iterator[tuple[str, str]]:
        applications = {
            path[: -len(_APPLICATION)].rstrip("/")
            for path in self._repository.named("application.rb")
            if f"/{path}".endswith(f"/{_APPLICATION}")
        }
        below = self._below_app()
        for base in sorted(applications | set(gems.paths)):
            yield from ((root, base) for root in self._of_application(base, below))
        entries = gems.entries()
        for base, libraries in gems.paths.items():
            files = (path for library in libraries for path in entries.get(library, ()))
            if any(_LOADER.search(self._repository.text(path)) for path in files):
                yield from ((library, base) for library in libraries)

    def _below_app(self) -> dict[str, list[str]]:
        """The folders of every ``app``."""
        found: dict[str, list[str]] = {}
        for directory in sorted(self._repository.directories):
            above, _, name = directory.rpartition("/")
            if above.rpartition("/")[2] == "app" and name not in _NO_ROOTS:
                found.setdefault(above, []).append(directory)
        return found

    def _of_application(self, base: str, below: dict[str, list[str]]) -> Iterator[str]:
        """``app/models``, ``app/models/concerns`` and their like: of an application, or of a gem that is an engine."""
        for directory in below.get(f"{base}/app".lstrip("/"), ()):
            yield directory
            if self._repository.is_directory(f"{directory}/concerns"):
                yield f"{directory}/concerns"
        library = f"{base}/lib".lstrip("/")
        settings = self._repository.text(f"{base}/{_APPLICATION}".lstrip("/"))
        if self._repository.is_directory(library) and _LIBRARY.search(settings):
            yield library
