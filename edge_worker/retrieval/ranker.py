"""The ranker: a small linear model over scaled features, whose weights lie in a file with their version.

``benchmarks.search.fit`` made the weights and can make them again; no question that anybody typed has a part in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from edge_worker.retrieval.candidates import FEATURES, Candidates
from edge_worker.retrieval.index import Index
from edge_worker.retrieval.postings import Floats
from shared.stores.passages import Place

WEIGHTS = Path(__file__).with_name("weights.json")
_DENSE = FEATURES.index("dense")
#: A deviation below this is rounding.
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked:
    """One passage of an index, by number, and the score that put it in its place."""

    index: Index
    number: int
    score: float

    @property
    def place(self) -> Place:
        """Where the whole symbol stands of which the passage is a piece."""
        start, end = self.index.spans[self.number].tolist()
        return replace(self.index.places[self.number], start=start, end=end)


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """Weights of ``FEATURES``, with the question's vector and without it. Those of one version never change."""

    version: str
    weights: tuple[float, ...]
    without_vector: tuple[float, ...]

    def rank(self, found: Sequence[Candidates], limit: int) -> list[Ranked]:
        """Return the best passages of all indexes together, best first, of each symbol its best alone.

        What is equally good comes in the order of the indexes, and in theirs.
        """
        if not found:
            return []
        scores = self._scores(np.concatenate([one.features for one in found]))
        numbers = [(one.index, number) for one in found for number in one.numbers.tolist()]
        order = np.argsort(-scores, kind="stable").tolist()
        return _one_each(
            [Ranked(index=numbers[at][0], number=numbers[at][1], score=float(scores[at])) for at in order], limit
        )

    def _scores(self, features: Floats) -> Floats:
        wordy = np.isnan(features[:, _DENSE]).all()
        return scaled(features) @ np.array(self.without_vector if wordy else self.weights, dtype=np.float32)


def scaled(features: Floats) -> Floats:
    """Return each column less its mean, by its deviation, so that none weighs more for being written in larger numbers.

    What is the same for all becomes 0, and so does what is not known.
    """
    known = ~np.isnan(features)
    counts = np.maximum(known.sum(axis=0), 1)
    # In doubles: else the mean of equal numbers may be another one.
    means = np.where(known, features, 0).sum(axis=0, dtype=np.float64) / counts
    apart = np.where(known, features - means, 0)
    deviations = np.sqrt((apart**2).sum(axis=0) / counts)
    found: Floats = (apart / np.where(deviations > _LEAST, deviations, np.inf)).astype(np.float32)
    return found


@cache
def shipped() -> Ranker:
    """Return the ranker that this version of Pharos ships."""
    written = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Ranker(
        version=written["version"],
        weights=_in_order(written["weights"]),
        without_vector=_in_order(written["without_vector"]),
    )


def _in_order(named: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(float(named[name]) for name in FEATURES)


def _one_each(ranked: Sequence[Ranked], limit: int) -> list[Ranked]:
    taken: list[Ranked] = []
    seen: set[tuple[int, str, str]] = set()
    for one in ranked:
        place = one.index.places[one.number]
        # What has no name of its own stands for itself.
        key = (id(one.index), place.path, place.symbol or f"\n{place.start}")
        if key not in seen:
            seen.add(key)
            taken.append(one)
        if len(taken) == limit:
            break
    return taken
