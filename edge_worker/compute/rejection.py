"""Rejection: node2vec's walk on a graph of any kind; steps are proposed by weight and refused by the law.

A return that outweighs every other step is not proposed but drawn from an area of its own (Yang et al., KnightKing,
2019), so that a small p costs no refusals; and what even the least likely step would pass is not looked at. A walk that
was refused many times draws from its whole row instead, so that every step ends, whatever p and q are. That keeps the
law, since proposals know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.walker import any_neighbour, uniform

#: Refusals before a row is read: where one in four proposals passes, as for p = q = 4, one walk in ten thousand.
_REFUSALS = 32
#: Entries of rows that are read at a time: 32 MB an array. A longer row is read alone.
_PIECE = 4_000_000


class RejectionWalker:
    """The walk for any p and q, weights and directions."""

    def __init__(self, graph: Adjacency, *, p: float, q: float) -> None:
        self._graph = graph
        self._back, self._away = 1.0 / p, 1.0 / q
        self._bound, self._least = max(1.0, self._away), min(1.0, self._back, self._away)
        self._keys = graph.sources * graph.num_nodes + graph.neighbours
        self._strength = graph.strength()
        self._reach = None if graph.weights is None else graph.weights.to(torch.float64).cumsum(0)

    def walk(self, starts: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        steps = torch.empty((length, starts.numel()), dtype=torch.int64, device=starts.device)
        steps[0] = starts
        if length > 1:
            steps[1] = self._by_weight(starts, generator)
        for step in range(2, length):
            steps[step] = self._next(steps[step - 2], steps[step - 1], generator)
        return steps.t().contiguous()

    def _next(self, before: Tensor, here: Tensor, generator: torch.Generator | None) -> Tensor:
        there = self._graph.neighbours[self._graph.first[here]]
        # A node with one neighbour leaves no choice.
        pending = (self._graph.degree[here] > 1).nonzero().squeeze(1)
        for _ in range(_REFUSALS):
            if not pending.numel():
                return there
            proposal, accepted = self._propose(before[pending], here[pending], generator)
            there[pending] = proposal
            pending = pending[~accepted]
        for piece in _pieces(pending, self._graph.degree[here[pending]]):
            there[piece] = self._by_law(before[piece], here[piece], generator)
        return there

    def _by_law(self, come_from: Tensor, at: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the next node of each walk, drawn from its whole row."""
        counts = self._graph.degree[at]
        ends = counts.cumsum(0)
        begins, walks = ends - counts, torch.arange(at.numel(), device=at.device)
        owner = torch.repeat_interleave(walks, counts)
        place = torch.arange(owner.numel(), device=at.device) + (self._graph.first[at] - begins)[owner]
        mass = self._alpha(come_from[owner], self._graph.neighbours[place])
        if self._graph.weights is not None:
            mass = mass * self._graph.weights[place]
        # The rows share one sum: each is brought to the same size, or a heavy one would blur the next.
        most = mass.new_zeros(at.numel()).scatter_reduce_(0, owner, mass, "amax")
        reach = (mass / most[owner]).cumsum(0)
        below = torch.where(begins > 0, reach[begins - 1], 0.0)
        level = below + uniform(at, generator) * (reach[ends - 1] - below)
        drawn = torch.searchsorted(reach, level, right=True)
        return self._graph.neighbours[place[torch.minimum(torch.maximum(drawn, begins), ends - 1)]]

    def _propose(self, come_from: Tensor, at: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        proposal = self._by_weight(at, generator)
        level = uniform(at, generator) * self._bound
        accepted = level < self._least
        unsure = (~accepted).nonzero().squeeze(1)
        accepted[unsure] = level[unsure] < self._alpha(come_from[unsure], proposal[unsure])
        if self._back > self._bound:
            extra = self._edge_weight(at, come_from).mul_(self._back - self._bound)
            returns = uniform(at, generator) * (self._strength[at] * self._bound + extra) < extra
            proposal, accepted = torch.where(returns, come_from, proposal), accepted | returns
        return proposal, accepted

    def _alpha(self, come_from: Tensor, proposal: Tensor) -> Tensor:
        _, there = self._place(come_from, proposal)
        alpha = torch.full_like(proposal, self._away, dtype=torch.float64).masked_fill_(there, 1.0)
        return alpha.masked_fill_(proposal == come_from, self._back)

    def _edge_weight(self, source: Tensor, target: Tensor) -> Tensor:
        """Return what the edge weighs, zero where there is none."""
        place, there = self._place(source, target)
        weight = there.to(torch.float64)
        return weight if self._graph.weights is None else weight.mul_(self._graph.weights[place])

    def _place(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        key = source * self._graph.num_nodes + target
        place = torch.searchsorted(self._keys, key).clamp_(max=self._keys.numel() - 1)
        return place, self._keys[place] == key

    def _by_weight(self, nodes: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return a neighbour of each node, each as likely as its edge is heavy."""
        if self._reach is None:
            return any_neighbour(self._graph, nodes, generator)
        first, last = self._graph.first[nodes], self._graph.first[nodes + 1] - 1
        end = self._reach[last]
        level = end - self._strength[nodes] * (1 - uniform(nodes, generator))
        place = torch.searchsorted(self._reach, level, right=True)
        return self._graph.neighbours[torch.minimum(torch.maximum(place, first), last)]


def _pieces(walks: Tensor, counts: Tensor) -> Iterator[Tensor]:
    """Yield the walks in order, as many at a time as have ``_PIECE`` entries together, and one at least."""
    number = (counts.cumsum(0) - counts) // _PIECE
    sizes = torch.unique_consecutive(number, return_counts=True)[1].tolist()
    yield from torch.split(walks, sizes) if sizes else ()
