"""How rare the words of a question are in all that it is asked of, however many indexes that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_worker.retrieval.postings import Postings


@dataclass(frozen=True, kw_only=True)
class Rarity:
    """What BM25 needs to know of all documents together: else a word of a small repository would count for less."""

    #: The smoothed inverse document frequency of each word that was asked for and is anywhere.
    weights: Mapping[str, float]
    #: Words that a document has on average.
    average: float

    @classmethod
    def among(cls, several: Sequence[Postings], words: Iterable[str]) -> Rarity:
        """Return that of some words; one that is asked twice counts once."""
        count = sum(len(postings.lengths) for postings in several)
        total = sum(float(postings.lengths.sum()) for postings in several)
        weights = {}
        for word in dict.fromkeys(words):
            having = sum(postings.having(word) for postings in several)
            if having:
                weights[word] = math.log1p((count - having + 0.5) / (having + 0.5))
        return cls(weights=weights, average=total / max(count, 1))
