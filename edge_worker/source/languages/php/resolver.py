"""One name or path of a PHP file to the file it means: by composer's maps, then by who declares it."""

from __future__ import annotations

from edge_worker.source.languages.php.composer import Composer
from edge_worker.source.languages.php.names import CONSTANT, FUNCTION, NAMED
from edge_worker.source.languages.php.paths import UNKNOWN
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import EXTERNAL, UNRESOLVED, Resolution, Target, implied, local
from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

# How sure a target is that no map of composer gives: the only file that declares the name, the nearest of several,
# a path below an enclosing directory, the only path that ends so.
_ONLY, _NEAREST, _AROUND, _ENDING = 0.9, 0.7, 0.9, 0.7


class PhpResolver:
    """Implements ``Resolver`` for PHP: names go by what files declare, paths by the listing."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._composer = Composer(repository)
        self._declared: dict[str, dict[str, None]] = {}
        self._namespaces: set[str] = set()
        # By a name that several files declare, and by a path of which only the end is known: what each means.
        self._nearest: dict[str, dict[str, str | None]] = {}
        self._endings: dict[str, list[str]] = {}

    def learn(self, path: str, parsed: Parsed) -> None:
        """Remember which file declares what, and which namespaces are this repository's."""
        for name in parsed.declares:
            key = name.lower()
            self._declared.setdefault(key, {})[path] = None
            if namespace := _namespace(key):
                self._namespaces.add(namespace)

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file that declares a name, or that a path leads to."""
        module = statement.module
        if module.startswith(NAMED):
            # A name of PHP's own, of the file's namespace or of a package: it is no import, and nothing is missed.
            return implied(*self._named(path, module[len(NAMED) :]).targets)
        return self._included(path, module) if "/" in module or "." in module else self._named(path, module)

    def _named(self, path: str, name: str) -> Resolution:
        is_class = not name.startswith((FUNCTION, CONSTANT))
        mapped = self._composer.file(name, path) if is_class else None
        if mapped is not None:
            return local(Target(path=mapped))
        declaring = self._declared.get(name.lower(), {})
        if len(declaring) == 1:
            (only,) = declaring
            return local(Target(path=only, confidence=1.0 if self._composer.lists(only) else _ONLY))
        if declaring:
            nearest = self._nearest_of(name.lower(), path)
            return local(Target(path=nearest, confidence=_NEAREST)) if nearest is not None else UNRESOLVED
        # A name below a namespace of this repository is missing; a namespace itself is no file's.
        known = _namespace(name.lower()) in self._namespaces and name.lower() not in self._namespaces
        return UNRESOLVED if known else EXTERNAL

    def _nearest_of(self, name: str, path: str) -> str | None:
        """The declaring file that shares the most directories with a path, unless several do."""
        if name not in self._nearest:
            only = self._nearest[name] = {}
            for declaring in self._declared[name]:
                for above in ancestors(parent(declaring)):
                    only[above] = None if above in only else declaring
        around = self._nearest[name]
        return next((around[above] for above in ancestors(parent(path)) if above in around), None)

    def _included(self, path: str, spelled: str) -> Resolution:
        target = self._path(parent(path), spelled)
        if target is not None:
            return local(target)
        # What composer installs is not committed, and what a variable leads to may be anybody's.
        return EXTERNAL if not {"vendor", UNKNOWN}.isdisjoint(spelled.split("/")) else UNRESOLVED

    def _path(self, directory: str, spelled: str) -> Target | None:
        head, _, rest = spelled.partition("/")
        if head == UNKNOWN:
            return self._around(directory, rest) or self._ending(rest)
        found = self._file(directory, spelled)
        if found is not None:
            return Target(path=found)
        return None if head in {"", ".", ".."} else self._around(directory, spelled)

    def _around(self, directory: str, path: str) -> Target | None:
        """A path from the directory that the program is started in, or that a constant names."""
        tried = (self._file(above, path) for above in ancestors(directory))
        found = next((file for file in tried if file is not None), None)
        return Target(path=found, confidence=_AROUND) if found is not None else None

    def _ending(self, path: str) -> Target | None:
        """A folder and a name that one file alone has."""
        if path not in self._endings:
            named = self._repository.named(path.rpartition("/")[2]) if "/" in path else []
            self._endings[path] = [file for file in named if file.endswith(f"/{path}")]
        found = self._endings[path]
        return Target(path=found[0], confidence=_ENDING) if len(found) == 1 else None

    def _file(self, directory: str, path: str) -> str | None:
        joined = join(directory, path)
        return self._repository.file(joined) if joined is not None else None


def _namespace(name: str) -> str:
    """``a\\b`` of ``function a\\b\\f``: functions and classes of a namespace live together."""
    return name.rpartition("\\")[0].removeprefix(FUNCTION).removeprefix(CONSTANT)
