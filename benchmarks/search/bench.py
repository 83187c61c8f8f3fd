"""Everything that is measured with: the sets, the repositories' indexes, and the questions' vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.search.cuts import Cut, by_characters, by_symbol
from benchmarks.search.indexes import Indexed, Vectoriser, query_vectors, vectoriser
from benchmarks.search.metric import Worth, worth
from benchmarks.search.rankings import Ranking
from benchmarks.search.sets import Asked, Files, corpora, docstrings, questions
from shared.stores.passages import Vectors


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """The open sets over one way of cutting."""

    indexed: dict[str, Indexed]
    docstrings: Sequence[Asked]
    questions: Sequence[Asked]
    vectors: dict[str, Vectors]
    _hits: dict[Asked, frozenset[int]] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, Sequence[Asked]]:
        """The questions by what they are reported under."""
        middle = median(one.overlap or 0.0 for one in self.docstrings)
        groups = {
            "docstrings": self.docstrings,
            "low overlap": [one for one in self.docstrings if (one.overlap or 0.0) < middle],
        }
        for name in self.indexed:
            groups[name.split("/")[1]] = [one for one in self.docstrings if one.repository == name]
        return {**groups, "questions": self.questions}

    def hits(self, one: Asked) -> frozenset[int]:
        """Return which passages of its repository answer a question."""
        if one not in self._hits:
            self._hits[one] = self.indexed[one.repository].judge.hits(one.answers)
        return self._hits[one]

    def worths(self, way: Callable[[Asked], Ranking]) -> dict[str, Worth]:
        """Return what a way of ranking is worth, group by group."""
        each = {one: self._worth(one, way(one)) for one in (*self.docstrings, *self.questions)}
        return {name: Worth.mean([each[one] for one in group]) for name, group in self.groups.items()}

    def _worth(self, one: Asked, ranking: Ranking) -> Worth:
        indexed = self.indexed[one.repository]
        results = ranking(indexed.index, one.query, self.vectors[one.query])
        return worth(results, self.hits(one), indexed.paths, one.answers)


@contextmanager
def opened(folder: Path, table: Path, cache: Path) -> Iterator[Bench]:
    """Give the open sets over passages as the product cuts them."""
    with vectoriser(cache) as maker:
        yield _bench(folder, table, by_symbol, maker)


@contextmanager
def windowed(folder: Path, table: Path, cache: Path, width: int) -> Iterator[Bench]:
    """Give them over windows of so many characters."""
    with vectoriser(cache) as maker:
        yield _bench(folder, table, partial(by_characters, width=width), maker)


def _bench(folder: Path, table: Path, cut: Callable[[Files], Sequence[Cut]], maker: Vectoriser) -> Bench:
    files = corpora(folder)
    typed, written = questions(table, files), docstrings(folder)
    return Bench(
        indexed={name: Indexed.of(cut(of), maker) for name, of in files.items()},
        docstrings=written,
        questions=typed,
        vectors=query_vectors([*written, *typed], maker),
    )
