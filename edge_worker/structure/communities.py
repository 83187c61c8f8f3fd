"""Files that belong together: communities of the import graph, by Leiden."""

from __future__ import annotations

from dataclasses import dataclass

import graspologic_native
import numpy as np
from numpy.typing import NDArray

#: The same graph gives the same communities.
_SEED = 7
_ITERATIONS = 3


@dataclass(frozen=True, kw_only=True)
class Parts:
    """``member``: the community of each file, 0 the largest, -1 for a file that no edge touches."""

    member: NDArray[np.int64]
    count: int
    modularity: float


def communities(files: int, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> Parts:
    """Return communities in which every file reaches every other one (Traag, Waltman and van Eck 2019).

    Edges count in both directions alike: to belong together does not ask who imports whom.
    """
    member = np.full(files, -1, dtype=np.int64)
    touched = np.unique(np.concatenate([sources, targets]))
    if not touched.size:
        return Parts(member=member, count=0, modularity=0.0)
    number = np.full(files, -1, dtype=np.int64)
    number[touched] = np.arange(touched.size)
    indptr, indices, weights = _both_ways(touched.size, number[sources], number[targets])
    modularity, found = graspologic_native.leiden_csr(
        indptr, indices, weights, int(touched.size), iterations=_ITERATIONS, seed=_SEED
    )
    labels = np.fromiter((found[node] for node in range(touched.size)), dtype=np.int64, count=touched.size)
    member[touched] = _by_size(labels)
    return Parts(member=member, count=int(member.max()) + 1, modularity=float(modularity))


def _both_ways(
    nodes: int, sources: NDArray[np.int64], targets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the symmetric adjacency as compressed rows; a pair that imports each other weighs double."""
    pairs = np.concatenate([sources * nodes + targets, targets * nodes + sources])
    cells, weights = np.unique(pairs, return_counts=True)
    indptr = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(cells // nodes, minlength=nodes), out=indptr[1:])
    return indptr, (cells % nodes).astype(np.int32), weights.astype(np.float64)


def _by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return labels by size, the largest 0; of equals the one with the first file comes first."""
    _, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    places = np.empty(order.size, dtype=np.int64)
    places[order] = np.arange(order.size)
    return np.asarray(places[inverse], dtype=np.int64)
