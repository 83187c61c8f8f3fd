"""Walker: random walks over a graph, the whole batch moved one step at a time.

The law is node2vec's (Grover and Leskovec, 2016, section 3.2): from v, having come from t, a neighbour x of v is
taken with a probability proportional to alpha(t, x), which is 1/p for x = t, 1 for x next to t, and 1/q for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjacency:
    """A symmetric graph in rows (CSR): the neighbours of v are ``neighbours[first[v] : first[v + 1]]``, ascending."""

    first: Tensor
    neighbours: Tensor
    degree: Tensor

    @property
    def num_nodes(self) -> int:
        return self.degree.numel()

    def to(self, device: torch.device) -> Adjacency:
        """Return the same graph on a device."""
        return Adjacency(
            first=self.first.to(device), neighbours=self.neighbours.to(device), degree=self.degree.to(device)
        )


def adjacency(edge_index: Tensor, num_nodes: int) -> Adjacency:
    """Return the rows of a symmetric ``edge_index`` that is sorted by source, then target, without duplicates."""
    degree = torch.bincount(edge_index[0], minlength=num_nodes)
    first = torch.zeros(num_nodes + 1, dtype=torch.int64, device=edge_index.device)
    torch.cumsum(degree, 0, out=first[1:])
    return Adjacency(first=first, neighbours=edge_index[1].contiguous(), degree=degree)


class Walker(Protocol):
    """Something that walks. No start may be without neighbours."""

    def walk(self, starts: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """Return one walk a start as int64 nodes, shape (starts, length), its start first."""


def walker_for(graph: Adjacency, *, p: float, q: float) -> Walker:
    """Return the cheapest walker that keeps the law for ``p`` and ``q``."""
    if p == q == 1.0:
        return UniformWalker(graph)
    return BiasedWalker(graph, p=p, q=q)


class UniformWalker:
    """The walk for p = q = 1: every neighbour is as likely; one draw a step."""

    def __init__(self, graph: Adjacency) -> None:
        self._graph = graph

    def walk(self, starts: Tensor, length: int, generator: torch.Generator) -> Tensor:
        # Steps are rows while walking, so that each is written in one piece.
        steps = torch.empty((length, starts.numel()), dtype=torch.int64, device=starts.device)
        steps[0] = starts
        for step in range(1, length):
            steps[step] = _any_neighbour(self._graph, steps[step - 1], generator)
        return steps.t().contiguous()


class BiasedWalker:
    """The walk for any p and q, exactly: proposals are drawn evenly and refused by the law.

    A return that outweighs every other step is not proposed but drawn from an area of its own (Yang et al.,
    KnightKing, 2019), so that a small p costs no refusals.
    """

    def __init__(self, graph: Adjacency, *, p: float, q: float) -> None:
        self._graph = graph
        self._back, self._away = 1.0 / p, 1.0 / q
        self._bound = max(1.0, self._away)
        nodes = torch.arange(graph.num_nodes, device=graph.degree.device)
        self._edges = torch.repeat_interleave(nodes, graph.degree) * graph.num_nodes + graph.neighbours

    def walk(self, starts: Tensor, length: int, generator: torch.Generator) -> Tensor:
        steps = torch.empty((length, starts.numel()), dtype=torch.int64, device=starts.device)
        steps[0] = starts
        steps[1:2] = _any_neighbour(self._graph, starts, generator)
        for step in range(2, length):
            steps[step] = self._next(steps[step - 2], steps[step - 1], generator)
        return steps.t().contiguous()

    def _next(self, before: Tensor, here: Tensor, generator: torch.Generator) -> Tensor:
        there = before.clone()
        # A node with one neighbour leaves no choice but back.
        pending = (self._graph.degree[here] > 1).nonzero().squeeze(1)
        while pending.numel():
            come_from, at = before[pending], here[pending]
            proposal, accepted = self._propose(come_from, at, generator)
            there[pending] = torch.where(accepted, proposal, come_from)
            pending = pending[~accepted]
        return there

    def _propose(self, come_from: Tensor, at: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        extra = max(0.0, self._back - self._bound)
        area = self._graph.degree[at] * self._bound + extra
        returns = _uniform(at, generator) * area < extra
        proposal = torch.where(returns, come_from, _any_neighbour(self._graph, at, generator))
        level = _uniform(at, generator) * self._bound
        accepted = returns | (level < self._alpha(come_from, proposal))
        return proposal, accepted

    def _alpha(self, come_from: Tensor, proposal: Tensor) -> Tensor:
        alpha = torch.where(self._joined(come_from, proposal), 1.0, self._away)
        return alpha.masked_fill_(proposal == come_from, self._back)

    def _joined(self, one: Tensor, other: Tensor) -> Tensor:
        key = one * self._graph.num_nodes + other
        place = torch.searchsorted(self._edges, key).clamp_(max=self._edges.numel() - 1)
        return self._edges[place] == key


def _any_neighbour(graph: Adjacency, nodes: Tensor, generator: torch.Generator) -> Tensor:
    degree = graph.degree[nodes]
    # Rounding may lift the product to the degree itself, one past the last neighbour.
    offset = (_uniform(nodes, generator) * degree).long().clamp_(max=degree - 1)
    return graph.neighbours[offset.add_(graph.first[nodes])]


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.numel(), generator=generator, device=like.device, dtype=torch.float64)
