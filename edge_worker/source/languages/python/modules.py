"""A dotted name to a file, as the import system walks it (PEP 328, PEP 420)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from edge_worker.source.resolve.repository import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """What a dotted name means: a file, or for a package the directories in which its submodules lie, or both."""

    file: str | None
    portions: tuple[str, ...] = ()


class Modules:
    """Walks dotted names over search paths. A stub file stands in only where there is no source."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._top = cache(lambda roots: Module(file=None, portions=roots))
        self._seen: dict[tuple[tuple[str, ...], str, bool], Module | None] = {}

    def find(self, roots: Sequence[str], parts: Sequence[str], *, stubs: bool = False) -> Module | None:
        """Return the module of a dotted name below the roots, or None unless all of it is there."""
        way = self.way(roots, parts, stubs=stubs)
        return way[-1] if way is not None else None

    def way(self, roots: Sequence[str], parts: Sequence[str], *, stubs: bool = False) -> list[Module] | None:
        """Return the modules on the way to a dotted name, the roots themselves first; None unless all are there."""
        module: Module | None = self._top(tuple(roots))
        way = []
        for part in parts:
            if module is None:
                return None
            way.append(module)
            module = self.step(module.portions, part, stubs=stubs)
        return [*way, module] if module is not None else None

    def step(self, portions: tuple[str, ...], part: str, *, stubs: bool) -> Module | None:
        """Return the module of a name without dots that lies in one of these directories."""
        key = (portions, part, stubs)
        try:
            return self._seen[key]
        except KeyError:
            found = self._seen[key] = self._look(portions, part, stubs)
            return found

    def _look(self, portions: tuple[str, ...], part: str, stubs: bool) -> Module | None:
        spaces = []
        for portion in portions:
            base = f"{portion}/{part}" if portion else part
            found = self._regular(base, ".py") or (self._regular(base, ".pyi") if stubs else None)
            if found is not None:
                return found
            if self._repository.is_directory(base):
                spaces.append(base)
        return Module(file=None, portions=tuple(spaces)) if spaces else None

    def _regular(self, base: str, suffix: str) -> Module | None:
        package = self._repository.file(f"{base}/__init__{suffix}")
        if package is not None:
            return Module(file=package, portions=(base,))
        module = self._repository.file(base + suffix)
        return Module(file=module) if module is not None else None
