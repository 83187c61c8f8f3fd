"""How much of a repository rests on each file: PageRank along imports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DAMPING = 0.85
_ENOUGH = 1e-10
_MOST_ROUNDS = 200


def ranks(files: int, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each file's PageRank in multiples of the mean: a file hands its weight on to what it imports."""
    if files == 0:
        return np.empty(0)
    outward = np.bincount(sources, minlength=files)
    shares = 1.0 / np.maximum(outward, 1)
    ends_here = outward == 0
    rank = np.ones(files)
    for _ in range(_MOST_ROUNDS):
        handed = np.bincount(targets, weights=(rank * shares)[sources], minlength=files)
        # What imports nothing hands its weight to all.
        after = 1.0 - _DAMPING + _DAMPING * (handed + rank[ends_here].sum() / files)
        change = np.abs(after - rank).sum() / files
        rank = after
        if change < _ENOUGH:
            break
    return rank
