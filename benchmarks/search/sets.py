"""The questions that search is judged by, and where their answers stand: sentences of docstrings, and questions typed.

A folder holds what ``build_queries.py`` wrote beside them: ``queries.jsonl``, and ``corpus/<owner>+<name>.jsonl`` with
files whose docstrings are gone. None of it is ours to keep.
"""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Span:
    """Lines ``start`` to ``end`` of a file, from 1, both included."""

    path: str
    start: int
    end: int

    def shared(self, other: Span) -> int:
        """Return how many lines the two have in common."""
        return max(0, min(self.end, other.end) - max(self.start, other.start) + 1) if self.path == other.path else 0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question about one repository; any of the answers is right."""

    query: str
    repository: str
    answers: tuple[Span, ...]
    #: Share of the words of the answer's name that are in the query; ``None`` where that was not counted.
    overlap: float | None = None


def corpora(folder: Path) -> dict[str, Files]:
    """Return the text of each file of each repository, by ``owner/name`` and path."""
    found: dict[str, Files] = {}
    for file in sorted((folder / "corpus").glob("*.jsonl")):
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        found[file.stem.replace("+", "/")] = {row["path"]: row["text"] for row in rows}
    return found


def docstrings(folder: Path) -> list[Asked]:
    """Return a question for each docstring's first sentence."""
    rows = map(json.loads, (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Asked(
            query=row["query"],
            repository=row["repo"],
            answers=(Span(path=row["path"], start=row["start"], end=row["end"]),),
            overlap=row["name_overlap"],
        )
        for row in rows
    ]


def questions(table: Path, files: dict[str, Files]) -> list[Asked]:
    """Return the questions of a table whose answers are named ``path::symbol``.

    Raises:
        ValueError: none of a question's answers is in the corpus.
    """
    with table.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened, delimiter="\t"))
    return [
        Asked(query=row["question"], repository=row["repo"], answers=_answers(row["answers"], files[row["repo"]]))
        for row in rows
    ]


def _answers(named: str, files: Files) -> tuple[Span, ...]:
    pairs = [name.split("::") for name in named.split(";")]
    found = tuple(span for path, symbol in pairs if path in files for span in _spans(path, symbol, files[path]))
    if not found:
        raise ValueError(f"the corpus has none of {named}")
    return found


def _spans(path: str, symbol: str, text: str) -> Iterator[Span]:
    for name, node in _definitions(ast.parse(text), ""):
        if name == symbol:
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield Span(path=path, start=start, end=node.end_lineno or start)


def _definitions(
    node: ast.AST, outer: str
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{outer}{child.name}", child
            yield from _definitions(child, f"{outer}{child.name}.")
        else:
            yield from _definitions(child, outer)
