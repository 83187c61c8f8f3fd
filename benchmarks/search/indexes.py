"""Indexes as the product holds them, of files cut one way or another, with vectors of the small model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.cuts import Cut, contents
from benchmarks.search.metric import Judge
from benchmarks.search.sets import Asked, Span
from edge_worker.models.embedder import Embedder
from edge_worker.models.presets import resolve
from edge_worker.models.vectors import VectorCache, embedded
from edge_worker.retrieval.index import Index
from shared.stores.passages import Stored, Vectors
from shared.words import words


class Vectoriser:
    """Embeds with the small model what its cache does not know."""

    def __init__(self, cache: VectorCache) -> None:
        self._cache = cache
        self._embedder = Embedder(resolve("small", 0.0), device="cpu")

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return ``(texts, dimension)``. This model has one prompt for questions and passages: none."""
        return embedded(texts, self._embedder, self._cache, lambda done, total: None)


@contextmanager
def vectoriser(cache: Path) -> Iterator[Vectoriser]:
    """Give one that keeps its vectors in a file."""
    with VectorCache.open(cache) as opened:
        yield Vectoriser(opened)


@dataclass(frozen=True, kw_only=True, eq=False)
class Indexed:
    """One repository's index, who judges its results, and the path of each."""

    index: Index
    judge: Judge
    paths: Sequence[str]

    @classmethod
    def of(cls, cuts: Sequence[Cut], vectoriser: Vectoriser) -> Indexed:
        """Index some passages. A result is the whole symbol that a passage is a piece of."""
        index = Index.of([_stored(cuts, vectoriser)])
        paths = [place.path for place in index.places]
        spans = zip(paths, index.spans.tolist(), strict=True)
        judge = Judge(Span(path=path, start=start, end=end) for path, (start, end) in spans)
        return cls(index=index, judge=judge, paths=paths)


def query_vectors(asked: Sequence[Asked], vectoriser: Vectoriser) -> dict[str, Vectors]:
    """Return the vector of each question."""
    queries = [one.query for one in asked]
    return dict(zip(queries, vectoriser.vectors(queries), strict=True))


def _stored(cuts: Sequence[Cut], vectoriser: Vectoriser) -> Stored:
    return Stored(
        chunks=[str(number) for number in range(len(cuts))],
        places=[cut.place for cut in cuts],
        texts=[cut.text for cut in cuts],
        words=[" ".join(words(cut.content)) for cut in cuts],
        vectors=vectoriser.vectors(contents(cuts)),
    )
