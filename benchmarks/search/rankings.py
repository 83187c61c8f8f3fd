"""Ways to rank: words alone, vectors alone, both fused by their ranks, and as the product does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge_worker.retrieval.candidates import MOST, candidates
from edge_worker.retrieval.index import Index
from edge_worker.retrieval.postings import Floats, Postings
from edge_worker.retrieval.ranker import Ranker
from edge_worker.retrieval.rarity import Rarity
from shared.nodes.search import Filters
from shared.stores.passages import Vectors
from shared.words import words

#: From a question and its vector to the numbers of the best passages, best first, each symbol once.
Ranking = Callable[[Index, str, Vectors], list[int]]

#: Results that are looked at.
_DEPTH = 100
#: Of reciprocal rank fusion, as its authors have it: Cormack, Clarke and Buettcher, SIGIR 2009.
_SMOOTHING = 60


def by_words(index: Index, query: str, vector: Vectors) -> list[int]:
    """BM25 over the passages."""
    return _best(index, _bm25(index.passages, query))


def by_words_and_symbol(index: Index, query: str, vector: Vectors) -> list[int]:
    """BM25 over the passages, and over their symbols beside it."""
    return _best(index, _bm25(index.passages, query) + _bm25(index.symbols, query))


def by_vectors(index: Index, query: str, vector: Vectors) -> list[int]:
    """Cosines."""
    return _best(index, index.cosines(vector) + 2)


def by_both_ranks(index: Index, query: str, vector: Vectors) -> list[int]:
    """Reciprocal rank fusion of cosines and BM25 with symbols."""
    fused = np.zeros(len(index), dtype=np.float32)
    spoken = _bm25(index.passages, query) + _bm25(index.symbols, query)
    for scores in (index.cosines(vector) + 2, spoken):
        best = np.argsort(-scores, kind="stable")[:MOST]
        best = best[scores[best] > 0]
        fused[best] += 1 / (_SMOOTHING + np.arange(1, len(best) + 1))
    return _best(index, fused)


def by(ranker: Ranker, *, dense: bool = True) -> Ranking:
    """Return the way of the product, with some weights; also as it answers while no model is there."""

    def ranking(index: Index, query: str, vector: Vectors) -> list[int]:
        found = candidates([(index, vector if dense else None)], query, Filters())
        return [one.number for one in ranker.rank(found, _DEPTH)]

    return ranking


def _bm25(postings: Postings, query: str) -> Floats:
    rarity = Rarity.among([postings], words(query))
    return postings.scores(rarity.weights, rarity.average)


def _best(index: Index, scores: Floats) -> list[int]:
    order = np.argsort(-scores, kind="stable")
    return _one_each(index, order[scores[order] > 0].tolist())


def _one_each(index: Index, numbers: Sequence[int]) -> list[int]:
    taken: dict[tuple[str, str | int], int] = {}
    for number in numbers:
        place = index.places[number]
        taken.setdefault((place.path, place.symbol or place.start), number)
        if len(taken) == _DEPTH:
            break
    return list(taken.values())
