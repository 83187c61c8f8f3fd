"""The gems of a repository: which directories ``require`` searches, and which names are somebody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

_DEPENDENCY = re.compile(
    r"\b(?:gem|add_(?:runtime_|development_)?dependency)[ \t(]+[\"'](?P<name>[\w./-]{1,100})[\"']", re.MULTILINE
)
_REQUIRE_PATHS = re.compile(r"\brequire_paths?\s*=\s*(?:%w)?[\[({]?([^\n\])}]{1,500})")
_WORD = re.compile(r"[\w./-]+")
_NAME = re.compile(r"\.name\s*=\s*[\"']([\w.-]{1,100})[\"']")
_EXAMPLES = frozenset({"examples", "example", "fixtures", "test", "tests", "spec", "testdata", "templates"})
# Where rake and the test runners look besides ``lib``.
_TESTED = ("lib", "test", "spec")


class Gems:
    """The search lists of directories, and what the Gemfiles and gemspecs require."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        #: Directories of gems to the directories that they put on the load path.
        self.paths: dict[str, tuple[str, ...]] = {}
        #: Gems of this repository by the beginning of what one requires of them.
        self.own: set[str] = set()
        #: Beginnings of what other gems offer: ``rack/test`` for ``rack-test``.
        self.others: set[str] = set()
        specs = sorted(path for path in repository.files if path.endswith(".gemspec"))
        for path in specs:
            text = repository.text(path)
            self.paths[parent(path)] = tuple(self._declared(parent(path), text))
            name = _NAME.search(text)
            self.own.add(_offered(name[1] if name else path.rpartition("/")[2].removesuffix(".gemspec")))
        for path in (*specs, *repository.named("Gemfile")):
            found = (_offered(match["name"]) for match in _DEPENDENCY.finditer(repository.text(path)))
            self.others.update(found)
        self.others -= self.own
        libraries = (lib for gem, libs in self.paths.items() if _EXAMPLES.isdisjoint(gem.split("/")) for lib in libs)
        #: Where every file finds what it requires after all that is around it.
        self.libraries = tuple(dict.fromkeys(libraries))
        self._known: dict[str, tuple[str, ...]] = {}

    def around(self, directory: str) -> tuple[str, ...]:
        """Return where the files of a directory find what they require in the gems around them, nearest first."""
        if directory not in self._known:
            around = (path for above in ancestors(directory) for path in self._around(above))
            self._known[directory] = tuple(dict.fromkeys(around))
        return self._known[directory]

    def entries(self) -> dict[str, list[str]]:
        """Return the files that are required by a gem's own name, those right below a library, by their library."""
        found: dict[str, list[str]] = {library: [] for libraries in self.paths.values() for library in libraries}
        for path in sorted(self._repository.files) if found else ():
            if path.endswith(".rb") and parent(path) in found:
                found[parent(path)].append(path)
        return found

    def requires(self, path: str) -> bool:
        """Return whether a path of the load path belongs to a gem that the repository depends on."""
        parts = path.split("/")
        return any("/".join(parts[:size]) in self.others for size in range(1, len(parts) + 1))

    def _around(self, directory: str) -> Iterator[str]:
        yield from self.paths.get(directory, ())
        for name in _TESTED:
            found = f"{directory}/{name}".lstrip("/")
            if self._repository.is_directory(found):
                yield found

    def _declared(self, directory: str, spec: str) -> Iterator[str]:
        match = _REQUIRE_PATHS.search(spec)
        for name in _WORD.findall(match[1]) if match else ["lib"]:
            found = join(directory, name)
            if found is not None and self._repository.is_directory(found):
                yield found


def _offered(gem: str) -> str:
    """By convention a dash in a gem's name is a folder of its library."""
    return gem.replace("-", "/")
