"""The module trees of a repository's crates: which file holds which module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from posixpath import basename
from typing import NamedTuple

from edge_worker.source.languages.rust import words
from edge_worker.source.parse.statement import ImportStatement
from edge_worker.source.resolve.repository import Repository, ancestors, join, parent

_OWN_FOLDER = {"mod.rs", "lib.rs", "main.rs"}
# More crates than share a file: below one that is in more of them, the rest are not followed.
_MOST_PLACES = 50


class Place(NamedTuple):
    """Where a file stands in a crate: the file that the crate begins in, and the names down to the module."""

    root: str
    path: tuple[str, ...]


class Modules:
    """Built from the roots down, by what every file declares; a file that no crate reaches has its place by custom."""

    def __init__(
        self, repository: Repository, declared: dict[str, list[ImportStatement]], roots: Iterable[str]
    ) -> None:
        self._repository = repository
        self._declared = declared
        self._places: defaultdict[str, list[Place]] = defaultdict(list)
        self._files: dict[Place, str] = {}
        #: Files whose modules lie beside them, as a root's do.
        self._beside: set[str] = set()
        for root in roots:
            self._beside.add(root)
            self._grow(Place(root, ()), root)
        self._adopt()
        for file, places in self._places.items():
            places.sort(key=lambda place: _distance(place.root, file))

    def places(self, file: str) -> list[Place]:
        """Return where a file stands, in every crate that holds it, the nearest first; a file by itself is a root."""
        return self._places.get(file) or [Place(file, ())]

    def file(self, place: Place) -> str | None:
        """Return the file of a module; None for one within another's file."""
        return self._files.get(place)

    def deepest(self, root: str, path: tuple[str, ...]) -> tuple[int, str]:
        """Return how many names of a path lead to a file's module, and that file; at least the root's."""
        for size in range(min(len(path), words.DEEPEST), 0, -1):
            found = self._files.get(Place(root, path[:size]))
            if found is not None:
                return size, found
        return 0, root

    def children(self, file: str, statement: ImportStatement) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the module that a ``mod x;`` declares, by its names below the file, and each file that may hold it."""
        *inline, name = statement.module.removeprefix(words.MOD).split("::")
        below = (*inline, name)
        folder = "/".join((self._folder(file), *inline)).lstrip("/")
        # A path of a module at the top of its file is seen from the file, else as a folder of modules is.
        home = folder if inline else parent(file)
        written = [path for path in statement.names if path not in {"", words.BESIDE}]
        found = [real for path in written if (real := self._written(home, path)) is not None]
        if len(written) < len(statement.names) or not written:
            places = [folder, parent(file)] if words.BESIDE in statement.names else [folder]
            usual = [f"{place}/{name}{end}".lstrip("/") for place in places for end in (".rs", "/mod.rs")]
            found += [real for path in usual if (real := self._repository.file(path)) is not None][:1]
        yield from ((below, path) for path in found)

    def _written(self, directory: str, path: str) -> str | None:
        target = join(directory, path)
        return self._repository.file(target) if target is not None else None

    def _folder(self, file: str) -> str:
        beside = file in self._beside or basename(file) in _OWN_FOLDER
        return parent(file) if beside else file.removesuffix(".rs")

    def _grow(self, start: Place, file: str) -> None:
        """Each file is taken once, so that a circle of ``#[path]`` ends; its first place is the one that counts."""
        seen = {file}
        pending = [(start, file)]
        for place, at in pending:
            self._files.setdefault(place, at)
            self._places[at].append(place)
            if len(self._places[at]) > _MOST_PLACES:
                continue
            for statement in self._declared.get(at, ()):
                for below, child in self.children(at, statement):
                    if child not in seen:
                        seen.add(child)
                        if not {"", words.BESIDE}.issuperset(statement.names):
                            self._beside.add(child)
                        pending.append((Place(place.root, (*place.path, *below)), child))

    def _adopt(self) -> None:
        """Give a place to each file that only a macro could declare: below the module that its folder belongs to."""
        for file in sorted(self._declared, key=lambda path: (path.count("/"), basename(path) not in _OWN_FOLDER, path)):
            if file in self._places:
                continue
            folder, name = parent(file), basename(file).removesuffix(".rs")
            if name == "mod":
                folder, name = parent(folder), basename(folder)
            parents = [f"{folder}/{own}".lstrip("/") for own in ("mod.rs", "lib.rs", "main.rs")] + [f"{folder}.rs"]
            above = next((path for path in parents if path in self._places and path != file), None)
            if above is None or name in {"lib", "main"}:
                self._beside.add(file)
                self._grow(Place(file, ()), file)
            else:
                for place in list(self._places[above]):
                    self._grow(Place(place.root, (*place.path, name)), file)


def _distance(root: str, file: str) -> int:
    return -len(set(ancestors(parent(root))) & set(ancestors(parent(file))))
