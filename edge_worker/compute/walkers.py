"""Walkers: which of them a graph is walked by."""

from __future__ import annotations

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.mixture import MixtureWalker
from edge_worker.compute.rejection import RejectionWalker
from edge_worker.compute.triangles import triangles
from edge_worker.compute.walker import UniformWalker, Walker


def walker_for(graph: Adjacency, *, p: float, q: float) -> Walker:
    """Return the cheapest walker that keeps the law for ``p`` and ``q`` on this graph."""
    if p == q == 1.0 and graph.weights is None:
        return UniformWalker(graph)
    # The groups of the mixture take it that t, v and what follows are three nodes: a loop is in none of them.
    if graph.symmetric and graph.weights is None and not graph.looped:
        found = triangles(graph)
        if found is not None:
            return MixtureWalker(graph, found, p=p, q=q)
    return RejectionWalker(graph, p=p, q=q)
