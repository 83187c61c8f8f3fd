"""Where the configuration files of bundlers and frameworks are: ``vite.config.ts`` and its like, by folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from edge_worker.source.resolve.repository import Repository, parent

_MARK = ".config."


class Settings:
    """Few folders have one, and most questions are about those that have none."""

    def __init__(self, repository: Repository) -> None:
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        paths = [path for name in repository.names() if _MARK in name for path in repository.named(name)]
        paths += [path for path in repository.links if _MARK in path and repository.file(path) is not None]
        for path in paths:
            self._names[parent(path)].add(path.rpartition("/")[2])

    def of(self, directory: str, tool: str, suffixes: Sequence[str]) -> list[str]:
        """Return the paths of a tool's configurations in a folder, in order of the suffixes."""
        there = self._names.get(directory)
        if there is None:
            return []
        names = (f"{tool}{_MARK}{suffix}" for suffix in suffixes)
        return [f"{directory}/{name}".lstrip("/") for name in names if name in there]
