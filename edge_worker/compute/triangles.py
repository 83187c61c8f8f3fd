"""Triangles: for each step that may be taken, the steps after it that stay near to where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency

#: Entries of the list at most: 160 MB. A graph with more is walked without it.
MOST_ENTRIES = 20_000_000
#: Pairs of neighbours that are looked at, at most: some seconds.
_MOST_PAIRS = 200_000_000
_CHUNK = 4_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Triangles:
    """The common neighbours of each edge's two ends, edges being numbered as in ``Adjacency.neighbours``.

    Those of the edge (t, v) are ``following[first[e] : first[e + 1]]``: the edges from v to them, ascending.
    """

    first: Tensor
    following: Tensor
    #: The same edge the other way round.
    reverse: Tensor


def triangles(graph: Adjacency, most: int = MOST_ENTRIES) -> Triangles | None:
    """Return the triangles of a symmetric graph without loops, or None where the list would be longer than ``most``."""
    edges, nodes = graph.neighbours.numel(), graph.num_nodes
    keys = graph.sources * nodes + graph.neighbours
    reverse = torch.searchsorted(keys, graph.neighbours * nodes + graph.sources)
    upward, partners = _upward(graph)
    if int(partners.sum()) > _MOST_PAIRS:
        return None
    found, entries = [keys.new_empty(0)], 0
    for one, other, across in _closed(graph, keys, upward, partners):
        entries += 6 * one.numel()
        if entries > most:
            return None
        back_one, back_other, back_across = reverse[one], reverse[other], reverse[across]
        came = torch.cat([one, back_one, other, back_other, across, back_across])
        goes = torch.cat([across, other, back_across, one, back_other, back_one])
        found.append(came.mul_(edges).add_(goes))
    listed = torch.cat(found).sort().values
    first = torch.zeros(edges + 1, dtype=torch.int64, device=keys.device)
    torch.cumsum(torch.bincount(listed // edges, minlength=edges), 0, out=first[1:])
    return Triangles(first=first, following=listed % edges, reverse=reverse)


def _upward(graph: Adjacency) -> tuple[Tensor, Tensor]:
    """Return the edges to a node of higher rank, and with how many later ones of the same node each makes a pair.

    Nodes rank by degree, so that hubs have few edges upward, and the pairs are few.
    """
    nodes = torch.arange(graph.num_nodes, device=graph.degree.device)
    rank, source = graph.degree * graph.num_nodes + nodes, graph.sources
    upward = (rank[source] < rank[graph.neighbours]).nonzero().squeeze(1)
    last = torch.bincount(source[upward], minlength=graph.num_nodes).cumsum(0)
    partners = last[source[upward]] - 1 - torch.arange(upward.numel(), device=upward.device)
    return upward, partners


def _closed(
    graph: Adjacency, keys: Tensor, upward: Tensor, partners: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield triangles in pieces, each once: the edges a to b, a to c, b to c, where a ranks lowest."""
    ends = partners.cumsum(0)
    cuts = torch.arange(0, int(ends[-1]) if ends.numel() else 0, _CHUNK, device=keys.device)
    edges = [*torch.searchsorted(ends, cuts, right=True).tolist(), upward.numel()]
    for begin, end in pairwise(edges):
        counts = partners[begin:end]
        one = torch.repeat_interleave(torch.arange(begin, end, device=keys.device), counts)
        inside = torch.arange(one.numel(), device=keys.device) - (counts.cumsum(0) - counts)[one - begin]
        one, other = upward[one], upward[one + 1 + inside]
        wanted = graph.neighbours[one] * graph.num_nodes + graph.neighbours[other]
        across = torch.searchsorted(keys, wanted).clamp_(max=keys.numel() - 1)
        there = keys[across] == wanted
        yield one[there], other[there], across[there]
