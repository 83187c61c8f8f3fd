"""What the repository's composer.json files say of where a class lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_worker.source.resolve.jsonc import Value, mapping, strings
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside, join, parent

_EXAMPLES = frozenset({"examples", "example", "fixtures", "Fixtures", "test", "tests", "Tests", "testdata", "stubs"})

# More directories for one prefix are a generated map: each name would be looked up in all of them.
_MOST_ROOTS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A prefix of names and a directory of its files, as one project maps them."""

    directory: str
    #: The directory of the composer.json.
    project: str
    #: PSR-0: the prefix is part of the path, and underscores in a class name are folders.
    legacy: bool

    def path(self, name: str, prefix: str) -> str:
        """Return where the class of this whole name would be."""
        if self.legacy:
            namespace, backslash, last = name.rpartition("\\")
            below = (namespace + backslash).replace("\\", "/") + last.replace("_", "/")
        else:
            below = name[len(prefix) :].replace("\\", "/")
        return f"{self.directory}/{below}.php".lstrip("/")


class Composer:
    """The autoload sections of every composer.json; those of examples and tests come after the others."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._roots: dict[str, dict[Root, None]] = {}
        classmaps = set[str]()
        for path in sorted(repository.named("composer.json"), key=_rank):
            for section in ("autoload", "autoload-dev"):
                autoload = mapping(repository.json(path).get(section))
                for prefix, root in _mapped(repository, autoload, parent(path)):
                    roots = self._roots.setdefault(prefix, {})
                    if len(roots) < _MOST_ROOTS:
                        roots[root] = None
                for listed in (*strings(autoload.get("classmap")), *strings(autoload.get("files"))):
                    found = join(parent(path), listed.partition("*")[0])
                    if found is not None:
                        classmaps.add(found)
        self._classmaps = frozenset(classmaps)

    def file(self, name: str, importer: str) -> str | None:
        """Return the file that PSR-4 or PSR-0 gives a class: the longest prefix first, one's own project first."""
        for prefix in _prefixes(name):
            roots = self._roots.get(prefix)
            for root in sorted(roots, key=lambda root: not is_inside(importer, root.project)) if roots else ():
                found = self._repository.file(root.path(name, prefix))
                if found is not None:
                    return found
        return None

    def lists(self, path: str) -> bool:
        """Return whether a class map or a list of files loads this file."""
        return not self._classmaps.isdisjoint((path, *ancestors(parent(path))))


def _mapped(repository: Repository, autoload: dict[str, Value], project: str) -> Iterator[tuple[str, Root]]:
    for key, legacy in (("psr-4", False), ("psr-0", True)):
        for prefix, directories in mapping(autoload.get(key)).items():
            for listed in strings(directories):
                directory = join(project, listed)
                if directory is not None and repository.is_directory(directory):
                    yield prefix, Root(directory=directory, project=project, legacy=legacy)


def _prefixes(name: str) -> Iterator[str]:
    """The prefixes that may be mapped for a name: the name itself, its namespaces with and without their backslash."""
    yield name
    end = len(name)
    while (end := name.rfind("\\", 0, end)) > 0:
        yield name[: end + 1]
        yield name[:end]
    head, underscore, _ = name.rpartition("\\")[2].partition("_")
    if underscore:
        yield f"{head}_"
    yield ""


def _rank(path: str) -> tuple[bool, int, str]:
    parts = path.split("/")
    return not _EXAMPLES.isdisjoint(parts), len(parts), path
