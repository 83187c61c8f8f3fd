"""A path without, or with another, extension to the file that it means (J3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge_worker.source.resolve.repository import Repository

# What TypeScript writes as one extension and keeps as another; the source comes first.
_SOURCES = {
    ".js": (".ts", ".tsx"),
    ".jsx": (".tsx", ".ts"),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
}
_DECLARED = {".js": ".d.ts", ".jsx": ".d.ts", ".mjs": ".d.mts", ".cjs": ".d.cts"}
_OUTPUTS = {".ts": (".js",), ".tsx": (".jsx", ".js"), ".mts": (".mjs",), ".cts": (".cjs",)}
_ADDED = (
    ".ts", ".tsx", ".js", ".jsx", ".d.ts", ".mts", ".cts", ".mjs", ".cjs", ".d.mts", ".d.cts",
    ".json", ".vue", ".svelte", ".astro",
)  # fmt: skip
DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
CODE = tuple(extension for extension in _ADDED if extension != ".json")


_ENDINGS = {extension: rank for rank, extension in enumerate(_ADDED)}
#: What is tried before the path as it is written, and what behind it, by its extension.
_SPELLINGS = {
    extension: (
        _SOURCES.get(extension, ()),
        (*((_DECLARED[extension],) if extension in _DECLARED else ()), *_OUTPUTS.get(extension, ())),
    )
    for extension in (*_SOURCES, *_OUTPUTS)
}


class Probe:
    """Tries the spellings of a path against a listing."""

    def __init__(self, find: Callable[[str], str | None], add: Callable[[str], str | None] | None = None) -> None:
        """Take what finds a file by its whole path, and what does by a path without extension if that is quicker."""
        self._find = find
        self.added = add or self._added

    def file(self, path: str) -> str | None:
        """Return the file that a path means, without looking into directories."""
        dot = path.rfind(".")
        spellings = _SPELLINGS.get(path[dot:])
        if spellings is None:
            return self._find(path) or self.added(path)
        before, behind = ([path[:dot] + extension for extension in extensions] for extensions in spellings)
        return self._first((*before, path, *behind)) or self.added(path)

    def index(self, directory: str) -> str | None:
        """Return the index file of a directory."""
        return self.added(f"{directory}/index" if directory else "index")

    def _added(self, path: str) -> str | None:
        """Return the file that a path without extension means."""
        return self._first(path + extension for extension in _ADDED)

    def _first(self, paths: Iterable[str]) -> str | None:
        return next((real for path in paths if (real := self._find(path)) is not None), None)


class Stems:
    """The files of a repository by their paths without extension: one look-up for all the extensions there are."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        #: The rank of its extension, and the file.
        self._known: dict[str, tuple[int, str]] = {}
        for path in repository.files:
            self._learn(path, path)
        for path in repository.links:
            real = repository.file(path)
            if real is not None:
                self._learn(path, real)

    def find(self, path: str) -> str | None:
        """Return the file that a path without extension means."""
        found = self._known.get(self._repository.placed(path))
        return found[1] if found is not None else None

    def _learn(self, path: str, real: str) -> None:
        dot = path.rfind(".")
        rank = _ENDINGS.get(path[dot:])
        if rank is None:
            return
        self._keep(path[:dot], rank, real)
        if path.endswith(DECLARATIONS):
            dot = path.rfind(".", 0, dot)
            self._keep(path[:dot], _ENDINGS[path[dot:]], real)

    def _keep(self, stem: str, rank: int, real: str) -> None:
        known = self._known.get(stem)
        if known is None or rank < known[0]:
            self._known[stem] = rank, real
