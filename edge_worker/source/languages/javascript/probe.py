"""A path without, or with another, extension to the file that it means (J3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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


class Probe:
    """Tries the spellings of a path against a listing."""

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find

    def file(self, path: str) -> str | None:
        """Return the file that a path means, without looking into directories."""
        stem, dot, last = path.rpartition(".")
        extension = dot + last
        swapped = [stem + other for other in _SOURCES.get(extension, ())]
        declared = [stem + _DECLARED[extension]] if extension in _DECLARED else []
        outputs = [stem + other for other in _OUTPUTS.get(extension, ())]
        return self._first((*swapped, path, *declared, *outputs)) or self.added(path)

    def index(self, directory: str) -> str | None:
        """Return the index file of a directory."""
        return self.added(f"{directory}/index" if directory else "index")

    def added(self, path: str) -> str | None:
        """Return the file that a path without extension means."""
        return self._first(path + extension for extension in _ADDED)

    def _first(self, paths: Iterable[str]) -> str | None:
        return next((real for path in paths if (real := self._find(path)) is not None), None)
