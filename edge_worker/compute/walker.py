"""Walker: random walks over a graph, the whole batch moved one step at a time.

The law is node2vec's (Grover and Leskovec, 2016, section 3.2): from v, having come from t, a neighbour x of v is
taken with a probability proportional to what the edge weighs times alpha(t, x), which is 1/p for x = t, 1 for x next
to t, and 1/q for the rest. The first step goes by the weights alone.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency


class Walker(Protocol):
    """Something that walks."""

    def walk(self, starts: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        """Return one walk a start as int64 nodes, shape (starts, length), its start first.

        Nowhere to go is where a walk stays. Without a generator, torch's own is used.
        """


class UniformWalker:
    """The walk for p = q = 1 without weights: every neighbour is as likely; one draw a step."""

    def __init__(self, graph: Adjacency) -> None:
        self._graph = graph

    def walk(self, starts: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        # Steps are rows while walking, so that each is written in one piece.
        steps = torch.empty((length, starts.numel()), dtype=torch.int64, device=starts.device)
        steps[0] = starts
        drawn = uniform(steps[1:], generator)
        for step in range(1, length):
            at = steps[step - 1]
            degree = self._graph.degree.index_select(0, at)
            # Rounding may lift the product to the degree itself.
            place = torch.minimum(drawn[step - 1].mul_(degree).long(), degree.sub_(1))
            place.add_(self._graph.first.index_select(0, at))
            torch.index_select(self._graph.neighbours, 0, place, out=steps[step])
        return steps.t().contiguous()


def any_neighbour(graph: Adjacency, nodes: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return a neighbour of each node, each as likely."""
    return graph.neighbours[below(graph.degree[nodes], generator).add_(graph.first[nodes])]


def below(counts: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return a whole number from zero up to each count, without it."""
    drawn = (uniform(counts, generator) * counts).long()
    # Rounding may lift the product to the count itself.
    return torch.minimum(drawn, counts - 1)


def uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return a float64 in [0, 1) for each element."""
    return torch.rand(like.shape, generator=generator, device=like.device, dtype=torch.float64)
