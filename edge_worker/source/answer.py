"""What is told of a folder or a commit, and how it is kept for as long as the folder lies as it lay."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge_worker.source.graph import Link, Unresolved

if TYPE_CHECKING:
    from edge_worker.source.listing import WorkTree
    from edge_worker.source.shelf import Shelf

#: What is written of an answer: the links by their sources, and what was not understood or not read.
_Kept = tuple[dict[str, str], list[tuple[str, int, str]], list[str], int]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The imports that were found, and what was not understood or not read."""

    #: In order of the two paths.
    links: tuple[Link, ...]
    #: In order of path and line.
    unresolved: tuple[Unresolved, ...]
    #: Files and folders that could not be read, by path.
    unread: tuple[str, ...] = ()
    #: Sources above the limit of size, by path, and how many files have a path above the limit of length.
    too_large: tuple[str, ...] = ()
    too_long: int = 0
    #: What went wrong with the cache, in a sentence; nothing is missing for it.
    trouble: str | None = None


class Answers:
    """The last answer for a folder. It holds as long as the same names are there and every file that was looked at
    lies as it lay then, for the program that gave it."""

    def __init__(self, shelf: Shelf, name: str, tree: WorkTree, listed: str) -> None:
        """``listed`` is the mark of the folder's listing."""
        self._shelf = shelf
        self._name = name
        self._tree = tree
        self._mark = f"{listed} {_program()}"

    def get(self) -> Survey | None:
        """Return the answer, None if it is not known or may be another now."""
        kept = self._shelf.get(self._name) if not self._tree.unread else None
        if not isinstance(kept, dict) or kept.get("mark") != self._mark:
            return None
        paths = cast("list[str]", kept["paths"])
        if _lying(map(self._tree.stamp, paths)) != kept["lying"]:
            return None
        return _survey(cast("_Kept", kept["told"]))

    def put(self, found: Survey) -> None:
        """Keep an answer, unless something in the folder could not be read or has only just changed."""
        stamps = self._tree.stamps
        if self._tree.unread or "" in stamps.values():
            return
        told = _told(found)
        if told is None:
            return
        self._shelf.put(
            self._name,
            {"mark": self._mark, "paths": list(stamps), "lying": _lying(iter(stamps.values())), "told": told},
        )


def _lying(stamps: Iterator[str | None]) -> str:
    return sha256("\n".join(stamp or "" for stamp in stamps).encode("ascii")).hexdigest()


def _told(found: Survey) -> _Kept | None:
    """Return what JSON can say of an answer, a line for each link; None for odd names, in which its signs stand."""
    sources: dict[str, list[str]] = {}
    for source, target, kinds, line, confidence in found.links:
        sources.setdefault(source, []).append(f"{target}\t{' '.join(kinds)}\t{line}\t{confidence}")
    links = {source: "\n".join(lines) for source, lines in sources.items()}
    if any("\t" in target or "\n" in target for _, target, *_ in found.links):
        return None
    unresolved = [(one.path, one.line, one.module) for one in found.unresolved]
    return links, unresolved, list(found.too_large), found.too_long


def _survey(kept: _Kept) -> Survey:
    links, unresolved, too_large, too_long = kept
    return Survey(
        links=tuple(_link(source, line) for source, lines in links.items() for line in lines.split("\n")),
        unresolved=tuple(Unresolved(path=path, line=line, module=module) for path, line, module in unresolved),
        too_large=tuple(too_large),
        too_long=too_long,
    )


def _link(source: str, line: str) -> Link:
    target, kinds, number, confidence = line.split("\t")
    return Link(source, target, _split(kinds), int(number), float(confidence))


@cache
def _split(kinds: str) -> tuple[str, ...]:
    return tuple(kinds.split(" "))


def _program() -> str:
    """Return what tells this program from a later one: how its files lie, Python's version, when packages came last."""
    files = sorted(_files(str(Path(__file__).parent)))
    return sha256(repr((sys.version, files, _installed())).encode("utf-8", "surrogateescape")).hexdigest()


def _installed() -> int:
    """Return when something was last put beside the grammars, or taken away."""
    found = find_spec("tree_sitter")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent.parent.stat().st_mtime_ns


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as found:
        for item in found:
            if item.name.endswith((".py", ".sql")):
                lies = item.stat()
                yield item.path, lies.st_size, lies.st_mtime_ns
            elif item.name != "__pycache__" and item.is_dir():
                yield from _files(item.path)
