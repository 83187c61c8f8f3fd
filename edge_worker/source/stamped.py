"""What each file of a folder imports, remembered by how the file lay on disk when it was read.

How a file lies there (device, inode, size, and when its contents and its name last changed) is the system's word, not
the folder's: nobody can have other contents lie as those did that were read, as one could by an index of git.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import ImportStatement, Parsed, Status
from edge_worker.source.remembered import Remembered

if TYPE_CHECKING:
    from edge_worker.source.listing import WorkTree
    from edge_worker.source.shelf import Shelf

#: A path and the language that its file is read as.
Wanted = tuple[str, str]

#: Raised whenever rows mean something else than before, or the same contents earn other flags.
_VERSION = 1
#: Of a statement, before its names.
_PARTS = 4


class FolderMemory:
    """``Memory`` of the files of one work tree, by their paths. What is new is written by ``close``."""

    def __init__(self, shelf: Shelf, name: str, tree: WorkTree) -> None:
        self._shelf = shelf
        self._name = name
        self._tree = tree
        #: How each file lay, its flags and what was read; as JSON has it.
        self._rows: dict[str, Sequence[object]] = {}
        self._is_new = False

    @property
    def trouble(self) -> str | None:
        """What went wrong with it, in a sentence."""
        return self._shelf.trouble

    def get_many(self, wanted: Iterable[Wanted]) -> dict[Wanted, Remembered]:
        """Return what is known of files that lie as they lay; all others are forgotten."""
        kept = self._shelf.get(self._name)
        rows = kept.get("rows") if isinstance(kept, dict) and kept.get("version") == _versions() else None
        rows = rows if isinstance(rows, dict) else {}
        found: dict[Wanted, Remembered] = {}
        for path, language in wanted:
            row = rows.get(f"{language}:{path}")
            if isinstance(row, list) and row[0] == self._tree.stamp(path):
                found[path, language] = _read(row)
                self._rows[f"{language}:{path}"] = row
        self._is_new = len(self._rows) < len(rows)
        return found

    def put(self, contents: str, language: str, *, flags: frozenset[str], parsed: Parsed | None) -> None:
        """Remember what was read of the file at a path, unless the clock ended it or it has only just changed."""
        stamp = self._tree.stamps.get(contents)
        if not stamp or (parsed is not None and parsed.status == "failed"):
            return
        text = "" if parsed is None else _written(parsed.imports)
        if text is not None:
            told = (None, ()) if parsed is None else (parsed.status, parsed.declares)
            self._rows[f"{language}:{contents}"] = [stamp, sorted(flags), *told, text]
            self._is_new = True

    def close(self) -> None:
        """Write what is known, if it is another than was. Never raises; ``trouble`` says what could not be written."""
        if self._is_new:
            self._shelf.put(self._name, {"version": _versions(), "rows": self._rows})


def _versions() -> dict[str, int]:
    return {"": _VERSION} | {name: language.version for name, language in known().items()}


def _read(row: Sequence[object]) -> Remembered:
    _, flags, status, declares, text = cast("tuple[str, list[str], Status | None, list[str], str]", row)
    if status is None:
        return Remembered(flags=frozenset(flags), parsed=None)
    statements = tuple(map(_statement, text.split("\n"))) if text else ()
    return Remembered(
        flags=frozenset(flags), parsed=Parsed(imports=statements, status=status, declares=tuple(declares))
    )


def _written(imports: Sequence[ImportStatement]) -> str | None:
    """Return a line for each statement; None for the odd ones in which a separator stands."""
    lines = []
    parts = 0
    for module, line, names, level, kinds in imports:
        lines.append("\t".join((f"{module}\t{line}\t{level}\t{_joined(kinds)}", *names)))
        parts += _PARTS - 1 + len(names)
    text = "\n".join(lines)
    return text if text.count("\t") == parts and text.count("\n") == max(len(lines) - 1, 0) else None


def _statement(line: str) -> ImportStatement:
    module, number, level, kinds, *names = line.split("\t")
    return ImportStatement(module, int(number), tuple(names), int(level), _split(kinds))


@cache
def _joined(kinds: tuple[str, ...]) -> str:
    return " ".join(kinds)


@cache
def _split(kinds: str) -> tuple[str, ...]:
    return tuple(kinds.split(" "))
