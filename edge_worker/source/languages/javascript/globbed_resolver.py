"""The files that the patterns of ``import.meta.glob`` mean (J1)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from edge_worker.source.languages.javascript.globs import matches
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import EXTERNAL, Resolution, Target, local
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside, join, parent

_SURE = 0.9
# A page for each file of a site is in reason; a pattern for all that there is says little of any of them.
_MOST_FILES = 1000
# Patterns of one call, with each choice between braces counted as one.
_MOST_PATTERNS = 50
# Files compared with a pattern, for one repository.
_MOST_COMPARED = 2_000_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_WILD = re.compile(r"[*?\[]")


class GlobResolver:
    """Implements ``Resolver`` for what ``named_globs`` finds; a pattern that begins with an alias finds nothing."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._left = _MOST_COMPARED

    def learn(self, path: str, parsed: Parsed) -> None:
        """Paths alone decide: there is nothing to remember."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the files that a pattern means and none of those with an exclamation mark does."""
        plain = [name for name in statement.names if not name.startswith("!")]
        wanted = self._placed(path, plain)
        unwanted = self._placed(path, [name[1:] for name in statement.names if name.startswith("!")])
        found = {file: None for pattern in wanted for file in self._files(pattern)}
        self._left -= len(found) * len(unwanted)
        kept = [file for file in found if not any(matches(pattern, file) for pattern in unwanted)]
        return local(*(Target(path=file, confidence=_SURE) for file in kept[:_MOST_FILES])) if kept else EXTERNAL

    def _placed(self, path: str, names: list[str]) -> list[str]:
        """Return patterns as those of paths of the repository, without braces."""
        placed = []
        for name in names[:_MOST_PATTERNS]:
            base = self._root(path) if name.startswith("/") else parent(path)
            pattern = join(base, name.lstrip("/")) if name.startswith(("./", "../", "/", "**")) else None
            placed += list(_spread(pattern)) if pattern is not None else []
        return placed[:_MOST_PATTERNS]

    def _root(self, path: str) -> str:
        """A bundler's root is taken for the nearest package."""
        above = (folder for folder in ancestors(parent(path)) if self._has_manifest(folder))
        return next(above, "")

    def _has_manifest(self, folder: str) -> bool:
        return self._repository.file(f"{folder}/package.json".lstrip("/")) is not None

    def _files(self, pattern: str) -> Iterator[str]:
        wild = _WILD.search(pattern)
        folder = pattern[: wild.start()].rpartition("/")[0] if wild is not None else parent(pattern)
        index = bisect_left(self._sorted, f"{folder}/" if folder else "")
        while index < len(self._sorted) and is_inside(self._sorted[index], folder) and self._left > 0:
            self._left -= 1
            file = self._sorted[index]
            index += 1
            if not _is_hidden(file[len(folder) :]) and matches(pattern, file):
                yield file

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._repository.files)


def _is_hidden(below: str) -> bool:
    return "/." in f"/{below.lstrip('/')}" or "node_modules" in below


def _spread(pattern: str) -> Iterator[str]:
    """Yield a pattern once for each choice between braces, as far as there are few."""
    waiting = [pattern]
    for _ in range(_MOST_PATTERNS):
        if not waiting:
            return
        one = waiting.pop()
        braces = _BRACES.search(one)
        if braces is None:
            yield one
        else:
            choices = braces[1].split(",")[:_MOST_PATTERNS]
            waiting += [one[: braces.start()] + choice + one[braces.end() :] for choice in reversed(choices)]
